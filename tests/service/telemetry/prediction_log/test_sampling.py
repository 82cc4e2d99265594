"""A sample is drawn row by row: its size and its gaps are those of independent draws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.telemetry.prediction_log.sampling import Sampler


@given(st.floats(0.001, 1), st.lists(st.integers(0, 50), max_size=20), st.integers(0, 2**32))
def test_places_are_some_of_the_rows_in_order(share: float, counts: list[int], seed: int) -> None:
    sampler = Sampler(share, seed)
    for count in counts:
        places = sampler.places(count)
        assert np.all(np.diff(places) > 0)
        assert not len(places) or 0 <= places[0] <= places[-1] < count


@given(st.lists(st.integers(0, 50), max_size=20))
def test_a_share_of_1_is_all_rows(counts: list[int]) -> None:
    sampler = Sampler(1.0)
    assert [sampler.places(count).tolist() for count in counts] == [list(range(count)) for count in counts]


@pytest.mark.parametrize("rows", [1, 7, 1_000])
@pytest.mark.parametrize("share", [0.01, 0.3])
def test_each_row_is_sampled_as_often_however_many_come_at_once(share: float, rows: int) -> None:
    sampler = Sampler(share, seed=1)
    runs = 200_000 // rows
    drawn = np.concatenate([sampler.places(rows) + run * rows for run in range(runs)])
    expected, deviation = share * runs * rows, np.sqrt(share * (1 - share) * runs * rows)
    assert abs(len(drawn) - expected) < 5 * deviation
    # the first row of a run as often as any other
    first = np.count_nonzero(drawn % rows == 0)
    assert abs(first - share * runs) < 5 * np.sqrt(share * (1 - share) * runs)
    # independent draws: a gap is no longer after a long one
    gaps = np.diff(drawn)
    assert gaps.mean() == pytest.approx(1 / share, rel=0.1)
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 5 / np.sqrt(len(gaps))
