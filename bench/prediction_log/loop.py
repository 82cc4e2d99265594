"""What the event loop does for the log: the part of its cost that requests wait for, by itself."""

import time
from collections.abc import Callable
from pathlib import Path

from bench.http_parts.plan import Plan
from bench.show.tables import show
from pricerange.predictor import Predictor
from service.http.budget import MemoryBudget
from service.http.framing.head import Head
from service.http.request_state import Requests, RequestState
from service.telemetry.prediction_log.counts import Counts
from service.telemetry.prediction_log.log import PredictionLog
from service.telemetry.prediction_log.sampling import Sampler
from service.telemetry.shared_counters import SharedCounters

_CALLS, _REPEATS = 500, 40


class _Asked:
    def __init__(self, state: RequestState) -> None:
        self.state = state


def measure(plan: Plan, folder: Path) -> int:
    """Print microseconds; nothing that it finds breaks a promise."""
    state = _state()
    predictor = Predictor.load(plan.models)
    prediction, version = predictor.predict(plan.rows), predictor.bundle
    rows = []
    for name, share in (("1 %", 0.01), ("all", 1.0)):
        [counters] = SharedCounters.of(1)
        log = PredictionLog(Sampler(share), lambda page: None, Counts(counters), 0.01)
        for count in (1, 8, 32):
            asked = [_Asked(state)] * count
            took = _microseconds(lambda: log.phones(asked, plan.rows, prediction, version))  # noqa: B023
            what = f"{count} requests about a phone in one run of the model, sample {name}"
            rows.append((what, f"{took:.2f}", f"{took / count:.2f}"))
        took = _microseconds(lambda: log.table("v2", state, plan.rows, prediction, version))  # noqa: B023
        rows.append(
            (f"a request about {len(plan.rows):,} phones, sample {name}", f"{took:.2f}", f"{took:.2f}")
        )
        log.close()
    show(
        f"Processor time on the event loop, the least of {_REPEATS} times {_CALLS} calls.",
        ("", "µs a run", "µs a request"),
        rows,
    )
    return 0


def _state() -> RequestState:
    requests = Requests(10, MemoryBudget(1 << 20, lambda held: None), lambda state: None)
    return requests.open(Head("POST", b"/predict", "1.1", [], True, 0), None, None)


def _microseconds(call: Callable[[], None]) -> float:
    """Return what a call takes of this thread's time."""
    least = float("inf")
    for _ in range(_REPEATS):
        began = time.thread_time()
        for _ in range(_CALLS):
            call()
        least = min(least, time.thread_time() - began)
    return 1e6 * least / _CALLS
