"""Rows that wait to be written, in arrays: they take a fixed size of memory, and no object each."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pricerange.bundle import Bundle
from pricerange.phone import FEATURE_NAMES, LABELS

PAGE_ROWS = 65_536
"""Rows that may wait: in 16 MB, most of which is touched only where as many do."""
ID_BYTES = 128
"""Of a request id at most, as `request_state` takes it."""


class Rows(NamedTuple):
    """Phones that were answered: n or, where all have the same, one of each.

    `request_id` are n texts of ASCII; `row` int64 [n], 0 for a request about one phone; `door` the place in
    `DOORS`; `time` microseconds of the epoch; `features` float32 [n, 20], NaN where one was unknown;
    `probabilities` float32 [n, 4]; `price_range` int64 [n]; `version` is the one that answered.
    """

    request_id: Sequence[bytes] | bytes
    row: npt.NDArray[np.int64] | int
    door: int
    time: int
    features: npt.NDArray[np.float32]
    probabilities: npt.NDArray[np.float32]
    price_range: npt.NDArray[np.int64]
    version: Bundle


class Page:
    """The rows that one part is made of, as they come."""

    def __init__(self) -> None:
        self.count = 0
        self.request_id = np.empty(PAGE_ROWS, f"S{ID_BYTES}")
        self.row = np.empty(PAGE_ROWS, np.int64)
        self.door = np.empty(PAGE_ROWS, np.int8)
        self.time = np.empty(PAGE_ROWS, np.int64)
        self.features = np.empty((PAGE_ROWS, len(FEATURE_NAMES)), np.float32)
        self.probabilities = np.empty((PAGE_ROWS, len(LABELS)), np.float32)
        self.price_range = np.empty(PAGE_ROWS, np.int64)
        self.versions: list[Bundle] = []
        """Who answered any of the rows; `version` has the place of who answered which."""
        self.version = np.empty(PAGE_ROWS, np.int16)

    def add(self, rows: Rows) -> int:
        """Take as many rows as there is room for, the first, and return how many those are."""
        start, count = self.count, len(rows.features)
        fits = min(count, PAGE_ROWS - start)
        here = slice(start, start + fits)
        if fits < count:
            rows = _first(rows, fits)
        self.request_id[here] = rows.request_id
        self.row[here] = rows.row
        self.door[here] = rows.door
        self.time[here] = rows.time
        self.features[here] = rows.features
        self.probabilities[here] = rows.probabilities
        self.price_range[here] = rows.price_range
        self.version[here] = self._place(rows.version)
        self.count += fits
        return fits

    def clear(self) -> None:
        """Forget the rows."""
        self.count = 0
        self.versions = []

    def _place(self, version: Bundle) -> int:
        for place, known in enumerate(self.versions):
            if known is version:
                return place
        self.versions.append(version)
        return len(self.versions) - 1


def _first(rows: Rows, count: int) -> Rows:
    return rows._replace(
        request_id=rows.request_id if isinstance(rows.request_id, bytes) else rows.request_id[:count],
        row=rows.row if isinstance(rows.row, int) else rows.row[:count],
        features=rows.features[:count],
        probabilities=rows.probabilities[:count],
        price_range=rows.price_range[:count],
    )
