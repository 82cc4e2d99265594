"""A request is recorded once: counted, and written to the access log."""

from time import monotonic
from typing import Protocol

from service.http.request_state import RequestState
from service.telemetry.forwarded import Proxies
from service.telemetry.prometheus.requests import RequestMetrics
from service.telemetry.selected import RequestLog


class TracedRequests(Protocol):
    """What traced requests are put into once they are answered."""

    def put(self, state: RequestState, seconds: float) -> None:
        """Take a request that took so many seconds."""


class Recorder:
    """Records requests, each before its last bytes leave: no answer is without its count."""

    def __init__(
        self,
        requests: RequestMetrics,
        access_log: RequestLog | None,
        traces: TracedRequests | None = None,
        proxies: Proxies | None = None,
    ) -> None:
        """Tell the log and the traces whom trusted proxies name as the client, if there are any."""
        self._requests = requests
        self._access_log = access_log
        self._traces = traces
        self._proxies = proxies

    def log_to(self, access_log: RequestLog | None) -> None:
        """Write requests to a log from now on, or to none."""
        self._access_log = access_log

    def record(self, state: RequestState) -> None:
        """Record a request, unless that was done."""
        if state.recorded:
            return
        state.recorded = True
        state.writer = None  # or a request that is answered were garbage that holds itself
        if state.held:
            state.release()
        seconds = monotonic() - state.began
        self._requests.answered(state.route, state.head.method, state.status, seconds)
        if state.answerer is not None:
            state.answerer.answered(state.status, seconds)
        if state.rejected_as is not None:
            self._requests.rejected(state.rejected_as)
        if self._proxies is not None:
            self._proxies.name_client(state)
        if state.trace is not None and self._traces is not None:
            state.requests.traced -= 1
            self._requests.exemplar(
                state.route, state.head.method, state.status, seconds, state.trace.trace_id
            )
            self._traces.put(state, seconds)
        if self._access_log is not None:
            self._access_log.write(state, seconds)
