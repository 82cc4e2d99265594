"""What prediction sets hold, measured."""

import numpy as np
import pytest

from pricerange.answer.prediction_sets import PredictionSets
from training.quality.coverage import coverage


def test_coverage_is_told_of_all_and_of_each_price_range() -> None:
    # at every level the sets of these are what has at least 0.3, and the most probable
    sets = PredictionSets([[0.3] * 999] * 4)
    probabilities = np.array(
        [[0.7, 0.3, 0, 0], [0.7, 0.3, 0, 0], [0.9, 0.1, 0, 0], [0, 0, 0.2, 0.8]], np.float32
    )
    measured = coverage(probabilities, np.array([0, 1, 1, 2]), sets)
    assert list(measured) == ["0.9", "0.95", "0.99"]
    found = measured["0.9"]
    assert found.coverage == 0.5
    assert found.mean_size == pytest.approx(1.5)
    assert found.classes == {"low": 1.0, "medium": 0.5, "high": 0.0, "very high": None}
    assert found.interval == pytest.approx((0.0676, 0.9324), abs=1e-4)
