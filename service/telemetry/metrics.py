"""What Prometheus reads: counts of requests, phones, runs and processes, of all workers together.

prometheus-client writes the text; to count by its objects would cost a request several times as much.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry, PlatformCollector, generate_latest
from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from pricerange.answer.applicability import Applicability
from pricerange.phone import FEATURE_NAMES
from service.telemetry.prometheus.build import BuildInfo
from service.telemetry.prometheus.processes import Processes
from service.telemetry.prometheus.queue import QueueMetrics
from service.telemetry.prometheus.requests import RequestMetrics
from service.telemetry.shared_counters import WORKER_RESTARTS, SharedCounters
from service.telemetry.shared_counters import Gauge as Slot

_OUTSIDE = (*FEATURE_NAMES, "combination")
"""What may be out of range: a feature, or else the combination of all."""

_WORKERS = {"cpu": Slot.CPU_WORKERS, "cuda": Slot.CUDA_WORKERS}
_HELD = (
    (Slot.MEMORY_BUDGET, "memory_budget", "Memory that requests may hold"),
    (Slot.MEMORY_HELD, "memory_held", "Memory that requests hold"),
    (Slot.SPOOL_BUDGET, "spool_budget", "Disk that long answers may take"),
    (Slot.SPOOL_HELD, "spool_held", "Disk that long answers take"),
)

_Sums = npt.NDArray[np.float64]


class Metrics(Collector):
    """Counts in the counters of this process, tells those of all."""

    def __init__(
        self, counters: SharedCounters, provider: Literal["cpu", "cuda"], *, traced: bool = False
    ) -> None:
        """Count in a worker that runs the model on this provider; requests may be `traced`."""
        self._counters = counters
        self._row = counters.row
        self._out_of_range = counters.take(len(_OUTSIDE))
        self._explained = counters.take(1)
        self._unknown = counters.take(len(FEATURE_NAMES))
        self._log_lines_dropped = counters.take(1)
        self.requests = RequestMetrics(counters, traced=traced)
        self.queue = QueueMetrics(counters)
        self.registry = CollectorRegistry()
        for part in (self.requests, self, self.queue, Processes(counters), BuildInfo()):
            self.registry.register(part)
        PlatformCollector(registry=self.registry)
        self._row[_WORKERS[provider]] = 1

    def add(self, collector: Collector) -> None:
        """Tell what another one counts, too."""
        self.registry.register(collector)

    def out_of_range(self, found: Applicability) -> None:
        """Count the rows that are unlike the training rows, by each feature that is outside its range."""
        if found.in_range.all():
            return
        counts = np.append(found.outside.sum(axis=0), np.sum(found.far & ~found.outside.any(axis=1)))
        self._row[self._out_of_range : self._out_of_range + len(_OUTSIDE)] += counts

    def explained(self) -> None:
        """Count one phone whose answer was explained."""
        self._row[self._explained] += 1

    def unknown_features(self, unknown: npt.NDArray[np.bool_]) -> None:
        """Count the features that were unknown of n phones, bool [n, 20]."""
        counts = unknown.sum(axis=0, dtype=np.float64)
        self._row[self._unknown : self._unknown + len(FEATURE_NAMES)] += counts

    def budgets(self, memory: int, spool: int) -> None:
        """Say how many bytes requests may hold in memory, and their answers on the disk."""
        self._row[Slot.MEMORY_BUDGET] = memory
        self._row[Slot.SPOOL_BUDGET] = spool

    def memory_held(self, held: int) -> None:
        """Say how many bytes requests hold in memory."""
        self._row[Slot.MEMORY_HELD] = held

    def spool_held(self, held: int) -> None:
        """Say how many bytes their answers take on the disk."""
        self._row[Slot.SPOOL_HELD] = held

    def log_line_dropped(self) -> None:
        """Count one line of the log that was dropped."""
        self._row[self._log_lines_dropped] += 1

    def exposition(self) -> bytes:
        """Write all metrics as Prometheus text."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """Describe every number for prometheus-client."""
        sums = self._counters.sums()
        yield from self._of_phones(sums)
        yield from self._of_workers(sums)

    def _of_phones(self, sums: _Sums) -> Iterator[Metric]:
        outside = Counter(
            "pricerange_out_of_range_rows",
            "Phones outside the feature's training range, or far from the training rows as a whole",
            labels=["feature"],
        )
        counts = sums[self._out_of_range : self._out_of_range + len(_OUTSIDE)]
        for name, count in zip(_OUTSIDE, counts.tolist(), strict=True):
            outside.add_metric([name], count)
        yield outside
        yield Counter("pricerange_explained_rows", "Phones explained", float(sums[self._explained]))
        unknown = Counter(
            "pricerange_unknown_features", "Phones whose feature was unknown", labels=["feature"]
        )
        counts = sums[self._unknown : self._unknown + len(FEATURE_NAMES)]
        for name, count in zip(FEATURE_NAMES, counts.tolist(), strict=True):
            unknown.add_metric([name], count)
        yield unknown

    def _of_workers(self, sums: _Sums) -> Iterator[Metric]:
        for slot, name, about in _HELD:
            yield Gauge(f"pricerange_{name}_bytes", about, float(sums[slot]))
        dropped = float(sums[self._log_lines_dropped])
        yield Counter("pricerange_log_lines_dropped", "Log lines that found no room", dropped)
        workers = {provider: float(sums[slot]) for provider, slot in _WORKERS.items()}
        restarts = float(sums[WORKER_RESTARTS])
        yield Counter("pricerange_worker_restarts", "Workers started in place of others", restarts)
        yield Gauge("pricerange_workers", "Processes that have loaded the model", sum(workers.values()))
