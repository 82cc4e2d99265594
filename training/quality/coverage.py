"""How often prediction sets hold the true price range, and how large they are."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pricerange.answer.prediction_sets import PredictionSets
from pricerange.phone import LABELS
from training.quality.interval import Interval, exact

LEVELS = (0.9, 0.95, 0.99)
"""Shares of phones whose set is promised to hold the true price range, as they are reported."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often sets held the true price range, and how many price ranges they held on average.

    `classes` says the first by the true price range, None where no phone had it. `interval` is the exact one
    of 95 % of the first; None for a mean over folds.
    """

    coverage: float
    mean_size: float
    classes: dict[str, float | None]
    interval: Interval | None = None


def coverage(
    probabilities: npt.NDArray[np.float32], price_range: npt.NDArray[np.int64], sets: PredictionSets
) -> dict[str, Coverage]:
    """Measure the sets of n phones of known price range, by the text of each of `LEVELS`."""
    measured = {}
    for level in LEVELS:
        inside = sets.of(probabilities, level)
        held = inside[np.arange(len(inside)), price_range]
        classes = {
            name: float(held[price_range == one].mean()) if (price_range == one).any() else None
            for one, name in enumerate(LABELS)
        }
        share, size = float(held.mean()), float(inside.sum(axis=1).mean())
        measured[str(level)] = Coverage(share, size, classes, exact(share, len(held)))
    return measured
