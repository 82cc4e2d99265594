"""The state of a canary: what it weighs, what is kept of it, and that it survives being written."""

import math
from pathlib import Path

import pytest

from pricerange.rollout.document import ROLLOUT_FILE, Rollout
from pricerange.rollout.progress import MOST_MEASUREMENTS, Measurement, Progress, Status, weight

STEPS = Rollout.parse(b"stable = 3\n[canary]\nversion = 4\nsteps = [1, 10, 100]", Path(ROLLOUT_FILE))
FIXED = Rollout.parse(b"stable = 3\n[canary]\nversion = 4\nweight = 12.5", Path(ROLLOUT_FILE))
ALONE = Rollout.parse(b"stable = 3", Path(ROLLOUT_FILE))


@pytest.mark.parametrize("status", ["progressing", "paused", "successful"])
def test_a_canary_has_the_weight_of_its_step(status: Status) -> None:
    progress = Progress.begin(STEPS, 5.0).turned(status, "why not")
    assert [weight(progress.at_step(step, 6.0), STEPS) for step in range(3)] == [1, 10, 100]
    assert weight(progress, FIXED) == 12.5
    assert weight(progress, ALONE) == 0


def test_a_failed_canary_has_no_weight_at_any_step() -> None:
    progress = Progress.begin(STEPS, 5.0).turned("failed", "it is worse")
    assert not any(weight(progress.at_step(step, 6.0), STEPS) for step in range(3))
    assert weight(progress, FIXED) == 0


def test_a_step_begins_without_counts_and_keeps_measurements() -> None:
    progress = Progress.begin(STEPS, 5.0)
    for phase in ("successful", "successful", "error"):
        progress = progress.measured(
            Measurement.model_validate({"when": 6.0, "metric": "error_ratio", "value": 0.0, "phase": phase})
        )
    assert progress.counts_of("error_ratio").successful == 2
    assert progress.counts_of("error_ratio").error == 1
    assert progress.counts_of("latency_p99").successful == 0
    later = progress.at_step(1, 7.0)
    assert (later.counts, later.since, len(later.measurements)) == ({}, 7.0, 3)


def test_the_latest_measurements_are_kept_and_come_back_from_json() -> None:
    progress = Progress.begin(STEPS, 5.0)
    for when in range(MOST_MEASUREMENTS + 5):
        value = math.inf if when % 2 else None
        progress = progress.measured(
            Measurement(when=when, metric="latency_p99", value=value, phase="inconclusive")
        )
    assert [one.when for one in progress.measurements] == list(range(5, MOST_MEASUREMENTS + 5))
    assert Progress.model_validate_json(progress.model_dump_json()) == progress
