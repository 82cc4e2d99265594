"""The access log: one line a request, written straight into the queue."""

from functools import lru_cache
from time import time

from service.http.request_state import RequestState
from service.telemetry.log_line import quoted, timestamp
from service.telemetry.log_queue import LogQueue


class AccessLog:
    """Writes the lines; logging's own way would cost a request as much as all else together."""

    def __init__(self, queue: LogQueue) -> None:
        self._queue = queue

    def write(self, state: RequestState, seconds: float) -> None:
        """Write the line of a request that took so many seconds, and the version that answered, if any."""
        request_id, head, answerer = state.request_id, state.head, state.answerer
        if not request_id.isalnum() and (b'"' in request_id or b"\\" in request_id):
            request_id = quoted(request_id.decode())[1:-1]
        # a path that is not a route itself may be long, and another each time
        words = _known_words if head.path == state.route else _words
        self._queue.put(
            b'{"time":"%b","level":"info","logger":"service.access","message":"request","request_id":"%b",'
            b'%b,"status":%d,"duration_ms":%.3f%b%b}\n'
            % (
                timestamp(time()),
                request_id,
                words(state.client, head.method, head.path, None if state.key is None else state.key.name),
                state.status,
                seconds * 1e3,
                b"" if answerer is None else b',"version":"%d"' % answerer.version,
                b"" if state.trace is None and head.traceparent is None else _trace(state),
            )
        )


def _trace(state: RequestState) -> bytes:
    trace_id = state.trace_id()
    if trace_id is None:
        return b""
    span = b"" if state.trace is None else b',"span_id":"%b"' % state.trace.span_id
    return b',"trace_id":"%b"%b' % (trace_id, span)


def _words(client: str | None, method: str, path: str, key: str | None) -> bytes:
    return b'"client":%b,%b"method":"%b","path":%b' % (
        b"null" if client is None else quoted(client),
        b"" if key is None else b'"key":%b,' % quoted(key),
        method.encode(),
        quoted(path),
    )


_known_words = lru_cache(maxsize=1024)(_words)
