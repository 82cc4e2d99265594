"""The queue before the model, as Prometheus reads it."""

from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import HistogramMetricFamily as Histogram
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from service.telemetry.prometheus.histogram import SECONDS, histogram
from service.telemetry.shared_counters import Gauge as Slot
from service.telemetry.shared_counters import SharedCounters

WAIT_SECONDS = (0.00005, 0.0001, *SECONDS[:-1])
"""Upper bounds of the waits; alone a request waits for the rest of an iteration of the event loop."""


class QueueMetrics(Collector):
    """Counts in the counters of this process what waits and for how long, tells it of all.

    All requests of a run count with the wait of its oldest, which is never less than their own: a clock for
    each would cost as much as to count it.
    """

    def __init__(self, counters: SharedCounters) -> None:
        self._counters = counters
        self._row = counters.row
        self._seconds = counters.take(1)
        self._waits = counters.take(len(WAIT_SECONDS) + 1)
        self._most_rows = 0

    def limit(self, rows: int) -> None:
        """Say how many phones may wait."""
        self._row[Slot.QUEUE_LIMIT] = rows

    def taken(self, rows: int, callers: int, seconds: float) -> None:
        """Count that so many phones of some callers go to the model; the oldest has waited so long."""
        if rows > self._most_rows:  # noqa: PLR1730, max() takes three times as long
            self._most_rows = rows
        row = self._row
        row[self._seconds] += callers * seconds
        row[self._waits + bisect_left(WAIT_SECONDS, seconds)] += callers

    def look(self, rows: int) -> None:
        """Tell the most that have waited since the last look; so many do now."""
        self._row[Slot.QUEUE_ROWS] = max(rows, self._most_rows)
        self._most_rows = 0

    def collect(self) -> Iterator[Metric]:
        """Describe every number for prometheus-client."""
        sums = self._counters.sums()
        about = "Most phones that waited for the model at once, within the last 0.1 s of each worker"
        yield Gauge("pricerange_queue_rows", about, float(sums[Slot.QUEUE_ROWS]))
        about = "Phones that may wait for the model, in all workers"
        yield Gauge("pricerange_queue_limit_rows", about, float(sums[Slot.QUEUE_LIMIT]))
        about = "From arrival in the queue to the run of the model, of the oldest in the run"
        waits = Histogram("pricerange_queue_wait_seconds", about)
        counts = sums[self._waits : self._waits + len(WAIT_SECONDS) + 1]
        waits.add_metric([], histogram(counts, WAIT_SECONDS), float(sums[self._seconds]))
        yield waits
