"""What is counted of scored rows: counts of any blocks add up to those of the whole."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from pricerange.phone import FEATURE_NAMES, LABELS

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
