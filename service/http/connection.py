"""A connection: requests in, one after the other, and their answers out.

It is the protocol that uvicorn's server gives each connection to. What is on the way is in one of six stages:

    HEAD --head--> BODY --all of the body--> ANSWER --answer--> HEAD
                   BODY --answer--> DISCARD --rest of the body--> HEAD
    HEAD, BODY or ANSWER --last answer--> LINGER --end of what the client sends--> CLOSED

A head without a body leads to ANSWER at once. What arrives behind a request that is being answered stays
bytes, and no more is read: nobody gets memory, or more of the event loop than others, by sending ahead.
"""

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from http import HTTPStatus
from time import monotonic
from typing import Any, NamedTuple, Protocol, cast

from starlette.types import ASGIApp
from uvicorn.server import ServerState

from pricerange.errors import PriceRangeError
from service.errors import HeadTooLargeError, MalformedRequestError, SlowSenderError
from service.http.exchange import AsgiExchange, scope_of
from service.http.framing.body import BodyReader
from service.http.framing.head import MOST_HEAD_BYTES, Head, HeadParser, unread_head
from service.http.lifecycle import Lifecycle
from service.http.problems import rejection
from service.http.request_state import Requests, RequestState, lines_of
from service.settings import Settings

_HIGH_WATER_BYTES = 65_536
"""Bytes of a body that wait for the application before reading pauses."""
_MOST_KEPT_BYTES = 1 << 20
"""Bytes of a body that are read for nothing to keep a connection whose request was answered early."""
_MOST_KNOWN_BYTES = 1_024
"""Bytes of a head that is remembered, parsed, for the next request on its connection."""
_LINGER_SECONDS = 5.0
"""Seconds that a client has to read its last answer, while what it still sends is thrown away: a connection
that is closed with bytes unread is reset, and takes the answer with it."""
_TOO_SLOW = HTTPStatus.REQUEST_TIMEOUT.value
_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


class Shortcut(Protocol):
    """A way to answer some requests without ASGI, if they arrive as a whole."""

    def takes(self, head: Head) -> bool:
        """Return whether a request may go this way, as far as its head says."""

    def begin(self, state: RequestState, body: bytes) -> None:
        """Have a request answered."""


class Application(NamedTuple):
    """What answers requests: an ASGI application, the maker of each request's state, a shortcut if any.

    `look` is to be called ten times a second, to measure what is not measured with each request.
    """

    asgi: ASGIApp
    requests: Requests
    shortcut: Shortcut | None
    look: Callable[[], None]


class Stage(Enum):
    """How far a connection is."""

    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    DISCARD = auto()
    LINGER = auto()
    CLOSED = auto()


# looked up by the enum, each costs a request as much as a call
HEAD, BODY, ANSWER, DISCARD, LINGER, CLOSED = Stage


