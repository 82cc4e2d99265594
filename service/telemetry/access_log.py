"""The access log: one line a request, written straight into the queue."""

from time import time

from service.http.request_state import RequestState
from service.telemetry.log_line import quoted, timestamp
from service.telemetry.log_queue import LogQueue


class AccessLog:
    """Writes the lines; logging's own way would cost a request as much as all else together."""

    def __init__(self, queue: LogQueue) -> None:
        self._queue = queue

    def write(self, state: RequestState, seconds: float) -> None:
        """Write the line of a request that took so many seconds."""
        request_id = state.request_id
        if not request_id.replace(b"-", b"").isalnum():
            request_id = quoted(request_id.decode())[1:-1]
        self._queue.put(
            b'{"time":"%b","level":"info","logger":"service.access","message":"request","request_id":"%b",'
            b'"client":%b,"method":%b,"path":%b,"status":%d,"duration_ms":%.3f}\n'
            % (
                timestamp(time()),
                request_id,
                b"null" if state.client is None else b'"%b"' % state.client.encode(),
                b'"%b"' % state.method.encode(),
                b'"%b"' % state.path.encode() if state.path == state.route else quoted(state.path),
                state.status,
                seconds * 1e3,
            )
        )
