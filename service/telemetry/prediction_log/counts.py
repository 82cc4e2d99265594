"""What became of the rows of the prediction log, counted for all workers and told as metrics."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from service.telemetry.shared_counters import SharedCounters


class Counts(Collector):
    """Each slot is counted by one thread: `no_room` by the event loop, the others by the writer."""

    def __init__(self, counters: SharedCounters) -> None:
        self._counters = counters
        self._row = counters.row
        self._written, self._no_room, self._not_written, self._errors = (counters.take(1) for _ in range(4))

    def written(self, rows: int) -> None:
        """Count rows that are on the disk."""
        self._row[self._written] += rows

    def no_room(self, rows: int) -> None:
        """Count rows that were dropped since too many wait."""
        self._row[self._no_room] += rows

    def not_written(self, rows: int) -> None:
        """Count an error, and the rows of the part that it was about."""
        self._row[self._not_written] += rows
        self._row[self._errors] += 1

    def collect(self) -> Iterator[Metric]:
        """Describe the numbers for prometheus-client."""
        sums = self._counters.sums()
        yield Counter(
            "pricerange_prediction_log_rows",
            "Rows of the prediction log that are on the disk",
            float(sums[self._written]),
        )
        dropped = Counter(
            "pricerange_prediction_log_rows_dropped",
            "Sampled rows that the prediction log lacks: too many waited, or they could not be written",
            labels=["reason"],
        )
        dropped.add_metric(["no_room"], float(sums[self._no_room]))
        dropped.add_metric(["not_written"], float(sums[self._not_written]))
        yield dropped
        yield Counter(
            "pricerange_prediction_log_errors",
            "Parts of the prediction log that could not be written",
            float(sums[self._errors]),
        )
