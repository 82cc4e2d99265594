"""Sets of price ranges that shall hold the true one as often as promised: split conformal prediction.

A phone's score is 1 - the probability of its true price range. The set of a phone whose price range is not
known holds every price range whose score would not be above a quantile of the scores of phones that the
model has not learned from (Angelopoulos & Bates, "A Gentle Introduction to Conformal Prediction", 2021,
section 1.1).

The promise supposes that those phones and later ones are exchangeable. Here that holds only nearly: the same
validation rows choose the epoch whose weights are kept, fit the temperature and give the quantiles. What the
sets held is therefore measured on the test rows.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEVELS = (0.9, 0.95, 0.99)
"""Shares of phones whose set is promised to hold the true price range."""

Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often the sets held the true price range, and how many price ranges they held on average."""

    coverage: float
    mean_size: float


def quantiles(probabilities: Probabilities, price_range: npt.NDArray[np.int64]) -> dict[str, float]:
    """Return the quantile of the scores of n phones for each level, by the level's text: {"0.9": ...}.

    It is the ceil((n + 1) level)-th smallest score; where n is too small for that, 1: a set of all.
    """
    scores = np.sort(1 - _of_truth(probabilities, price_range))
    ranks = {level: math.ceil((len(scores) + 1) * level) for level in LEVELS}
    return {
        str(level): float(scores[rank - 1]) if rank <= len(scores) else 1.0 for level, rank in ranks.items()
    }


def sets(probabilities: Probabilities, quantile: float) -> npt.NDArray[np.bool_]:
    """Return which price ranges are in the set of each of n phones, bool [n, 4].

    At a level below the model's accuracy some sets are empty: their phones lie so near a border that even
    the likeliest price range is less likely than the promise needs.
    """
    inside: npt.NDArray[np.bool_] = 1 - probabilities.astype(np.float64) <= quantile
    return inside


def coverage(
    probabilities: Probabilities, price_range: npt.NDArray[np.int64], of: Mapping[str, float]
) -> dict[str, Coverage]:
    """Measure the sets of n phones of known price range, by level; `of` are the quantiles."""
    measured = {}
    for level, quantile in of.items():
        inside = sets(probabilities, quantile)
        held = np.take_along_axis(inside, price_range[:, None], axis=1)
        measured[level] = Coverage(float(held.mean()), float(inside.sum(axis=1).mean()))
    return measured


def _of_truth(probabilities: Probabilities, price_range: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    own = np.take_along_axis(probabilities, price_range[:, None], axis=1)
    return own[:, 0].astype(np.float64)
