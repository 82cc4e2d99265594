"""Whether probabilities mean what they say: reliability bins and the expected calibration error."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BINS = 15
"""Bins of equal width, from confidence 0 to 1."""


@dataclass(frozen=True, slots=True)
class Bin:
    """The phones answered with a confidence above `low`, up to `high`: how sure, and how often right.

    Confidence is the highest of a phone's four probabilities; `confidence` and `accuracy` are means.
    """

    low: float
    high: float
    rows: int
    confidence: float
    accuracy: float


def reliability(probabilities: npt.NDArray[np.float32], price_range: npt.NDArray[np.int64]) -> list[Bin]:
    """Sort n answers float32 [n, 4] into bins, the empty ones left out; `price_range` holds the truth."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == price_range
    edges = np.linspace(0, 1, BINS + 1)
    place = np.searchsorted(edges[1:-1], confidence)
    return [
        Bin(
            low=float(edges[number]),
            high=float(edges[number + 1]),
            rows=int(inside.sum()),
            confidence=float(confidence[inside].mean()),
            accuracy=float(right[inside].mean()),
        )
        for number in range(BINS)
        if (inside := place == number).any()
    ]


def expected_calibration_error(bins: list[Bin]) -> float:
    """Return the mean distance of confidence and accuracy over the bins, weighted by their rows.

    ECE of the top label with 15 equal-width bins (Guo et al., "On Calibration of Modern Neural Networks",
    2017). Its noise counts as error: a perfectly calibrated model's lies above 0 on few rows.
    """
    rows = sum(one.rows for one in bins)
    return sum(one.rows * abs(one.accuracy - one.confidence) for one in bins) / rows
