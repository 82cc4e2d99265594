"""The values that a feature may be changed to: whole numbers as such, all others in hundredths of their unit.

A value is counted in steps, so that a search ends exactly, and its float32 is that of a short decimal, which
reads back as the same float32.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from pricerange.bundle import FeatureRange
from pricerange.phone import FEATURE_NAMES, FEATURES

Within = Literal["training_range", "physical_limits"]
"""Where values are looked for."""

Rows = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_PER_UNIT = np.array([1 if feature.kind != "number" else 100 for feature in FEATURES], np.int64)
_DIGITS = 6
"""Of a number of steps: what is finer comes of writing decimals in binary."""


class Lattice:
    """For each of the 20 features the steps `first` to `last`, int64 [20], that lie `within` some limits."""

    def __init__(self, ranges: Mapping[str, FeatureRange], within: Within) -> None:
        """Take where each feature lay in the training rows."""
        low, high = (np.array(side, float) for side in zip(*((f.low, f.high) for f in FEATURES), strict=True))
        if within == "training_range":
            low = np.maximum(low, [ranges[name].low for name in FEATURE_NAMES])
            high = np.minimum(high, [ranges[name].high for name in FEATURE_NAMES])
        self.within: Within = within
        self.first = np.ceil(steps_of(low.astype(np.float32))).astype(np.int64)
        self.last = np.floor(steps_of(high.astype(np.float32))).astype(np.int64)


def steps_of(phone: Rows) -> Floats:
    """Return how many steps each of the 20 values is, float64 [20]; it need not be a whole number of them."""
    decimals = np.array([float(str(value)) for value in phone])
    steps: Floats = np.round(decimals * _PER_UNIT, _DIGITS)
    return steps


def values_of(places: npt.NDArray[np.intp], steps: Ints) -> Rows:
    """Return the values, float32, of steps of the features that stand at `places`."""
    values: Rows = (steps / _PER_UNIT[places]).astype(np.float32)
    return values


def spreads(ranges: Mapping[str, FeatureRange]) -> Floats:
    """Return in steps how far each feature spreads in the training rows, float64 [20].

    It is the distance from the 10th to the 90th percentile, from the lowest to the highest value where those
    are the same, and a unit where all are.
    """
    lay = [ranges[name] for name in FEATURE_NAMES]
    units = [one.deciles[-1] - one.deciles[0] or one.high - one.low or 1.0 for one in lay]
    found: Floats = np.array(units) * _PER_UNIT
    return found


def plain(place: int, value: np.float32) -> float | int:
    """Return a value of the feature at a place as people write it, which reads back as the same float32."""
    return int(value) if FEATURES[place].kind != "number" else float(str(value))
