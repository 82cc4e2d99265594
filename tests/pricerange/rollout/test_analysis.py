"""The analysis of a canary: when it steps on, waits, fails, and that nothing brings a failed one back."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rollout_counts import BOUNDS, NOTHING, counted

from pricerange.rollout.analysis import Analysis, judged
from pricerange.rollout.document import ROLLOUT_FILE, Metric, Rollout
from pricerange.rollout.progress import Phase, Progress, weight
from pricerange.rollout.sums import VersionSums

ERRORS = "name = 'error_ratio'\nsuccess_condition = 'result <= 0.01'\nfailure_condition = 'result > 0.05'"
DISAGREEMENT = "name = 'disagreement'\nfailure_condition = 'result > 0.2'"
SHIFT = "name = 'answer_shift'\nsuccess_condition = 'result < 0.1'"


def rollout(*metrics: str, canary: str = "steps = [1, 10, 100]", analysis: str = "") -> Rollout:
    listed = "".join(f"[[analysis.metrics]]\n{metric}\n" for metric in metrics)
    section = f"[analysis]\ninterval = 60\n{analysis}\n{listed}" if metrics else ""
    text = f"stable = 3\n[canary]\nversion = 4\n{canary}\n{section}"
    return Rollout.parse(text.encode(), Path(ROLLOUT_FILE))


class Service:
    """A service that is asked so many phones in a minute, and tells the analysis of it every 20 seconds."""

    def __init__(self, plan: Rollout, progress: Progress | None = None) -> None:
        self.now = 1000.0
        self.plan = plan
        self.analysis = Analysis(plan, progress or Progress.begin(plan, self.now), BOUNDS)
        self.canary, self.stable = NOTHING, NOTHING
        self.analysis.advance(self.now, self.canary, self.stable)

    def minute(self, canary: VersionSums, stable: VersionSums | None = None) -> Progress:
        for _ in range(2):
            self.now += 20
            self.analysis.advance(self.now, self.canary, self.stable)
        self.now += 20
        self.canary = added(self.canary, canary)
        self.stable = added(self.stable, stable or counted(300))
        return self.analysis.advance(self.now, self.canary, self.stable)

    @property
    def weight(self) -> float:
        return weight(self.analysis.progress, self.plan)


def added(sums: VersionSums, more: VersionSums) -> VersionSums:
    return sums - (NOTHING - more)


GOOD, DOUBTFUL, BAD = counted(300), counted(291, errors=9), counted(150, errors=150)


@pytest.mark.parametrize(
    ("success", "failure", "phases"),
    [
        pytest.param("result <= 1", None, ["successful", "failed", "failed"], id="success only"),
        pytest.param(None, "result > 2", ["successful", "successful", "failed"], id="failure only"),
        pytest.param("result <= 1", "result > 2", ["successful", "inconclusive", "failed"], id="both"),
        pytest.param("result > 0", "result > 0", ["failed", "failed", "failed"], id="both hold"),
    ],
)
def test_a_value_is_judged_as_argo_does_it(
    success: str | None, failure: str | None, phases: list[Phase]
) -> None:
    given = {"success_condition": success, "failure_condition": failure}
    metric = Metric.model_validate(
        {"name": "error_ratio", **{key: value for key, value in given.items() if value}}
    )
    assert [judged(metric, value) for value in (1, 2, 3)] == phases


def test_a_good_canary_takes_step_after_step_and_is_watched_behind_the_last() -> None:
    service = Service(rollout(ERRORS, analysis="count = 2"))
    weights = []
    for _ in range(6):
        weights.append(service.weight)
        progress = service.minute(GOOD)
    assert weights == [1, 1, 10, 10, 100, 100]
    assert (progress.status, progress.step, service.weight) == ("successful", 2, 100)
    assert progress.why == "passed all steps: 3"
    progress = service.minute(BAD)
    assert (progress.status, service.weight) == ("failed", 0)


def test_a_bad_canary_fails_with_the_first_interval_and_says_why() -> None:
    service = Service(rollout(ERRORS, DISAGREEMENT))
    progress = service.minute(replace(BAD, agreed=0))
    assert (progress.status, service.weight) == ("failed", 0)
    assert progress.why == (
        "error_ratio = 0.5, expected result <= 0.01 (failed measurements: 1, allowed: 0); "
        "disagreement = 1, expected not result > 0.2 (failed measurements: 1, allowed: 0)"
    )
    assert [(one.metric, one.value, one.phase) for one in progress.measurements] == [
        ("error_ratio", 0.5, "failed"),
        ("disagreement", 1, "failed"),
    ]
    assert service.minute(GOOD) is progress


def test_more_failures_than_allowed_are_counted_within_a_step() -> None:
    service = Service(rollout(ERRORS, analysis="failure_limit = 1"))
    assert service.minute(BAD).status == "progressing"
    assert service.minute(GOOD).step == 1
    assert service.minute(BAD).status == "progressing"
    assert service.minute(BAD).status == "failed"


def test_an_unclear_canary_waits_at_its_step_and_may_still_fail() -> None:
    service = Service(rollout(ERRORS))
    progress = service.minute(DOUBTFUL)
    assert (progress.status, service.weight) == ("paused", 1)
    assert progress.why.startswith(
        "error_ratio = 0.03, expected result <= 0.01 (inconclusive measurements: 1"
    )
    progress = service.minute(GOOD)
    assert (progress.status, progress.step) == ("paused", 0)
    assert service.minute(BAD).status == "failed"


def test_an_interval_goes_on_until_enough_phones_tell_of_its_metric() -> None:
    service = Service(rollout(ERRORS, DISAGREEMENT, SHIFT, analysis="min_rows = 100"))
    begun = service.analysis.progress
    assert service.minute(counted(60), counted(10)) is begun
    progress = service.minute(counted(60, compared=30, agreed=30), counted(10))
    assert [one.metric for one in progress.measurements] == ["error_ratio"]
    progress = service.minute(counted(10, compared=10, agreed=10), counted(500))
    assert [one.metric for one in progress.measurements[1:]] == ["disagreement", "answer_shift"]
    assert progress.step == 1


def test_errors_are_enough_where_the_canary_answers_nothing() -> None:
    service = Service(rollout(ERRORS, analysis="min_rows = 100"))
    assert service.minute(replace(NOTHING, errors=99)).status == "progressing"
    assert service.minute(replace(NOTHING, errors=1)).status == "failed"


def test_what_an_interval_does_not_tell_is_an_error_and_no_failure() -> None:
    latency = "name = 'latency_ratio'\nsuccess_condition = 'result < 2'"
    service = Service(rollout(latency))
    progress = service.minute(counted(300, runs=0))
    assert (progress.status, progress.step) == ("progressing", 0)
    assert [(one.value, one.phase) for one in progress.measurements] == [(None, "error")]
    assert service.minute(GOOD).step == 1


def test_the_last_step_does_not_wait_for_a_stable_version_that_answers_nobody() -> None:
    service = Service(rollout(ERRORS, SHIFT, canary="steps = [50, 100]"))
    assert service.minute(GOOD).step == 1
    progress = service.minute(GOOD, NOTHING)
    assert progress.status == "successful"
    almost = Service(rollout(ERRORS, SHIFT, canary="steps = [99]"))
    assert almost.minute(GOOD, NOTHING).status == "progressing"


def test_a_step_lasts_its_pause() -> None:
    service = Service(rollout(ERRORS, canary="steps = [1, 100]\npause = 150"))
    assert [service.minute(GOOD).step for _ in range(4)] == [0, 0, 1, 1]
    without = Service(rollout(canary="steps = [1, 100]\npause = 60"))
    assert [without.minute(NOTHING).step for _ in range(2)] == [1, 1]
    assert without.analysis.progress.status == "successful"


def test_a_fixed_weight_is_watched_for_as_long_as_it_stands() -> None:
    service = Service(rollout(ERRORS, canary="weight = 10"))
    for _ in range(3):
        assert service.minute(GOOD).status == "progressing"
    assert service.weight == 10
    assert service.minute(BAD).status == "failed"


def test_counters_or_a_clock_that_were_set_back_begin_the_interval_anew() -> None:
    service = Service(rollout(ERRORS))
    service.canary = replace(BAD, errors=1_000)
    service.analysis.advance(service.now, service.canary, service.stable)
    service.canary = NOTHING
    assert service.minute(counted(99)).measurements == ()
    service.now -= 3_600
    service.analysis.advance(service.now, service.canary, service.stable)
    progress = service.minute(GOOD)
    assert [(one.value, one.phase) for one in progress.measurements] == [(0, "successful")]


def test_a_restart_keeps_the_step_and_begins_the_interval_anew() -> None:
    plan = rollout(ERRORS)
    before = Service(plan).minute(GOOD)
    kept = Progress.model_validate_json(before.model_dump_json())
    service = Service(plan, kept)
    assert (service.weight, service.analysis.progress) == (10, before)
    assert service.minute(GOOD).step == 2


def test_without_a_canary_nothing_is_analysed() -> None:
    plan = Rollout.parse(b"stable = 3\n[analysis]", Path(ROLLOUT_FILE))
    begun = Progress.begin(plan, 0.0)
    analysis = Analysis(plan, begun, BOUNDS)
    assert analysis.advance(100.0, GOOD, GOOD) is begun


COUNTS = st.integers(0, 10_000)
SUMS = st.builds(
    VersionSums,
    st.tuples(COUNTS, COUNTS, COUNTS, COUNTS),
    *[COUNTS] * 3,
    st.tuples(COUNTS, COUNTS, COUNTS, COUNTS),
    *[COUNTS] * 5,
)
PLANS = st.sampled_from(
    [
        rollout(ERRORS, DISAGREEMENT, SHIFT, analysis="failure_limit = 1\nmin_rows = 1"),
        rollout(SHIFT, canary="weight = 10", analysis="min_rows = 1"),
        rollout(ERRORS, canary="steps = [50, 100]\npause = 100", analysis="min_rows = 1"),
    ]
)
TICKS = st.lists(st.tuples(st.floats(-100, 200), SUMS, SUMS), max_size=12)


@given(PLANS, TICKS)
def test_whatever_is_counted_a_failed_canary_stays_without_weight_and_no_step_is_left_out(
    plan: Rollout, ticks: list[tuple[float, VersionSums, VersionSums]]
) -> None:
    now, canary, stable = 1000.0, NOTHING, NOTHING
    before = Progress.begin(plan, now)
    analysis = Analysis(plan, before, BOUNDS)
    for seconds, more, others in ticks:
        # now and then the clock is set back, and the counters with it
        now += seconds
        canary, stable = (added(canary, more), added(stable, others)) if seconds >= 0 else (more, others)
        progress = analysis.advance(now, canary, stable)
        assert progress.step - before.step in {0, 1}
        if before.status == "failed":
            assert progress is before
        if progress.status == "failed":
            assert weight(progress, plan) == 0
            assert progress.why
        else:
            assert plan.canary is not None
            assert weight(progress, plan) in plan.canary.weights
        before = progress
