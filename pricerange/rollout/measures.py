"""What a canary is measured by over an interval, beside the stable version."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import exp

from pricerange.rollout.document import MetricName
from pricerange.rollout.sums import VersionSums


@dataclass(frozen=True, slots=True)
class Interval:
    """What both versions did in it, and the bounds of the durations that runs are counted by, in seconds."""

    canary: VersionSums
    stable: VersionSums
    bounds: Sequence[float]


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric: how many phones tell of it, its value, and whether the stable version has to answer too.

    `value` raises `ZeroDivisionError` where the interval does not tell it.
    """

    rows: Callable[[Interval], float]
    value: Callable[[Interval], float]
    needs_stable: bool = False


def _asked(sums: VersionSums) -> float:
    return sums.rows + sums.errors


def _latency_ratio(interval: Interval) -> float:
    """Return the ratio of the geometric means: a few runs that waited for the processor hardly change it."""
    canary, stable = interval.canary, interval.stable
    return exp(canary.log_nanoseconds / canary.runs - stable.log_nanoseconds / stable.runs)


def _latency_p99(interval: Interval) -> float:
    """Return the bound below which 99 of 100 runs lasted, infinity where it is beyond the last one."""
    counts = list(accumulate(interval.canary.run_buckets))
    if not counts[-1]:
        raise ZeroDivisionError
    return [*interval.bounds, float("inf")][bisect_left(counts, 0.99 * counts[-1])]


def _answer_shift(interval: Interval) -> float:
    """Return the total variation distance of the shares of answers, from 0 to 1."""
    canary, stable = interval.canary, interval.stable
    pairs = zip(canary.answers, stable.answers, strict=True)
    return sum(abs(one / canary.rows - other / stable.rows) for one, other in pairs) / 2


def _confidence(sums: VersionSums) -> float:
    return sums.confidence / sums.confident_rows


MEASURES: dict[MetricName, Measure] = {
    "error_ratio": Measure(
        lambda interval: _asked(interval.canary),
        lambda interval: interval.canary.errors / _asked(interval.canary),
    ),
    "latency_ratio": Measure(
        lambda interval: min(_asked(interval.canary), _asked(interval.stable)),
        _latency_ratio,
        needs_stable=True,
    ),
    "latency_p99": Measure(lambda interval: _asked(interval.canary), _latency_p99),
    "disagreement": Measure(
        lambda interval: interval.canary.compared,
        lambda interval: 1 - interval.canary.agreed / interval.canary.compared,
    ),
    "answer_shift": Measure(
        lambda interval: min(interval.canary.rows, interval.stable.rows), _answer_shift, needs_stable=True
    ),
    "confidence_drop": Measure(
        lambda interval: min(interval.canary.confident_rows, interval.stable.confident_rows),
        lambda interval: _confidence(interval.stable) - _confidence(interval.canary),
        needs_stable=True,
    ),
}
"""Confidence is compared among phones inside the training range: outside it says nothing of a version."""
