"""What is counted of scored rows: counts of any blocks add up to those of the whole."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from pricerange.bundle import Passport
from pricerange.phone import FEATURE_NAMES, LABELS

_SIDE_BY_SIDE = 64

Counts = npt.NDArray[np.int64]


@dataclass(slots=True)
class Tally:
    """Counts of rows.

    `rows` were read; of the phones among them `price_ranges` int64 [4] were given each answer, and `outside`
    int64 [20] lie outside each feature's training range; `bad` says why the others are none, by the first
    cause of each.
    """

    rows: int = 0
    price_ranges: Counts = field(default_factory=lambda: np.zeros(len(LABELS), np.int64))
    outside: Counts = field(default_factory=lambda: np.zeros(len(FEATURE_NAMES), np.int64))
    bad: Counter[str] = field(default_factory=Counter)

    @property
    def phones(self) -> int:
        """How many rows got an answer."""
        return int(self.price_ranges.sum())

    def add(self, other: "Tally") -> None:
        """Count another's rows too."""
        self.rows += other.rows
        self.price_ranges += other.price_ranges
        self.outside += other.outside
        self.bad += other.bad

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "rows": self.rows,
            "price_ranges": self.price_ranges.tolist(),
            "outside": self.outside.tolist(),
            "bad": dict(self.bad),
        }

    @classmethod
    def of_json(cls, counts: dict[str, Any]) -> Self:
        """Read what `as_json` wrote. Raises `ValueError`, `KeyError` or `TypeError` for anything else."""
        price_ranges, outside = (
            [whole(count) for count in counts[name]] for name in ("price_ranges", "outside")
        )
        bad = Counter({str(cause): whole(count) for cause, count in counts["bad"].items()})
        rows = whole(counts["rows"])
        if len(price_ranges) != len(LABELS) or len(outside) != len(FEATURE_NAMES):
            raise ValueError("a count is missing")
        if rows != sum(price_ranges) + bad.total():
            raise ValueError(f"{rows} rows, but {sum(price_ranges)} answers and {bad.total()} bad rows")
        return cls(rows, np.array(price_ranges, np.int64), np.array(outside, np.int64), bad)


def whole(value: object) -> int:
    """Return a number that counts something. Raises `ValueError` for what is none."""
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ValueError(f"{value!r} is no count")
    return value


class TrainingRange:
    """Where each feature of the training rows lay."""

    def __init__(self, passport: Passport) -> None:
        lay = [passport.feature_ranges[name] for name in FEATURE_NAMES]
        self._low = np.array([feature.low for feature in lay], np.float32)
        self._high = np.array([feature.high for feature in lay], np.float32)

    def outside(self, rows: npt.NDArray[np.float32]) -> Counts:
        """Count the rows float32 [n, 20] that each feature lies outside its range in, as int64 [20]."""
        counts = np.zeros(len(FEATURE_NAMES), np.int64)
        # many rows side by side are one long row: the machine compares those faster
        whole = len(rows) // _SIDE_BY_SIDE * _SIDE_BY_SIDE
        for part, width in ((rows[:whole], _SIDE_BY_SIDE), (rows[whole:], 1)):
            if len(part):
                wide = part.reshape(-1, width * len(FEATURE_NAMES))
                lowest, highest = (side.reshape(width, -1) for side in (wide.min(axis=0), wide.max(axis=0)))
                beyond = (lowest.min(axis=0) < self._low) | (highest.max(axis=0) > self._high)
                for k in np.flatnonzero(beyond):
                    column = part[:, k]
                    counts[k] += np.count_nonzero((column < self._low[k]) | (column > self._high[k]))
        return counts
