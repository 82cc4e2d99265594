"""Requests as Prometheus reads them: how many, how they ended and how long they took."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import HistogramMetricFamily as Histogram
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from service.errors import ServiceError
from service.http.problems import kinds
from service.http.request_state import UNMATCHED
from service.telemetry.prometheus.exemplars import Exemplars
from service.telemetry.prometheus.histogram import SECONDS, histogram, with_exemplars
from service.telemetry.shared_counters import Gauge as Slot
from service.telemetry.shared_counters import SharedCounters

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other")
STATUSES = (
    *("0", "200", "204", "301", "304", "307"),
    *("400", "401", "403", "404", "405", "406", "408", "409", "411", "413", "414", "415", "417"),
    *("422", "426", "429", "431", "499", "500", "501", "502", "503", "504", "507", "other"),
)
"""0 where no answer was begun, or one broke off."""
FROM_THE_START = ("0", "200", "400", "401", "413", "422", "429", "500", "503", "504", "507")
"""Statuses that each prediction route has a series of before there is one: the first error of a series that
begins with it is no increase."""
OUTCOMES = ("ok", "rejected", "failed")

_POST = METHODS.index("POST")
_OK = STATUSES.index("200")
_OUTCOME_OF = np.array([{"2": 0, "3": 0, "4": 1}.get(status[0], 2) for status in STATUSES])
"""The outcome of each status, by places."""
_BEGUN = [STATUSES.index(status) for status in FROM_THE_START]
_CELLS = len(SECONDS) + 1

_Sums = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _RouteSlots:
    """Slots of one route: `requests` counts and seconds by method and status, `durations` by outcome.

    Where requests are traced, a route that predicts has `exemplars` of its durations.
    """

    requests: int
    durations: int
    exemplars: Exemplars | None

    def counts_and_seconds(self, sums: _Sums) -> _Sums:
        """Return float64 [methods, statuses, 2]."""
        return sums[self.requests : self.durations].reshape(len(METHODS), len(STATUSES), 2)

    def duration(self, sums: _Sums, outcome: int) -> _Sums:
        """Return the counts of an outcome, float64 [len(SECONDS) + 1]."""
        first = self.durations + outcome * _CELLS
        return sums[first : first + _CELLS]


class RequestMetrics(Collector):
    """Counts requests in the counters of this process, tells those of all."""

    def __init__(self, counters: SharedCounters, *, traced: bool = False) -> None:
        self._counters = counters
        self._traced = traced
        self._row = counters.row
        self._reasons = {reason: counters.take(1) for reason in (*kinds(), "other")}
        self._routes: dict[str, _RouteSlots] = {}
        self._places: dict[tuple[str, str, int], tuple[int, int]] = {}
        self.add_routes([UNMATCHED])

    def add_routes(self, paths: Iterable[str]) -> None:
        """Name the routes, in the same order in every worker; requests for others count as unmatched.

        Raises `SharedCountersFullError`.
        """
        for path in paths:
            if path not in self._routes:
                requests = self._counters.take(2 * len(METHODS) * len(STATUSES))
                durations = self._counters.take(len(OUTCOMES) * _CELLS)
                told = self._traced and _is_told_from_the_start(path)
                exemplars = Exemplars(self._counters, len(OUTCOMES) * _CELLS) if told else None
                self._routes[path] = _RouteSlots(requests, durations, exemplars)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request and the time it took."""
        try:
            requests, duration = self._places[route, method, status]
        except KeyError:
            requests, duration = self._places[route, method, status] = self._place(route, method, status)
        row = self._row
        row[requests] += 1
        row[requests + 1] += seconds
        row[duration + bisect_left(SECONDS, seconds)] += 1

    def exemplar(self, route: str, method: str, status: int, seconds: float, trace_id: bytes) -> None:
        """Name the trace of a request that was counted."""
        slots = self._routes.get(route)
        if slots is not None and slots.exemplars is not None:
            _, duration = self._places[route, method, status]
            bucket = duration - slots.durations + bisect_left(SECONDS, seconds)
            slots.exemplars.put(bucket, trace_id, seconds)

    def _place(self, route: str, method: str, status: int) -> tuple[int, int]:
        slots = self._routes.get(route, self._routes[UNMATCHED])
        column = _index(STATUSES, str(status))
        series = _index(METHODS, method) * len(STATUSES) + column
        return slots.requests + 2 * series, slots.durations + int(_OUTCOME_OF[column]) * _CELLS

    def rejected(self, reason: str) -> None:
        """Count one rejection by its kind of problem."""
        self._row[self._reasons.get(reason, self._reasons["other"])] += 1

    def failed_inferences(self) -> tuple[float, float]:
        """Return how many requests for predictions got none, and the seconds that they took."""
        sums = self._counters.sums()
        failed = sum(
            (
                np.delete(slots.counts_and_seconds(sums)[_POST], _OK, axis=0).sum(axis=0)
                for path, slots in self._routes.items()
                if _infers(path)
            ),
            start=np.zeros(2),
        )
        return float(failed[0]), float(failed[1])

    def collect(self) -> Iterator[Metric]:
        """Describe every number for prometheus-client."""
        sums = self._counters.sums()
        requests = Counter("pricerange_requests", "Requests answered", labels=["route", "method", "status"])
        duration = Histogram(
            "pricerange_request_duration_seconds",
            "From the request's head to the end of its answer",
            labels=["route", "outcome"],
        )
        for path, slots in self._routes.items():
            counts, seconds = np.moveaxis(slots.counts_and_seconds(sums), -1, 0)
            shown = counts > 0
            shown[_POST, _BEGUN] |= _is_told_from_the_start(path)
            for method, status in np.argwhere(shown).tolist():
                requests.add_metric([path, METHODS[method], STATUSES[status]], float(counts[method, status]))
            exemplars = [] if slots.exemplars is None else slots.exemplars.newest()
            for number, outcome in enumerate(OUTCOMES):
                its = np.flatnonzero(number == _OUTCOME_OF)
                if shown[:, its].any():
                    buckets = histogram(slots.duration(sums, number), SECONDS)
                    cells = slice(number * _CELLS, (number + 1) * _CELLS)
                    total = float(seconds[:, its].sum())
                    duration.add_metric([path, outcome], with_exemplars(buckets, exemplars[cells]), total)
        yield requests
        yield duration
        rejected = Counter("pricerange_rejected", "Requests rejected", labels=["reason"])
        known = set(ServiceError.kinds())
        for reason, slot in self._reasons.items():
            if sums[slot] or reason in known:
                rejected.add_metric([reason], float(sums[slot]))
        yield rejected
        about = "Requests that are being received or answered, as each worker saw them within the last 0.1 s"
        yield Gauge("pricerange_requests_in_flight", about, float(sums[Slot.REQUESTS_IN_FLIGHT]))


def _index(labels: Sequence[str], label: str) -> int:
    return labels.index(label if label in labels else "other")


def _infers(path: str) -> bool:
    return path.startswith("/predict") or path.endswith(("/infer", ":predict", ":explain", "Infer"))


def _is_told_from_the_start(path: str) -> bool:
    return _infers(path) and "{model_name}" not in path  # of a name that is no model's comes nothing but 404
