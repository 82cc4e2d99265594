"""What the connection lets an application do beyond ASGI.

ASGI hands a body over by an event and takes an answer in two parts: each costs as much as the model.
"""

from collections.abc import Iterable
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle


class ResponseWriter:
    """Takes the body of one request and writes its answer."""

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    def take_body(self) -> bytearray | None:
        """Return the body if all of it is here, else None: it is to be received part by part."""
        cycle = self._cycle
        if cycle.more_body or cycle.disconnected:
            return None
        body, cycle.body = cycle.body, bytearray()
        cycle.message_event.clear()
        return body

    def write(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        """Write a whole answer. The headers are taken as they are, `content-length` must be one of them."""
        cycle = self._cycle
        if cycle.disconnected:
            return
        if status == HTTPStatus.REQUEST_TIMEOUT:
            cycle.keep_alive = False  # where the next request begins, nobody knows
        if cycle.scope["method"] == "HEAD":
            body = b""
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        headers = (*cycle.default_headers, *headers)
        cycle.transport.write(response_bytes(status, headers, body, last=not cycle.keep_alive))
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()


def response_bytes(status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes, last: bool) -> bytes:
    """Return a response as it is sent; the `last` one of a connection says so."""
    fields = [b"%b: %b\r\n" % header for header in headers]
    if last:
        fields.append(b"connection: close\r\n")
    return b"".join((STATUS_LINE[status], *fields, b"\r\n", body))
