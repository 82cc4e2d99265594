"""Thresholds of prediction sets for phones of which features are unknown, pattern by pattern.

A pattern is which of the features that can change an answer are unknown. Phones of one pattern keep the
promise of their sets by scores of that pattern; of one that was not calibrated nothing can be promised but
that a set of all price ranges holds the true one.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from pricerange.phone import FEATURE_NAMES, LABELS

LEVELS: tuple[float, ...] = (
    *(percent / 100 for percent in (*range(50, 80, 5), *range(80, 100))),
    0.995,
    0.999,
)
"""Levels whose thresholds are kept: to keep all scores would take some thousand numbers a pattern."""
_STEPS = 100_000

Kept = Mapping[tuple[str, ...], list[list[float]]]
"""Thresholds of each price range at each level, [4, levels], by the names of the unknown features."""
Thresholds = npt.NDArray[np.float32]
_Flags = npt.NDArray[np.bool_]


class PatternThresholds:
    """What probability each price range must have to be in the set of a phone, by its pattern."""

    def __init__(self, active: Sequence[str], levels: Sequence[float], kept: Kept) -> None:
        """Take the features that can change an answer, and thresholds at rising levels, by pattern."""
        self.levels = levels
        self.kept = kept
        self._places = np.array([FEATURE_NAMES.index(name) for name in active], np.intp)
        self._bits = 1 << np.arange(len(active))
        self._by_code = {
            int(self._codes(np.isin(FEATURE_NAMES, pattern)[np.newaxis])[0]): np.array(thresholds, np.float32)
            for pattern, thresholds in kept.items()
        }

    def of(self, unknown: _Flags, level: float, of_known: Thresholds) -> Thresholds:
        """Return the thresholds of n phones float32 [n, 4], whose unknown features are bool [n, 20].

        Those of phones that are known are `of_known` float32 [4]. Between two levels the thresholds of the
        higher one are taken; beyond the highest, and for another pattern than those kept, they are 0.
        """
        codes, places = np.unique(self._codes(unknown), return_inverse=True)
        column = int(np.searchsorted(self.levels, level))
        found = np.zeros((len(codes), len(LABELS)), np.float32)
        for row, code in enumerate(codes.tolist()):
            if not code:
                found[row] = of_known
            elif code in self._by_code and column < len(self.levels):
                found[row] = self._by_code[code][:, column]
        return found[places.reshape(-1)]

    def _codes(self, unknown: _Flags) -> npt.NDArray[np.intp]:
        """Return the pattern of each of n phones as a number, 0 where all that matters is known."""
        codes: npt.NDArray[np.intp] = unknown[:, self._places] @ self._bits
        return codes


def rounded_down(threshold: float) -> float:
    """Return a threshold in few digits, never a higher one: sets by it hold no less."""
    return math.floor(threshold * _STEPS) / _STEPS
