"""What was asked with each API key, by its name, for Prometheus."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from service.http.keys.key import CELLS
from service.http.keys.known import SLOTS, KnownKeys
from service.telemetry.shared_counters import SharedCounters


class KeyMetrics(Collector):
    """Adds up what all workers have counted of the keys that there are now."""

    def __init__(self, known: KnownKeys, counters: SharedCounters, first: int) -> None:
        """Read `SLOTS` slots from the first on."""
        self._known = known
        self._counters = counters
        self._first = first

    def collect(self) -> Iterator[Metric]:
        """Describe every number for prometheus-client."""
        rows = Counter("pricerange_key_rows", "Phones asked about with an API key", labels=["key"])
        limited = Counter(
            "pricerange_rate_limited", "Requests rejected by the limit of their API key", labels=["key"]
        )
        slots = {key.name: (key.slot, key.since) for key in self._known.all()}
        cells = self._counters.columns(self._first, SLOTS).reshape(-1, SLOTS // CELLS, CELLS)
        for name, (slot, since) in slots.items():
            # cells of an older name do not count
            of_name = cells[cells[:, slot, 0] == since, slot]
            rows.add_metric([name], float(of_name[:, 1].sum()))
            limited.add_metric([name], float(of_name[:, 2].sum()))
        yield rows
        yield limited
        valid = float(self._known.publication.file_valid)
        yield Gauge("pricerange_api_keys_file_valid", "1 where the file's keys are those that count", valid)
