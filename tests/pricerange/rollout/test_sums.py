"""Counters of a version: differences, and whether they only grew."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rollout_counts import NOTHING, counted

from pricerange.rollout.sums import VersionSums


@given(st.integers(0, 1_000), st.integers(0, 1_000))
def test_a_difference_is_what_was_done_between(earlier: int, more: int) -> None:
    between = counted(earlier + more) - counted(earlier)
    assert between.rows == more
    assert between.run_buckets == (0, more, 0, 0)
    assert between.confidence == pytest.approx(0.9 * more)
    assert counted(earlier) - counted(earlier) == NOTHING


FIELDS = [
    pytest.param(counted(10, answers=(4, 6, 0, 0)), id="answers"),
    pytest.param(counted(10, run_buckets=(1, 9, 0, 0)), id="run_buckets"),
    *(
        pytest.param(counted(10, **{field: -1}), id=field)
        for field in (
            "errors",
            "runs",
            "log_nanoseconds",
            "confident_rows",
            "confidence",
            "compared",
            "agreed",
        )
    ),
]


@pytest.mark.parametrize("sums", FIELDS)
def test_one_counter_that_went_back_is_enough(sums: VersionSums) -> None:
    assert counted(10).follows(counted(10))
    assert counted(11).follows(counted(10))
    assert not sums.follows(counted(10))
    assert not counted(9).follows(counted(10))
    assert replace(counted(10), distance=0.5).follows(counted(10))
