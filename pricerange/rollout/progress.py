"""How far a canary has come: the step, what was measured, and why it stands where it stands."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from pricerange.rollout.document import Canary, MetricName, Rollout

MOST_MEASUREMENTS = 100
"""That are kept, the latest: enough to see how a failure came about."""

Status = Literal["progressing", "paused", "successful", "failed"]
Phase = Literal["successful", "failed", "inconclusive", "error"]


class _Record(BaseModel):
    # what is beyond the last bound is infinite, and JSON has no number for that
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


class Measurement(_Record):
    """A metric over an interval that ended at a time in Unix seconds; no value where nothing told it."""

    when: float
    metric: MetricName
    value: float | None
    phase: Phase


class Counts(_Record):
    """Measurements of a metric in a step, by what came of them."""

    successful: int = 0
    failed: int = 0
    inconclusive: int = 0
    error: int = 0

    def after(self, phase: Phase) -> Self:
        """Count one more."""
        return self.model_copy(update={phase: getattr(self, phase) + 1})


class Progress(_Record):
    """What the canary of a file, known by its digest, has come to.

    `step` counts from 0; it began at `since`, in Unix seconds. A `paused` canary keeps its weight and waits
    for a person; a `failed` one has none until the file is another. A `successful` one has passed all steps,
    and is watched until it is promoted.
    """

    digest: str
    step: int = Field(default=0, ge=0)
    status: Status = "progressing"
    why: str = ""
    since: float
    counts: dict[MetricName, Counts] = {}
    measurements: tuple[Measurement, ...] = Field(default=(), max_length=MOST_MEASUREMENTS)

    @classmethod
    def begin(cls, rollout: Rollout, now: float) -> Self:
        """Stand at the first step, at a time in Unix seconds."""
        return cls(digest=rollout.digest, since=now)

    def counts_of(self, metric: MetricName) -> Counts:
        """Return the measurements of a metric in this step."""
        return self.counts.get(metric, Counts())

    def measured(self, measurement: Measurement) -> Self:
        """Keep a measurement, and count it."""
        metric = measurement.metric
        counts = self.counts | {metric: self.counts_of(metric).after(measurement.phase)}
        kept = (*self.measurements, measurement)[-MOST_MEASUREMENTS:]
        return self.model_copy(update={"counts": counts, "measurements": kept})

    def at_step(self, step: int, now: float) -> Self:
        """Begin a step."""
        return self.model_copy(update={"step": step, "since": now, "counts": {}})

    def turned(self, status: Status, why: str) -> Self:
        """Change the status, and say why."""
        return self.model_copy(update={"status": status, "why": why})


def weight(progress: Progress, rollout: Rollout) -> float:
    """Return per cent of the requests that the canary answers now; 0 where there is none, or it failed."""
    if rollout.canary is None or progress.status == "failed":
        return 0.0
    return step_weight(progress, rollout.canary)


def step_weight(progress: Progress, canary: Canary) -> float:
    """Return per cent of the requests of the step that was reached."""
    return canary.weights[min(progress.step, len(canary.weights) - 1)]
