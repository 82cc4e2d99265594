"""A request as an ASGI application sees it: a scope, a way to receive its body, a way to send its answer."""

import asyncio
import logging
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Message, Scope

from service.http.framing.head import Head
from service.http.request_state import RequestState, lines_of

if TYPE_CHECKING:
    from service.http.connection import HttpConnection

log = logging.getLogger(__name__)


class AsgiExchange:
    """One request on a connection and its answer."""

    def __init__(self, connection: "HttpConnection", state: RequestState) -> None:
        self._connection = connection
        self._news = asyncio.Event()
        self._start: Message | None = None
        self._chunked = False
        self.state = state
        self.body = bytearray()
        self.complete = False
        self.expects_continue = False

    async def run(self, app: ASGIApp, scope: Scope) -> None:
        """Have the application answer; its errors too, but for those in the middle of an answer."""
        try:
            await app(scope, self.receive, self.send)
        except Exception:
            ids = self.state.ids()
            log.exception("request %s failed within its answer", ids["request_id"], extra={"fields": ids})
        finally:
            self._connection.abandon(self)

    def wake(self) -> None:
        """Tell the application that more of the body is here, or that there is nobody to answer."""
        self._news.set()

    def take_body(self) -> bytearray | None:
        """Return the body if all of it is here, else None: it is to be received part by part."""
        if not self.complete or self.state.failure is not None:
            return None
        body, self.body = self.body, bytearray()
        self._news.clear()
        return body

    async def receive(self) -> Message:
        """Return the next part of the body (ASGI)."""
        state = self.state
        if self.expects_continue and not state.status:
            self.expects_continue = False
            self._connection.send_continue()
        if not state.disconnected and not state.recorded:
            self._connection.want_body()
            await self._news.wait()
            self._news.clear()
        if state.disconnected or state.recorded:
            return {"type": "http.disconnect"}
        body, self.body = self.body, bytearray()
        return {"type": "http.request", "body": bytes(body), "more_body": not self.complete}

    async def send(self, message: Message) -> None:
        """Send a part of the answer (ASGI), as fast as the client takes it."""
        await self._connection.writable()
        if self.state.disconnected:
            return
        if message["type"] == "http.response.start":
            self._start = message
            return
        body: bytes = message.get("body", b"")
        more: bool = message.get("more_body", False)
        if self._start is not None:
            start, self._start = self._start, None
            headers: list[tuple[bytes, bytes]] = start["headers"]
            if not more:
                self._connection.write(start["status"], lines_of(headers), body)
                return
            self._chunked = all(name != b"content-length" for name, _ in headers)
            if self._chunked:
                headers.append((b"transfer-encoding", b"chunked"))
            self._connection.begin(start["status"], lines_of(headers))
        if self._chunked:
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"" if more else b"0\r\n\r\n")
        self._connection.write_on(body)
        if not more:
            self._connection.finish()


def scope_of(
    head: Head, server: tuple[str, int] | None, client: tuple[str, int] | None, scheme: str
) -> Scope:
    """Return a request as ASGI has it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": head.http_version,
        "server": server,
        "client": client,
        "scheme": scheme,
        "root_path": "",
        "method": head.method,
        "path": head.path,
        "raw_path": head.raw_path,
        "query_string": head.query,
        "headers": head.headers,
        "state": {},
    }
