"""What Prometheus reads: counts and durations of requests, rows and model runs, of all workers together.

prometheus-client writes the text; to count by its objects would cost a request several times as much.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import HistogramMetricFamily as Histogram
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from pricerange.answer.applicability import Applicability
from pricerange.phone import FEATURE_NAMES
from service.errors import ServiceError
from service.http.problems import kinds
from service.http.request_state import UNMATCHED
from service.telemetry.shared_counters import WORKER_RESTARTS, SharedCounters
from service.telemetry.shared_counters import Gauge as Slot

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other")
_STATUSES = (
    *("0", "200", "204", "301", "304", "307", "400", "401", "403", "404", "405", "406", "408", "409", "411"),
    *(
        "413",
        "414",
        "415",
        "417",
        "422",
        "426",
        "429",
        "431",
        "499",
        "500",
        "501",
        "502",
        "503",
        "504",
        "507",
        "other",
    ),
)
"""0 where no answer was begun."""

_SECONDS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

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


@dataclass(frozen=True, slots=True)
class _RouteSlots:
    """Slots of one route: `requests` counts and seconds by method and status, `buckets` for all of them."""

    requests: int
    buckets: int

    def counts_and_seconds(self, sums: _Sums) -> _Sums:
        """Return float64 [methods, statuses, 2]."""
        return sums[self.requests : self.buckets].reshape(len(METHODS), len(_STATUSES), 2)


class Metrics(Collector):
    """Counts in the counters of this process, tells those of all."""

    def __init__(self, counters: SharedCounters, provider: Literal["cpu", "cuda"]) -> None:
        """Count in a worker that runs the model on this provider."""
        self._counters = counters
        self._row = counters.row
        self._out_of_range = counters.take(len(_OUTSIDE))
        self._explained = counters.take(1)
        self._unknown = counters.take(len(FEATURE_NAMES))
        self._log_lines_dropped = counters.take(1)
        self._reasons = {reason: counters.take(1) for reason in (*kinds(), "other")}
        self._routes: dict[str, _RouteSlots] = {}
        self._slots: dict[tuple[str, str, int], tuple[int, int]] = {}
        self.add_routes([UNMATCHED])
        self._registry = CollectorRegistry()
        self._registry.register(self)
        if not counters.shared:
            ProcessCollector(registry=self._registry)
            PlatformCollector(registry=self._registry)
        self._row[_WORKERS[provider]] = 1

    def add(self, collector: Collector) -> None:
        """Tell what another one counts, too."""
        self._registry.register(collector)

    def add_routes(self, paths: Iterable[str]) -> None:
        """Name the routes, in the same order in every worker; requests for others count as unmatched.

        Raises `SharedCountersFullError`.
        """
        for path in paths:
            if path not in self._routes:
                requests = self._counters.take(2 * len(METHODS) * len(_STATUSES))
                self._routes[path] = _RouteSlots(requests, self._counters.take(len(_SECONDS) + 1))

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request and the time it took."""
        try:
            requests, buckets = self._slots[route, method, status]
        except KeyError:
            requests, buckets = self._slots[route, method, status] = self._place(route, method, status)
        row = self._row
        row[requests] += 1
        row[requests + 1] += seconds
        row[buckets + bisect_left(_SECONDS, seconds)] += 1

    def _place(self, route: str, method: str, status: int) -> tuple[int, int]:
        slots = self._routes.get(route, self._routes[UNMATCHED])
        series = _index(METHODS, method) * len(_STATUSES) + _index(_STATUSES, str(status))
        return slots.requests + 2 * series, slots.buckets

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

    def rejected(self, reason: str) -> None:
        """Count one rejection by its kind of problem."""
        self._row[self._reasons.get(reason, self._reasons["other"])] += 1

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

    def queued(self, rows: int) -> None:
        """Say how many phones wait for the model."""
        self._row[Slot.QUEUE_ROWS] = rows

    def exposition(self) -> bytes:
        """Write all metrics as Prometheus text."""
        return generate_latest(self._registry)

    def failed_inferences(self) -> tuple[float, float]:
        """Return how many requests for predictions got none, and the seconds that they took."""
        sums = self._counters.sums()
        post, ok = METHODS.index("POST"), _STATUSES.index("200")
        failed = sum(
            (
                np.delete(slots.counts_and_seconds(sums)[post], ok, axis=0).sum(axis=0)
                for path, slots in self._routes.items()
                if _infers(path)
            ),
            start=np.zeros(2),
        )
        return float(failed[0]), float(failed[1])

    def collect(self) -> Iterator[Metric]:
        """Describe every number for prometheus-client."""
        sums = self._counters.sums()
        yield from self._of_requests(sums)
        yield from self._of_phones(sums)
        yield from self._of_workers(sums)

    def _of_requests(self, sums: _Sums) -> Iterator[Metric]:
        requests = Counter("pricerange_requests", "Requests answered", labels=["route", "method", "status"])
        duration = Histogram(
            "pricerange_request_duration_seconds",
            "From the request's head to the end of its answer",
            labels=["route"],
        )
        for path, slots in self._routes.items():
            counts, seconds = np.moveaxis(slots.counts_and_seconds(sums), -1, 0)
            for method, status in np.argwhere(counts).tolist():
                requests.add_metric([path, METHODS[method], _STATUSES[status]], float(counts[method, status]))
            if counts.any():
                counted = sums[slots.buckets : slots.buckets + len(_SECONDS) + 1]
                buckets = histogram(counted, _SECONDS)
                duration.add_metric([path], buckets, float(seconds.sum()))
        yield requests
        yield duration
        rejected = Counter("pricerange_rejected", "Requests rejected", labels=["reason"])
        known = set(ServiceError.kinds())
        for reason, slot in self._reasons.items():
            if sums[slot] or reason in known:
                rejected.add_metric([reason], float(sums[slot]))
        yield rejected

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
        yield Gauge("pricerange_queue_rows", "Phones that wait for the model", float(sums[Slot.QUEUE_ROWS]))
        for slot, name, about in _HELD:
            yield Gauge(f"pricerange_{name}_bytes", about, float(sums[slot]))
        dropped = float(sums[self._log_lines_dropped])
        yield Counter("pricerange_log_lines_dropped", "Log lines that found no room", dropped)
        workers = {provider: float(sums[slot]) for provider, slot in _WORKERS.items()}
        restarts = float(sums[WORKER_RESTARTS])
        yield Counter("pricerange_worker_restarts", "Workers started in place of others", restarts)
        yield Gauge("pricerange_workers", "Processes that have loaded the model", sum(workers.values()))


def _index(labels: Sequence[str], label: str) -> int:
    return labels.index(label if label in labels else "other")


def _infers(path: str) -> bool:
    return path.startswith("/predict") or path.endswith(("/infer", ":predict", ":explain"))


def histogram(counts: _Sums, bounds: Sequence[float]) -> list[tuple[str, float]]:
    """Return buckets as Prometheus has them: the count of what is at most a bound, by bound."""
    return list(zip([*map(floatToGoString, bounds), "+Inf"], accumulate(counts.tolist()), strict=True))
