"""What each of several versions answers to some phones, and whose answer one is."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import orjson

from bench.load.client import Answer, message
from bench.load.phones import Rows, as_objects
from pricerange.predictor import Predictor

NOBODY = 0
"""Stands for the version of an answer that is nobody's."""
_MOST_REMEMBERED = 10_000
"""Right answers that are known by their bytes: to read one takes a client as long as to ask for it."""


class KnownAnswers:
    """Phones, the requests about each of them, and the answers of the versions that were asked before."""

    def __init__(
        self,
        models: Path,
        versions: Iterable[int],
        rows: Rows,
        headers: Sequence[Mapping[str, str]] | None = None,
    ) -> None:
        """Take n phones, float32 [n, 20], and n headers of requests, if there are any."""
        self.rows = rows
        self.requests = [
            message("POST", "/predict", of_one, orjson.dumps(phone))
            for phone, of_one in zip(as_objects(rows), headers or [{}] * len(rows), strict=True)
        ]
        self._expected: dict[int, list[bytes]] = {}
        self._right: dict[tuple[int, bytes], int] = {}
        for version in versions:
            self.add(version, Predictor.load(models, version))

    def add(self, version: int, predictor: Predictor) -> None:
        """Ask another version."""
        found = predictor.predict(self.rows).probabilities
        self._expected[version] = [row.tobytes() for row in found]

    def add_as(self, version: int, other: int) -> None:
        """Know another version, which answers as one that is known."""
        self._expected[version] = self._expected[other]

    def version_of(self, phone: int, answer: Answer) -> int:
        """Return which version says that it answered, if that is its exact answer; else `NOBODY`."""
        if answer.status != 200:
            return NOBODY
        known = self._right.get((phone, answer.body))
        if known is not None:
            return known
        document = orjson.loads(answer.body)
        version = int(document["model"]["version"])
        found = np.array(document["probabilities"], np.float32).tobytes()
        expected = self._expected.get(version)
        if expected is None or expected[phone] != found:
            return NOBODY
        if len(self._right) < _MOST_REMEMBERED:
            self._right[phone, answer.body] = version
        return version
