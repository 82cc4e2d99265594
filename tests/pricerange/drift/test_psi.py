"""The population stability index: finite, nothing where nothing has changed, seldom an alarm by chance."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricerange.drift.psi import LEAST_ROWS, psi

RATE = 0.01

counts = st.integers(2, 10).flatmap(
    lambda bins: st.tuples(*[st.lists(st.integers(0, 10_000), min_size=bins, max_size=bins)] * 2)
)


def of(*numbers: float) -> npt.NDArray[np.float64]:
    return np.array(numbers, np.float64)


@given(counts)
def test_every_pair_of_counts_has_a_finite_index_that_is_not_negative(
    pair: tuple[list[int], list[int]],
) -> None:
    reference, found = map(np.array, pair)
    told = psi(reference + 1.0, found + LEAST_ROWS / 2, RATE)
    assert told is not None
    assert np.isfinite([told.value, told.limit, told.p_value]).all()
    assert told.value >= 0
    assert told.alarm == (told.p_value < RATE) or abs(told.p_value / RATE - 1) < 1e-6


def test_the_index_is_the_textbooks_where_there_are_many_rows() -> None:
    told = psi(of(500_000, 500_000), of(600_000, 400_000), RATE)
    assert told is not None
    assert told.value == pytest.approx(0.1 * np.log(1.2) - 0.1 * np.log(0.8), rel=1e-5)


def test_one_bin_and_too_few_rows_tell_nothing() -> None:
    assert psi(of(1_000), of(1_000), RATE) is None
    assert psi(of(500, 500), of(LEAST_ROWS - 1, 0), RATE) is None
    assert psi(of(500, 500), of(LEAST_ROWS, 0), RATE) is not None


def test_a_bin_that_was_empty_and_fills_raises_an_alarm() -> None:
    told = psi(of(1_000, 0), of(800, 200), RATE)
    assert told is not None
    assert told.alarm


@pytest.mark.parametrize(
    "shares",
    [
        pytest.param([0.1] * 10, id="deciles"),
        pytest.param([0.5, 0.5], id="yes or no"),
        pytest.param([0.05, 0.95], id="seldom"),
        pytest.param([0.02, 0.03, 0.05, 0.1, 0.8], id="a few values"),
    ],
)
@pytest.mark.parametrize("rows", [LEAST_ROWS, 1_000, 100_000])
def test_without_change_alarms_are_as_seldom_as_is_asked_for(shares: list[float], rows: int) -> None:
    draw = np.random.default_rng(rows)
    pairs = zip(draw.multinomial(1_600, shares, 4_000), draw.multinomial(rows, shares, 4_000), strict=True)
    told = [psi(reference.astype(float), found.astype(float), RATE) for reference, found in pairs]
    alarms = np.mean([one is not None and one.alarm for one in told])
    # four thousand draws have a standard deviation of 0.0016
    assert alarms < RATE + 0.005
