"""Which requests the access log is about, where it is not about all."""

from random import random
from typing import Protocol

from service.http.request_state import RequestState

_FIRST_ERROR = 400


class RequestLog(Protocol):
    """What a request is written to once it is answered."""

    def write(self, state: RequestState, seconds: float) -> None:
        """Write the line of a request that took so many seconds."""


class SelectedRequests:
    """Writes some requests to a log: none for the paths left out, of the successful others a share."""

    def __init__(self, log: RequestLog, left_out: frozenset[str], share: float) -> None:
        self._log = log
        self._left_out = left_out
        self._share = share

    def write(self, state: RequestState, seconds: float) -> None:
        """Write the line of a request, or not; errors always, but for those of paths left out."""
        if state.head.path in self._left_out:
            return
        if 0 < state.status < _FIRST_ERROR and random() >= self._share:
            return
        self._log.write(state, seconds)