class HttpConnection(asyncio.Protocol):
    """A connection. What it waits for is looked at every now and then, so that a request sets no timer."""

    def __init__(
        self,
        settings: Settings,
        lifecycle: Lifecycle,
        app: Application,
        *,
        server_state: ServerState,
        **_: Any,
    ) -> None:
        """Take what the service gives, and by name what uvicorn does."""
        self._settings = settings
        self._lifecycle = lifecycle
        self._app = app
        self._server_state = server_state
        self._loop = asyncio.get_running_loop()
        self._stage = HEAD
        # what has arrived and is not used up begins at `_at`; the parser of a head has its first `_fed` bytes
        self._data = b""
        self._at = 0
        self._fed = 0
        self._parser: HeadParser | None = None
        self._head: Head | None = None
        self._body: BodyReader | None = None
        self._exchange: AsgiExchange | None = None
        # most clients send one head over and over
        self._known: Head | None = None
        self._known_bytes = b""
        self._keep_alive = True
        self._reading = True
        self._due = False
        self._writable: asyncio.Event | None = None
        self._defaults: tuple[object, bytes] = (None, b"")
        self._answered = 0
        self._seen: tuple[object, ...] = ()
        self._seen_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to read."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._client: tuple[str, int] | None = peer[:2] if peer else None
        self._address = peer[0] if peer else None
        self._server_state.connections.add(self)  # type: ignore[arg-type]

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request that is being answered that nobody waits for it."""
        self._server_state.connections.discard(self)
        self._stage = CLOSED
        self._data, self._at = b"", 0
        self._parser = None
        if self._exchange is not None:
            self._exchange.state.disconnected = True
            self._exchange.wake()
            self._exchange = None
        self.resume_writing()

    def eof_received(self) -> bool:
        """Close, but for an answer that is a matter of milliseconds."""
        if self._stage is ANSWER and self._exchange is None:
            self._keep_alive = False
            return self._transport.can_write_eof()  # TLS ends both ways at once
        return False

    def data_received(self, data: bytes) -> None:
        """Take what has arrived."""
        if self._stage is LINGER:
            return
        if self._at < len(self._data):
            data = self._data[self._at :] + data
        self._data, self._at = data, 0
        if not self._due:
            self._advance()

    def pause_writing(self) -> None:
        """Begin no further request: the client does not read its answers."""
        self._writable = asyncio.Event()

    def resume_writing(self) -> None:
        """Go on, the client reads again."""
        if self._writable is not None:
            self._writable.set()
            self._writable = None
            self._advance_soon()

    # The answer, from whoever makes it: `write` alone, or `begin`, `write_on` any number of times, `finish`

    def take_body(self) -> bytearray | None:
        """Return the body of the request if all of it is here."""
        return None if self._exchange is None else self._exchange.take_body()

    def send_continue(self) -> None:
        """Tell a client that asked whether it may send its body."""
        if not self._transport.is_closing():
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def write(self, status: int, header_lines: bytes, body: bytes) -> None:
        """Write a whole answer. The headers are taken as they are, `content-length` must be one of them."""
        if self._transport.is_closing():
            return
        head = self._head_of_answer(status, header_lines)
        self._transport.write(head if self._without_body() else head + body)
        self.finish()

    def begin(self, status: int, header_lines: bytes) -> None:
        """Write the head of an answer."""
        self._transport.write(self._head_of_answer(status, header_lines))

    def write_on(self, part: bytes) -> None:
        """Write a part of the body of an answer."""
        if part and not self._without_body():
            self._transport.write(part)

    async def writable(self) -> None:
        """Wait until the client has read enough of what was written."""
        if self._writable is not None:
            await self._writable.wait()

    def finish(self) -> None:
        """Go on with the next request, or end the connection: the answer is written."""
        self._answered += 1
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.wake()
        if not self._keep_alive:
            self._close()
        elif self._stage is BODY:
            self._stage = DISCARD
            self._advance_soon()
        else:
            self._await_head()

    def want_body(self) -> None:
        """Read on: the application waits for more of the body."""
        if self._stage is BODY:
            self._advance_soon()

    def abandon(self, exchange: AsgiExchange) -> None:
        """End the connection if a request on it will not be answered to the end: no client may miss that."""
        if self._exchange is exchange:
            self._transport.abort()

    # The server, every now and then and at the end

    @property
    def busy(self) -> bool:
        """Whether a request is received or answered."""
        return self._stage in (BODY, ANSWER)

    @property
    def expects_first_request(self) -> bool:
        """Whether the client has connected, and has yet to send the head of its first request."""
        return self._stage is HEAD and self._answered == 0

    def check_timeouts(self) -> None:
        """End the connection if it has been waiting for the same thing too long."""
        unsent = self._transport.get_write_buffer_size()
        waits = (self._stage, self._answered, self._at < len(self._data), unsent)
        now = monotonic()
        if waits != self._seen:
            self._seen, self._seen_since = waits, now
            return
        waited = now - self._seen_since
        if unsent and waited > self._settings.idle_timeout:
            self._transport.abort()  # a client that does not read its answer
        elif self._stage is HEAD and self._fed:
            if waited > self._settings.receive_timeout:
                self._reject(SlowSenderError(self._settings.receive_timeout, "the head of the request"))
        elif self._stage is LINGER:
            if not unsent and waited > _LINGER_SECONDS:
                self._transport.abort()
        elif self._stage in (HEAD, DISCARD) and waited > self._settings.idle_timeout:
            self._transport.close()

    def drain(self) -> None:
        """End the connection with the answer that is under way; an idle one may still bring a request."""
        if self.busy:
            self._keep_alive = False

    def shutdown(self) -> None:
        """End the connection, after the answer that is under way."""
        if self.busy:
            self._keep_alive = False
        elif self._stage is DISCARD:
            self._close()
        elif self._stage is not LINGER:  # which ends by itself, and soon
            self._transport.close()

    # The stages

    def _advance(self) -> None:
        """Do what can be done with the bytes that are here, for one request at most."""
        self._due = False
        if self._stage is HEAD:
            if self._writable is None:
                self._read_head()
            else:
                self._pause_reading()
        elif self._stage is BODY:
            self._read_body()
        elif self._stage is DISCARD:
            self._discard()
        elif self._stage is ANSWER:
            self._pause_reading()

    def _advance_soon(self) -> None:
        """Go on when the other connections have had their turn, or when more has arrived."""
        if self._at < len(self._data):
            self._pause_reading()  # what is here is used up first, or it grows
            if not self._due and self._stage is not CLOSED:
                self._due = True
                self._loop.call_soon(self._advance)
        else:
            self._resume_reading()

    def _await_head(self) -> None:
        self._stage = HEAD
        self._body = self._head = None
        if self._at == len(self._data):
            self._data, self._at = b"", 0  # or a connection that waits would keep up to 256 KiB
        if self._data or not self._reading:
            self._advance_soon()

    def _read_head(self) -> None:
        data, begin = self._data, self._at
        if self._known is not None and not self._fed and data.startswith(self._known_bytes, begin):
            self._at = begin + len(self._known_bytes)
            self._begin(self._known)
            return
        if not self._fed and data[begin : begin + 1] in (b"\r", b"\n"):
            # a client may end its body with one line too many (RFC 9112, 2.2)
            begin = self._at = len(data) - len(data[begin:].lstrip(b"\r\n"))
        found = data.find(b"\r\n\r\n", max(begin, begin + self._fed - 3))
        end = len(data) if found < 0 else found + 4
        if end == begin:
            self._resume_reading()
            return
        try:
            if end - begin > MOST_HEAD_BYTES:
                raise HeadTooLargeError(MOST_HEAD_BYTES)
            parser = self._parser = self._parser or HeadParser()
            parser.feed(data[begin + self._fed : end])
            if found < 0:
                self._fed = end - begin
                self._resume_reading()
                return
            if not parser.complete:
                raise MalformedRequestError("its head ends too early")
            head = parser.head()
            if self._settings.root_path:
                head.leave(self._settings.root_path)
        except PriceRangeError as error:
            self._reject(error)
            return
        if end - begin <= _MOST_KNOWN_BYTES:
            self._known, self._known_bytes = head, data[begin:end]
        self._at, self._fed, self._parser = end, 0, None
        self._begin(head)

    def _begin(self, head: Head) -> None:
        """Have a request answered, as far as it is here."""
        self._head = head
        self._keep_alive = head.keep_alive and self._lifecycle.state != "draining"
        state = self._app.requests.open(head, self._address, self)
        shortcut = self._app.shortcut
        if shortcut is not None and head.length is not None and shortcut.takes(head):
            begin, end = self._at, self._at + head.length
            if end <= len(self._data):
                self._at = end
                if end < len(self._data):
                    self._pause_reading()
                self._stage = ANSWER
                shortcut.begin(state, self._data[begin:end])
                return
        body = self._body = BodyReader(head.length)
        content = b""
        try:
            if not body.done:
                content, self._at = body.feed(self._data, self._at)
        except PriceRangeError as error:
            self._fail(state, error)
        if self._at < len(self._data):
            self._pause_reading()
        exchange = self._exchange = AsgiExchange(self, state)
        exchange.body += content
        exchange.expects_continue = (
            head.http_version != "1.0" and head.by_name.get(b"expect", b"").lower() == b"100-continue"
        )
        self._stage = BODY
        self._note_body(exchange, body)
        scope = scope_of(head, self._transport.get_extra_info("sockname"), self._client, self._scheme())
        state.travel_in(scope)
        task = self._loop.create_task(exchange.run(self._app.asgi, scope))
        self._server_state.tasks.add(task)
        task.add_done_callback(self._server_state.tasks.discard)

    def _read_body(self) -> None:
        exchange, body = self._exchange, self._body
        assert exchange is not None
        assert body is not None
        try:
            content, self._at = body.feed(self._data, self._at)
            exchange.body += content
        except PriceRangeError as error:
            self._fail(exchange.state, error)
        self._note_body(exchange, body)

    def _note_body(self, exchange: AsgiExchange, body: BodyReader) -> None:
        """Tell the application what has come of the body, and read on if it may be more."""
        if body.done:
            self._stage = ANSWER
            exchange.complete = True
        if exchange.body or body.done or exchange.state.failure is not None:
            exchange.wake()
        if body.done or exchange.state.failure is not None or len(exchange.body) > _HIGH_WATER_BYTES:
            if self._at < len(self._data) or not body.done:
                self._pause_reading()
        else:
            self._advance_soon()

    def _discard(self) -> None:
        assert self._body is not None
        try:
            _, self._at = self._body.feed(self._data, self._at)
        except PriceRangeError:
            self._close()
            return
        if self._body.done:
            self._await_head()
        else:
            self._advance_soon()

    def _fail(self, state: RequestState, error: PriceRangeError) -> None:
        """Note that the body of a request will never be whole, and that nothing can follow it."""
        state.failure = error
        self._keep_alive = False
        self._at = len(self._data)

    def _reject(self, error: PriceRangeError) -> None:
        """Answer a request of which not even the head is whole, and end the connection."""
        if self._transport.is_closing():
            return
        self._keep_alive = False
        state = self._app.requests.open(unread_head(), self._address, self)
        reply = rejection(error, state)
        state.answer(reply.status_code, reply.header_lines, reply.body)

    def _close(self) -> None:
        """End the connection; where the client may still be sending, not before it has read its answer."""
        whole = self._stage is ANSWER and self._at == len(self._data)
        self._data, self._at, self._fed, self._parser = b"", 0, 0, None
        # TLS says by itself that this is the end, and reads on
        if whole or not self._transport.can_write_eof():
            self._transport.close()
            return
        self._stage = LINGER
        self._transport.write_eof()
        self._resume_reading()

    def _head_of_answer(self, status: int, header_lines: bytes) -> bytes:
        if status == _TOO_SLOW or (self._stage is BODY and not self._can_follow()):
            self._keep_alive = False
        defaults = self._server_state.default_headers
        if defaults is not self._defaults[0]:  # uvicorn makes them anew each second, with the date
            self._defaults = defaults, lines_of(defaults)
        end = b"\r\n" if self._keep_alive else b"connection: close\r\n\r\n"
        return b"".join((_STATUS_LINES[status], self._defaults[1], header_lines, end))

    def _can_follow(self) -> bool:
        """Return whether a request can follow one whose body is not read: found at a bearable cost."""
        assert self._body is not None
        waits = self._exchange is not None and self._exchange.expects_continue
        return not waits and self._body.left is not None and self._body.left <= _MOST_KEPT_BYTES

    def _without_body(self) -> bool:
        return self._head is not None and self._head.method == "HEAD"

    def _scheme(self) -> str:
        return "https" if self._transport.get_extra_info("sslcontext") else "http"

    def _pause_reading(self) -> None:
        if self._reading:
            self._reading = False
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if not self._reading and not self._transport.is_closing():
            self._reading = True
            self._transport.resume_reading()
