"""How far two models agree on the same phones: sums that add up, over blocks of rows and over processes."""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from pricerange.phone import LABELS

_RANGES = len(LABELS)


def _no_rows() -> npt.NDArray[np.int64]:
    return np.zeros((_RANGES, _RANGES), np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """What is known of the rows that two models have answered, ours and theirs.

    `confusion` int64 [4, 4] counts the rows by our price range (row) and theirs (column). The distance of a
    row is the total variation distance of its probabilities, half the sum of |p - q|: 0 where they are equal,
    1 where neither thinks possible what the other does, and where one of them is no number.
    """

    confusion: npt.NDArray[np.int64] = field(default_factory=_no_rows)
    distance_sum: float = 0.0
    distance_max: float = 0.0

    @classmethod
    def of(cls, ours: npt.NDArray[np.float32], theirs: npt.NDArray[np.float32]) -> Self:
        """Compare the probabilities of the same n rows, float32 [n, 4] each; the likeliest is the answer."""
        distance = 0.5 * np.abs(ours.astype(np.float64) - theirs).sum(axis=1)
        distance = np.where(distance <= 1.0, distance, 1.0)  # rounding exceeds 1, NaN is not below it
        answers = ours.argmax(axis=1) * _RANGES + theirs.argmax(axis=1)
        confusion = np.bincount(answers, minlength=_RANGES * _RANGES).reshape(_RANGES, _RANGES)
        return cls(confusion.astype(np.int64), float(distance.sum()), float(distance.max(initial=0.0)))

    @property
    def rows(self) -> int:
        """Rows that were compared."""
        return int(self.confusion.sum())

    @property
    def agreed(self) -> int:
        """Rows to which both gave the same price range."""
        return int(self.confusion.trace())

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.confusion + other.confusion,
            self.distance_sum + other.distance_sum,
            max(self.distance_max, other.distance_max),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return what people and programs are told; shares and means are None where there are no rows."""
        rows = self.rows
        return {
            "rows": rows,
            "agreed": self.agreed,
            "agreement": self.agreed / rows if rows else None,
            "mean_distance": self.distance_sum / rows if rows else None,
            "max_distance": self.distance_max if rows else None,
            "confusion": self.confusion.tolist(),
        }
