"""Sets of price ranges that hold the true one as often as promised, whichever it is: conformal prediction.

A price range is in a phone's set where its probability is at least what all but a share of the phones that
really had it were given for it, when they were answered by a model that had not seen them: class by class, so
that the promise holds for each (Vovk, "Conditional validity of inductive conformal predictors", 2012). The
most probable price range is always in it, and so is what lies between two that are: price ranges have an
order.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pricerange.answer.patterns import LEVELS, PatternThresholds, rounded_down
from pricerange.bundle import Passport
from pricerange.phone import FEATURE_NAMES, LABELS

Probabilities = npt.NDArray[np.float32]


class PredictionSets:
    """Makes sets by probabilities that phones of known price range were given for it.

    Where the phones of a price range were held out of one fit, the sets of that model hold it with the
    probability `level` at least. Where they are pooled from several fits, each on the other folds, only
    1 - 2 (1 - level) is proven, and that for sets made by the same fits (Barber et al., "Predictive inference
    with the jackknife+", 2021): a model fitted to all of them, which is a little better, is expected to come
    near the level, and by how near is measured.
    """

    def __init__(
        self, of_truth: Sequence[Sequence[float]], patterns: PatternThresholds | None = None
    ) -> None:
        """Take for each price range those probabilities, in any order, and what holds of unknown features.

        Without such patterns any feature counts, and none was calibrated.
        """
        self.patterns = patterns or PatternThresholds(FEATURE_NAMES, (), {})
        self._of_truth = [np.sort(np.asarray(given, np.float32)) for given in of_truth]

    @classmethod
    def measured(
        cls,
        probabilities: Probabilities,
        price_range: npt.NDArray[np.int64],
        patterns: PatternThresholds | None = None,
    ) -> "PredictionSets":
        """Make sets by the answers float32 [n, 4] to phones whose price ranges int64 [n] are known."""
        of_truth = [probabilities[price_range == one, one].tolist() for one in range(len(LABELS))]
        return cls(of_truth, patterns)

    @classmethod
    def of_version(cls, passport: Passport) -> "PredictionSets | None":
        """Make the sets of a version, None where it was written before there were any."""
        scores = passport.prediction_sets
        if scores is None:
            return None
        kept = {tuple(pattern.features): pattern.thresholds for pattern in scores.unknown}
        return cls(scores.of_truth, PatternThresholds(passport.active_features, scores.levels, kept))

    def kept(self) -> list[list[float]]:
        """Return of each price range the thresholds at each of `patterns.LEVELS`, in few digits."""
        by_level = [self.thresholds(level).tolist() for level in LEVELS]
        return [[rounded_down(threshold) for threshold in of_one] for of_one in zip(*by_level, strict=True)]

    @property
    def of_truth(self) -> list[list[float]]:
        """The probabilities of each price range, the smallest first, each the shortest that reads back."""
        return [[float(str(value)) for value in given] for given in self._of_truth]

    def thresholds(self, level: float) -> Probabilities:
        """Return what probability each price range must have, float32 [4]; 0 where too few phones had it."""
        found = np.zeros(len(LABELS), np.float32)
        for one, given in enumerate(self._of_truth):
            # of n + 1 phones, the next among them, this many may be given less
            left_out = len(given) - math.ceil((len(given) + 1) * level)
            if left_out >= 0:
                found[one] = given[left_out]
        return found

    def of(
        self, probabilities: Probabilities, level: float, unknown: npt.NDArray[np.bool_] | None = None
    ) -> npt.NDArray[np.bool_]:
        """Return which price ranges are in the set of each of n phones, bool [n, 4]: one or neighbours.

        `unknown` bool [n, 20] says which features were averaged over, if any were.
        """
        thresholds = self.thresholds(level)
        if unknown is not None:
            thresholds = self.patterns.of(unknown, level, thresholds)
        inside = np.packbits(probabilities >= thresholds, axis=1, bitorder="little")[:, 0]
        # a table of all sets, in a fifth of the time that it takes to fill each
        filled = _FILLED[inside | _ALONE[probabilities.argmax(axis=1)]]
        sets: npt.NDArray[np.bool_] = filled.view(np.bool_).reshape(-1, len(LABELS))
        return sets


def abstains(sets: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return whether each of n sets, bool [n, 4], leaves open which price range it is, bool [n]."""
    several: npt.NDArray[np.bool_] = sets.sum(axis=1) > 1
    return several


def _filled(code: int) -> list[bool]:
    """Return which price ranges a set has, from its lowest to its highest, by a number of a bit for each."""
    found = [one for one in range(len(LABELS)) if code >> one & 1]
    return [bool(found) and found[0] <= one <= found[-1] for one in range(len(LABELS))]


_ALONE = (1 << np.arange(len(LABELS))).astype(np.uint8)
_FILLED = np.array([_filled(code) for code in range(1 << len(LABELS))]).view(np.uint32)[:, 0]
"""Of each code the four truth values, as one number."""
