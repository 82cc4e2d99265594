"""Exact intervals, beside SciPy's and by what they promise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from training.quality.interval import exact, percent, text


@given(st.integers(1, 2_000).flatmap(lambda rows: st.tuples(st.integers(0, rows), st.just(rows))))
def test_they_are_those_of_clopper_and_pearson(counts: tuple[int, int]) -> None:
    inside, rows = counts
    found = binomtest(inside, rows).proportion_ci(0.95, method="exact")
    assert exact(inside / rows, rows) == pytest.approx((found.low, found.high), abs=1e-12)


@pytest.mark.parametrize("rows", [3, 160])
@pytest.mark.parametrize("share", [0.5, 0.98, 0.999])
def test_they_hold_the_truth_at_least_as_often_as_promised(rows: int, share: float) -> None:
    holding = [low <= share <= high for low, high in (exact(k / rows, rows) for k in range(rows + 1))]
    assert sum(binom.pmf(k, rows, share) for k in range(rows + 1) if holding[k]) >= 0.95


def test_an_interval_is_written_by_its_ends_and_none_as_nothing() -> None:
    assert text((0.29243, 1.0)) == "0.2924 to 1.0000"
    assert percent((0.29243, 1.0)) == "29.2 to 100.0 %"
    assert text(None) == percent(None) == ""
