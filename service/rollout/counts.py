"""What the controller tells Prometheus: a few numbers in the counters that all processes share."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from service.telemetry.seats import Seats
from service.telemetry.shared_counters import SharedCounters

_VALID, _KEPT, _GENERATION, _FAILURES, _ROLLBACKS, _WEIGHT = range(6)


class RolloutCounts(Collector):
    """Written by the controller alone, and told by every worker."""

    def __init__(self, counters: SharedCounters) -> None:
        self._counters = counters
        self._first = counters.take(6)

    def stands(self, generation: int, weight: float, *, valid: bool, kept: bool) -> None:
        """Say how it stands: what is wanted is valid, what it has come to is kept on the disk."""
        row, first = self._counters.row, self._first
        row[first + _VALID], row[first + _KEPT] = valid, kept
        row[first + _GENERATION], row[first + _WEIGHT] = generation, weight

    def failed(self) -> None:
        """Count one plan that was not carried out."""
        self._counters.row[self._first + _FAILURES] += 1

    def rolled_back(self) -> None:
        """Count one canary that failed its analysis."""
        self._counters.row[self._first + _ROLLBACKS] += 1

    def collect(self) -> Iterator[Metric]:
        """Describe every number for prometheus-client."""
        valid, kept, generation, failures, rollbacks, weight = (
            self._counters.columns(self._first, 6).sum(axis=0).tolist()
        )
        yield Gauge("pricerange_rollout_valid", "1 where what is wanted of versions can be served", valid)
        about = "1 where the progress of a canary can be kept on the disk"
        yield Gauge("pricerange_rollout_state_kept", about, kept)
        yield Gauge("pricerange_rollout_generation", "Number of the plan that workers follow", generation)
        yield Gauge("pricerange_rollout_canary_weight_ratio", "Share that the canary answers", weight)
        about = "Plans that were not carried out, since a version could not be loaded or a file was wrong"
        yield Counter("pricerange_rollout_failures", about, failures)
        yield Counter("pricerange_rollout_rollbacks", "Canaries that failed their analysis", rollbacks)


class Counted:
    """The counters that the controller and the workers have in common, in the same slots of each process."""

    def __init__(self, counters: SharedCounters) -> None:
        """Take the slots; to be done before any others are taken."""
        self.seats = Seats(counters)
        self.rollout = RolloutCounts(counters)
