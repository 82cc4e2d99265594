"""Whether a canary is as good as the stable version: measured by intervals, judged as Argo Rollouts does it.

Nothing here knows a clock, a worker or a file: it is told the time and what was counted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pricerange.rollout.document import AnalysisTemplate, Canary, Metric, MetricName, Rollout
from pricerange.rollout.measures import MEASURES, Interval
from pricerange.rollout.progress import Measurement, Phase, Progress, step_weight
from pricerange.rollout.sums import VersionSums


def judged(metric: Metric, value: float) -> Phase:
    """Say what a value is by the metric's conditions; where only one is given, the other is its opposite."""
    succeeds = metric.success_condition.holds(value) if metric.success_condition else None
    fails = metric.failure_condition.holds(value) if metric.failure_condition else not succeeds
    if fails:
        return "failed"
    return "inconclusive" if succeeds is False else "successful"


@dataclass(frozen=True, slots=True)
class _Count:
    """What was counted until a time, in Unix seconds."""

    when: float
    canary: VersionSums
    stable: VersionSums

    def follows(self, earlier: "_Count") -> bool:
        """Say whether an interval lies between the two: neither the clock nor a counter was set back."""
        return (
            self.when >= earlier.when
            and self.canary.follows(earlier.canary)
            and self.stable.follows(earlier.stable)
        )


class Analysis:
    """The analysis of a canary while a service runs.

    After a restart it continues where `progress` stands, with new intervals: what was counted before is gone.
    """

    def __init__(self, rollout: Rollout, progress: Progress, bounds: Sequence[float]) -> None:
        """Continue a progress; `bounds`, in seconds, are those that durations of runs are counted by."""
        self.progress = progress
        self._rollout = rollout
        self._bounds = bounds
        self._starts: dict[MetricName, _Count] = {}

    def advance(self, now: float, canary: VersionSums, stable: VersionSums) -> Progress:
        """Take what was counted until now, in Unix seconds, and return how far the canary has come.

        To be called every second or two. Returns the same object where nothing has changed.
        """
        plan, template = self._rollout.canary, self._rollout.analysis
        if plan is None or self.progress.status == "failed":
            return self.progress
        count = _Count(now, canary, stable)
        if template is not None:
            measured = list(self._measurements(template, count))
            for measurement in measured:
                self.progress = self.progress.measured(measurement)
            self.progress = _judged(self.progress, template, measured)
        if self.progress.status == "progressing" and plan.steps and self._has_passed(plan, now):
            self._starts = dict.fromkeys(self._starts, count)
            self._step_on(plan, now)
        return self.progress

    def _measurements(self, template: AnalysisTemplate, now: _Count) -> Iterator[Measurement]:
        """Yield what is measured by now; an interval goes on until enough phones tell of its metric."""
        for metric in template.metrics:
            start = self._starts.get(metric.name)
            if start is None or not now.follows(start):
                self._starts[metric.name] = now
                continue
            measure = MEASURES[metric.name]
            interval = Interval(now.canary - start.canary, now.stable - start.stable, self._bounds)
            if now.when - start.when < template.interval or measure.rows(interval) < template.min_rows:
                continue
            self._starts[metric.name] = now
            try:
                value = measure.value(interval)
            except ZeroDivisionError:
                yield Measurement(when=now.when, metric=metric.name, value=None, phase="error")
            else:
                yield Measurement(when=now.when, metric=metric.name, value=value, phase=judged(metric, value))

    def _has_passed(self, plan: Canary, now: float) -> bool:
        if now - self.progress.since < plan.pause:
            return False
        template = self._rollout.analysis
        if template is None:
            return True
        # a stable version that nobody is answered by cannot be compared with
        alone = step_weight(self.progress, plan) == 100
        return all(
            self.progress.counts_of(metric.name).successful >= template.count
            for metric in template.metrics
            if not (alone and MEASURES[metric.name].needs_stable)
        )

    def _step_on(self, plan: Canary, now: float) -> None:
        """Begin the next step; after the last one the canary is only watched."""
        step = self.progress.step + 1
        if step < len(plan.weights):
            self.progress = self.progress.at_step(step, now)
        else:
            last = self.progress.at_step(self.progress.step, now)
            self.progress = last.turned("successful", f"passed all steps: {len(plan.weights)}")


def _judged(progress: Progress, template: AnalysisTemplate, measured: Sequence[Measurement]) -> Progress:
    """End the canary, or let it wait, where a metric has more bad measurements than it may have."""
    if failures := _beyond("failed", template.failure_limit, progress, template, measured):
        return progress.turned("failed", failures)
    doubts = _beyond("inconclusive", template.inconclusive_limit, progress, template, measured)
    if doubts and progress.status == "progressing":
        return progress.turned("paused", doubts)
    return progress


def _beyond(
    phase: Phase, limit: int, progress: Progress, template: AnalysisTemplate, measured: Sequence[Measurement]
) -> str:
    """Tell of each measurement of a phase that is one more than the limit allows."""
    metrics = {metric.name: metric for metric in template.metrics}
    return "; ".join(
        f"{one.metric} = {one.value:.4g}, expected {_expected(metrics[one.metric])} "
        f"({phase} measurements: {count}, allowed: {limit})"
        for one in measured
        if one.phase == phase and (count := getattr(progress.counts_of(one.metric), phase)) > limit
    )


def _expected(metric: Metric) -> str:
    return str(metric.success_condition or f"not {metric.failure_condition}")
