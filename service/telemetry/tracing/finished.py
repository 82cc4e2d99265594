"""A traced request that is answered: what its spans are made of, once there is time."""

from typing import NamedTuple

from service.http.request_state import RequestState
from service.http.trace_context import ModelRun


class FinishedRequest(NamedTuple):
    """It holds no request, so that nothing is kept alive; `began` and `ended` are of the monotonic clock."""

    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    began: float
    ended: float
    method: str
    route: str
    path: str
    status: int
    client: str | None
    request_id: bytes
    rejected_as: str | None
    runs: list[ModelRun]

    @classmethod
    def of(cls, state: RequestState, seconds: float) -> "FinishedRequest":
        """Take it of a request that is traced, and took so many seconds."""
        trace, head, began = state.trace, state.head, state.began
        assert trace is not None
        return cls(
            trace.trace_id,
            trace.span_id,
            trace.parent_id,
            began,
            began + seconds,
            head.method,
            state.route,
            head.path,
            state.status,
            state.client,
            state.request_id,
            state.rejected_as,
            trace.runs,
        )
