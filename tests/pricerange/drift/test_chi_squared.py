"""The chi-squared distribution beside SciPy's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from pricerange.drift.chi_squared import survival, upper_quantile


@given(value=st.floats(0, 500), freedom=st.integers(1, 30))
def test_tails_are_those_of_scipy(value: float, freedom: int) -> None:
    assert survival(value, freedom) == pytest.approx(chi2.sf(value, freedom), rel=1e-9)


@given(probability=st.floats(1e-12, 0.999), freedom=st.integers(1, 30))
def test_quantiles_are_those_of_scipy(probability: float, freedom: int) -> None:
    assert upper_quantile(probability, freedom) == pytest.approx(chi2.isf(probability, freedom), rel=1e-9)
