"""What became of traced requests, counted for all workers and told as metrics."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from service.telemetry.shared_counters import SharedCounters


class Counts(Collector):
    """Each slot is counted by one thread: `no_room` by the event loop, the others by that which sends."""

    def __init__(self, counters: SharedCounters) -> None:
        self._counters = counters
        self._row = counters.row
        self._sent, self._no_room, self._not_taken = (counters.take(1) for _ in range(3))

    def sent(self, requests: int) -> None:
        """Count requests whose spans the collector has taken."""
        self._row[self._sent] += requests

    def no_room(self) -> None:
        """Count one whose spans were dropped since too many wait."""
        self._row[self._no_room] += 1

    def not_taken(self, requests: int) -> None:
        """Count requests whose spans the collector did not take."""
        self._row[self._not_taken] += requests

    def collect(self) -> Iterator[Metric]:
        """Describe the numbers for prometheus-client."""
        sums = self._counters.sums()
        about = "Requests whose spans the collector has taken"
        yield Counter("pricerange_traced_requests", about, float(sums[self._sent]))
        dropped = Counter(
            "pricerange_traced_requests_dropped",
            "Traced requests whose spans were dropped: too many waited, or the collector did not take them",
            labels=["reason"],
        )
        dropped.add_metric(["no_room"], float(sums[self._no_room]))
        dropped.add_metric(["not_taken"], float(sums[self._not_taken]))
        yield dropped
