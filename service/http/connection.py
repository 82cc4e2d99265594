"""HTTP on a connection: uvicorn's protocol, with bounds on slow clients and a short way for whole answers."""

from time import monotonic
from typing import Any, Literal, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from pricerange.errors import PriceRangeError
from service.errors import HeadTooLargeError, MalformedRequestError, SlowSenderError
from service.http.lifecycle import Lifecycle
from service.http.problems import rejection
from service.http.request_state import Requests, RequestState
from service.http.response_writer import ResponseWriter, response_bytes
from service.settings import Settings

MOST_HEAD_BYTES = 32_768
"""Bytes of a request line and its headers."""


class Shortcut(Protocol):
    """A way to answer some requests without ASGI, if they arrive as a whole."""

    def takes(self, state: RequestState) -> bool:
        """Return whether a request may go this way, as far as its head says."""

    def begin(self, state: RequestState, body: bytearray) -> None:
        """Have a request answered."""


class HttpConnection(HttpToolsProtocol):
    """A connection. What it waits for is looked at every now and then, so that a request sets no timer."""

    def __init__(
        self,
        settings: Settings,
        lifecycle: Lifecycle,
        requests: Requests,
        shortcut: Shortcut | None,
        **uvicorns: Any,
    ) -> None:
        super().__init__(**uvicorns)
        self._settings = settings
        self._lifecycle = lifecycle
        self._requests = requests
        self._shortcut = shortcut
        self._answering: RequestResponseCycle | None = None
        self._held: tuple[RequestResponseCycle, Any] | None = None
        self._whole: Any = None
        self._failure: PriceRangeError | None = None
        self._head_bytes = 0
        self._seen: tuple[Any, str, int] = (None, "", 0)
        self._seen_since = 0.0

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived; a head longer than the limit is not waited for."""
        if len(data) > MOST_HEAD_BYTES and self._awaits() == "request" and _head_end(data) > MOST_HEAD_BYTES:
            self._reject(HeadTooLargeError(MOST_HEAD_BYTES))
            return
        before = self.scope
        super().data_received(data)
        self._let_go()
        # what came before the head in the same packet is not counted
        goes_on = self._awaits() == "head" and self.scope is before
        self._head_bytes = self._head_bytes + len(data) if goes_on else 0
        if self._head_bytes > MOST_HEAD_BYTES:
            self._reject(HeadTooLargeError(MOST_HEAD_BYTES))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request that is being answered; uvicorn tells the last one that came."""
        super().connection_lost(exc)
        self.pipeline.clear()
        if answering := self._unanswered():
            answering.disconnected = True
            answering.message_event.set()

    def resume_writing(self) -> None:
        """Go on: the client reads again."""
        super().resume_writing()
        self._go_on()

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that the parser does not take for HTTP."""
        self._reject(MalformedRequestError())

    def on_response_complete(self) -> None:
        """Go on with the next request; uvicorn would set a timer for it."""
        self.server_state.total_requests += 1
        self._go_on()

    def check_timeouts(self) -> None:
        """End the connection if it has been waiting for the same thing too long."""
        awaited = "answer" if self._unanswered() else self._awaits()
        unsent = self.transport.get_write_buffer_size()
        now = monotonic()
        if self.scope is not self._seen[0] or (awaited, unsent) != self._seen[1:]:
            self._seen, self._seen_since = (self.scope, awaited, unsent), now
            return
        waited = now - self._seen_since
        if unsent and waited > self._settings.idle_timeout:
            self.transport.abort()  # a client that does not read its answer
        elif awaited == "head" and waited > self._settings.receive_timeout:
            self._reject(SlowSenderError(self._settings.receive_timeout, "the head of the request"))
        elif awaited != "answer" and waited > self._settings.idle_timeout:
            self.transport.close()

    def drain(self) -> None:
        """End the connection with the answer that is under way; an idle one may still bring a request."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if self.flow.write_paused:
            # a client that does not read its answers gets no more of them
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, app))
            return
        self._answering = cycle
        if self._lifecycle.state == "draining":
            cycle.keep_alive = False
        scope: Any = cycle.scope
        state = self._requests.open(
            scope["method"], scope["path"], self._client, scope["headers"], ResponseWriter(cycle)
        )
        if cycle is self.cycle:
            state.failure = self._failure
        state.travel_in(scope)
        if self._shortcut is None or not self._shortcut.takes(state):
            super()._start_asgi_task(cycle, app)
        elif cycle.more_body:
            self._held = cycle, app
        else:
            self._shorten(cycle, self._shortcut)

    def on_message_complete(self) -> None:
        """Go on with a request that is here as a whole."""
        super().on_message_complete()
        self._whole = self.scope
        if self._held is not None and self._shortcut is not None:
            (cycle, _), self._held = self._held, None
            self._shorten(cycle, self._shortcut)

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: the request is refused, and no package is missing."""

    def _shorten(self, cycle: RequestResponseCycle, shortcut: Shortcut) -> None:
        body, cycle.body = cycle.body, bytearray()
        shortcut.begin(RequestState.of(cycle.scope), body)

    def _let_go(self) -> None:
        """Let a request go the long way whose body is still to come."""
        if self._held is not None:
            held, self._held = self._held, None
            super()._start_asgi_task(*held)

    def _go_on(self) -> None:
        """Begin the next request, if the last one is answered and its answer on the way."""
        if self.transport.is_closing() or self.flow.write_paused or self._unanswered():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            self._let_go()

    def _unanswered(self) -> RequestResponseCycle | None:
        """Return the request that is being answered."""
        return None if self._answering is None or self._answering.response_complete else self._answering

    def _awaits(self) -> Literal["head", "answer", "body", "request"]:
        """Say what comes next on the connection; a `body`, where it was refused before it had arrived."""
        if self.scope is not None and "path" not in self.scope:
            return "head"
        if self.cycle is not None and not self.cycle.response_complete:
            return "answer"
        return "request" if self.scope is self._whole else "body"

    def _reject(self, error: PriceRangeError) -> None:
        """Answer a request that is not parsed to its end, and end the connection."""
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self.flow.pause_reading()
            self.cycle.keep_alive = False
            if self.cycle.more_body:
                # it is this request that cannot be completed: its own answer says so, now or when it begins
                self._failure = error
                if self.cycle is self._answering:
                    RequestState.of(self.cycle.scope).failure = error
                self.cycle.message_event.set()
            return
        if self._awaits() == "body":
            self.transport.close()
            return
        state = self._requests.open("", "", self._client, (), None)
        reply = rejection(error, state)
        state.answer(reply.status_code, reply.raw_headers, reply.body)
        self.transport.write(response_bytes(reply.status_code, reply.raw_headers, reply.body, last=True))
        self.transport.close()

    @property
    def _client(self) -> str | None:
        """The address of the client."""
        return self.client[0] if self.client else None


def _head_end(data: bytes) -> int:
    """Return where a head ends in what has arrived, its length if it does not."""
    end = data.find(b"\r\n\r\n", 0, MOST_HEAD_BYTES)
    return len(data) if end < 0 else end
