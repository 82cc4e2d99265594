"""One line a request, as JSON."""

import logging

from service.http.request_state import RequestState

log = logging.getLogger("service.access")


def write(state: RequestState, seconds: float) -> None:
    """Write the line of a request that took so many seconds."""
    fields = {
        "request_id": state.request_id.decode(),
        "client": state.client,
        "method": state.method,
        "path": state.path,
        "status": state.status,
        "duration_ms": round(seconds * 1e3, 3),
    }
    log.info("request", extra={"fields": fields})
