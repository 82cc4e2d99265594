"""The accuracy to expect is the true one where confidence means the same as before."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricerange.drift.expected_accuracy import Recalibration


@given(st.lists(st.floats(1e-5, 1 - 1e-5), min_size=1, max_size=20))
def test_without_scaling_an_answer_is_right_as_often_as_it_is_sure(confidence: list[float]) -> None:
    right = Recalibration(0.0, 1.0).right(np.array(confidence))
    np.testing.assert_allclose(right, confidence, rtol=1e-9)


@given(intercept=st.floats(-5, 5), slope=st.floats(-5, 5), confidence=st.floats(0, 1))
def test_probabilities_stay_probabilities(intercept: float, slope: float, confidence: float) -> None:
    assert 0 <= Recalibration(intercept, slope).right(np.array([confidence]))[0] <= 1


def test_answers_that_are_too_sure_are_expected_to_be_right_less_often() -> None:
    modest = Recalibration(0.0, 0.5)
    assert modest.right(np.array([0.99]))[0] == pytest.approx(1 / (1 + 99**-0.5))
