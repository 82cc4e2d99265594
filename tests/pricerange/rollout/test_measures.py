"""Each metric has the value that its definition gives by hand, and tells how many phones it rests on."""

import math

import pytest
from rollout_counts import BOUNDS, NOTHING, counted

from pricerange.rollout.document import MetricName
from pricerange.rollout.measures import MEASURES, Interval
from pricerange.rollout.sums import VersionSums

TWICE = 100 * math.log(1e7)
"""What a hundred runs add up to that lasted for 10 ms, where they usually do for 5."""


@pytest.mark.parametrize(
    ("name", "canary", "stable", "value"),
    [
        pytest.param("error_ratio", counted(90, errors=10), NOTHING, 0.1, id="a tenth of the phones"),
        pytest.param("error_ratio", counted(0, errors=7), NOTHING, 1, id="nothing but errors"),
        pytest.param(
            "latency_ratio", counted(100, log_nanoseconds=TWICE), counted(100), 2, id="twice as long"
        ),
        pytest.param(
            "latency_ratio",
            counted(64, runs=1, log_nanoseconds=math.log(5e6)),
            counted(64),
            1,
            id="by runs, not by rows",
        ),
        pytest.param(
            "latency_ratio",
            counted(1000, log_nanoseconds=999 * math.log(5e6) + math.log(1e9)),
            counted(1000),
            200**0.001,
            id="one of a thousand waited for a second",
        ),
        pytest.param("latency_p99", counted(100), NOTHING, 0.01, id="all in one bucket"),
        pytest.param(
            "latency_p99", counted(100, run_buckets=(0, 99, 1, 0)), NOTHING, 0.01, id="one of a hundred above"
        ),
        pytest.param("latency_p99", counted(100, run_buckets=(0, 98, 2, 0)), NOTHING, 0.1, id="two above"),
        pytest.param(
            "latency_p99", counted(100, run_buckets=(0, 0, 0, 100)), NOTHING, math.inf, id="beyond all bounds"
        ),
        pytest.param("disagreement", counted(100, compared=50, agreed=40), NOTHING, 0.2, id="two of ten"),
        pytest.param("answer_shift", counted(100), counted(400), 0, id="the same shares"),
        pytest.param("answer_shift", counted(8, answers=(0, 0, 4, 4)), counted(100), 1, id="other answers"),
        pytest.param("answer_shift", counted(8, answers=(6, 2, 0, 0)), counted(100), 0.25, id="a quarter"),
        pytest.param("confidence_drop", counted(100, confidence=70), counted(10), 0.2, id="less sure"),
        pytest.param("confidence_drop", counted(100, confidence=95), counted(10), -0.05, id="surer"),
    ],
)
def test_a_metric_is_what_its_definition_says(
    name: MetricName, canary: VersionSums, stable: VersionSums, value: float
) -> None:
    assert MEASURES[name].value(Interval(canary, stable, BOUNDS)) == pytest.approx(value)


@pytest.mark.parametrize("name", MEASURES)
def test_of_nothing_there_is_no_value(name: MetricName) -> None:
    interval = Interval(NOTHING, NOTHING, BOUNDS)
    assert MEASURES[name].rows(interval) == 0
    with pytest.raises(ZeroDivisionError):
        MEASURES[name].value(interval)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        pytest.param("error_ratio", 107, id="errors tell of it too"),
        pytest.param("latency_ratio", 40, id="both versions"),
        pytest.param("latency_p99", 107, id="every run"),
        pytest.param("disagreement", 30, id="compared"),
        pytest.param("answer_shift", 40, id="answers of both"),
        pytest.param("confidence_drop", 20, id="inside the range"),
    ],
)
def test_a_metric_rests_on_the_phones_that_tell_of_it(name: MetricName, rows: int) -> None:
    canary, stable = counted(100, errors=7, compared=30), counted(40, confident_rows=20)
    assert MEASURES[name].rows(Interval(canary, stable, BOUNDS)) == rows
