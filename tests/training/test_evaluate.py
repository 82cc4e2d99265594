"""Measures of quality against numbers worked out by hand."""

import numpy as np
import pytest

from training.evaluate import evaluate


def test_measures_of_a_small_table() -> None:
    true = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 3])
    answered = np.array([0, 0, 1, 1, 1, 2, 2, 2, 3, 3])
    found = evaluate(true, answered)
    assert found.rows == 10
    assert found.accuracy == pytest.approx(0.8)
    assert found.confusion == [[2, 1, 0, 0], [0, 2, 0, 0], [0, 0, 3, 1], [0, 0, 0, 1]]
    assert found.classes["medium"].precision == pytest.approx(2 / 3)
    assert found.classes["medium"].recall == pytest.approx(1)
    assert found.classes["medium"].f1 == pytest.approx(0.8)
    assert found.macro.recall == pytest.approx((2 / 3 + 1 + 3 / 4 + 1) / 4)


def test_a_price_range_that_is_never_answered_has_precision_0() -> None:
    found = evaluate(np.array([0, 1, 2, 3]), np.array([0, 1, 2, 2]))
    assert found.classes["very high"].precision == 0
    assert found.classes["very high"].f1 == 0
