"""A connection against a plain reference: whatever the fragments, pipelines and pauses, the same answers.

The reference is a list: each request that was sent whole is answered once, in its turn, until one that ends
the connection. The transport is a stand-in, since it has to be slow or gone at will.
"""

import asyncio
import json
from collections import deque
from typing import Any

from corpus import examples
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from service.http.budget import MemoryBudget
from service.http.connection import Application, HttpConnection, Stage
from service.http.framing.head import Head
from service.http.lifecycle import Lifecycle
from service.http.reply import Reply
from service.http.request_state import Requests, RequestState
from service.settings import Settings

_MOST_READ = 1_000


class Transport:
    """The other side, as far as a connection sees it."""

    def __init__(self) -> None:
        self.connection: HttpConnection | None = None
        self.sent = b""
        self.waiting: deque[int] = deque()
        self.reading = True
        self.closed = False
        self.ended = False

    def get_extra_info(self, name: str) -> Any:
        return {"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)}.get(name)

    def write(self, data: bytes) -> None:
        assert not self.closed
        assert not self.ended
        self.sent += data

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with what was asked; `/early` does so before the body, `/parts` in several pieces."""
    body = b""
    if scope["path"] != "/early":
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect" or RequestState.of(scope).failure:
                more = False
            else:
                body += message["body"]
                more = message["more_body"]
                await asyncio.sleep(0)
    answer = json.dumps([scope["method"], scope["path"], body.decode()]).encode()
    if scope["path"] == "/parts":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for byte in answer:
            await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
        await send({"type": "http.response.body"})
    else:
        await Reply(answer)(scope, receive, send)


class Shortcut:
    """Answers `/fast` in the next iteration of the loop."""

    def takes(self, head: Head) -> bool:
        return head.path == "/fast"

    def begin(self, state: RequestState, body: bytes) -> None:
        answer = json.dumps([state.head.method, state.head.path, body.decode()]).encode()
        asyncio.get_running_loop().call_soon(
            state.answer, 200, b"content-length: %d\r\n" % len(answer), answer
        )


def answers_in(data: bytes) -> tuple[list[tuple[int, Any]], bool]:
    """Return status and JSON of each whole answer, and whether the last one said that it is the last."""
    found, last = [], False
    while b"\r\n\r\n" in data:
        head, _, rest = data.partition(b"\r\n\r\n")
        assert not last, "an answer follows the last one"
        lines = head.lower().split(b"\r\n")
        headers = dict(line.split(b": ", 1) for line in lines[1:])
        if headers.get(b"transfer-encoding") == b"chunked":
            body, complete = b"", False
            while b"\r\n" in rest and not complete:
                size, _, rest = rest.partition(b"\r\n")
                body, rest, complete = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :], size == b"0"
            if not complete:
                break
        else:
            length = int(headers[b"content-length"])
            if len(rest) < length:
                break
            body, rest = rest[:length], rest[length:]
        found.append((int(lines[0].split()[1]), json.loads(body)))
        last = headers.get(b"connection") == b"close"
        data = rest
    return found, last


PATHS = st.sampled_from(["/fast", "/slow", "/parts", *["/fast", "/slow"] * 3, "/early"])
BODIES = st.text(st.characters(codec="ascii"), max_size=200)
REQUESTS = st.tuples(PATHS, BODIES, st.booleans(), st.booleans())
MANY = 10
"""Requests before one may come that ends the connection."""
NONSENSE = [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost a\r\n\r\n"]


class AConnection(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.transport = Transport()
        self.states: list[RequestState] = []
        self.unsent = b""  # what the client has still to send
        self.ends: list[int] = []  # where each request ends in all that the client sends
        self.delivered = 0
        self.expected: list[Any] = []
        self.over = False  # the client has sent a request that ends the connection
        self.loop.run_until_complete(self._connect())

    async def _connect(self) -> None:
        app = Application(
            echo,
            Requests(10.0, MemoryBudget(1 << 20, lambda _: None), self._record),
            Shortcut(),
            lambda: None,
        )
        self.connection = HttpConnection(Settings(), Lifecycle(), app, server_state=ServerState())
        self.connection.connection_made(self.transport)  # type: ignore[arg-type]

    def _record(self, state: RequestState) -> None:
        if not state.recorded:
            state.recorded = True
            state.writer = None
            self.states.append(state)

    def _turn(self, times: int = 1) -> None:
        async def turn() -> None:
            for _ in range(times):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turn())

    def _add(self, request: bytes) -> None:
        self.unsent += request
        self.ends.append(self.delivered + len(self.unsent))

    @precondition(lambda self: not self.over)
    @rule(asked=st.lists(REQUESTS, min_size=1, max_size=6))
    def ask_for_several(self, asked: list[tuple[str, str, bool, bool]]) -> None:
        for path, body, chunks, trailer in asked:
            self.ask(path, body, chunks, trailer, close=False)

    @precondition(lambda self: not self.over and len(self.expected) > MANY)
    @rule(asked=REQUESTS)
    def ask_for_the_last(self, asked: tuple[str, str, bool, bool]) -> None:
        self.ask(*asked, close=True)

    def ask(self, path: str, body: str, chunks: bool, trailer: bool, close: bool) -> None:
        lines = [f"POST {path} HTTP/1.1", "Host: a", *(["Connection: close"] if close else [])]
        if chunks:
            middle = len(body) // 3
            pieces = [piece for piece in (body[:middle], body[middle:]) if piece]
            content = "".join(f"{len(piece):x}\r\n{piece}\r\n" for piece in pieces)
            content += "0\r\n" + ("x-request-id: trailer\r\n" if trailer else "") + "\r\n"
            lines.append("Transfer-Encoding: chunked")
        else:
            content = body
            lines.append(f"Content-Length: {len(body)}")
        self._add(("\r\n".join(lines) + "\r\n\r\n" + content).encode())
        self.expected.append((200, ["POST", path, "" if path == "/early" else body]))
        self.over = close

    @precondition(lambda self: not self.over and len(self.expected) > MANY)
    @rule(line=st.sampled_from(NONSENSE))
    def ask_nonsense(self, line: bytes) -> None:
        self._add(line)
        self.expected.append((400, None))
        self.over = True

    @rule(length=st.integers(1, 400), turns=st.integers(0, 3))
    def send(self, length: int, turns: int) -> None:
        """Send some more, which arrives if anybody reads."""
        if self.transport.reading and not self.transport.closed and self.unsent:
            data, self.unsent = self.unsent[:length], self.unsent[length:]
            self.delivered += len(data)
            self.loop.run_until_complete(self._deliver(data))
        if turns:
            self._turn(turns)

    async def _deliver(self, data: bytes) -> None:
        self.connection.data_received(data)

    @rule()
    def stop_reading_and_go_on(self) -> None:
        self.loop.run_until_complete(self._slow())

    async def _slow(self) -> None:
        if not self.transport.closed:
            self.connection.pause_writing()
            for _ in range(5):
                await asyncio.sleep(0)
            self.connection.resume_writing()

    @invariant()
    def answers_come_in_order(self) -> None:
        if not hasattr(self, "transport"):
            return
        found, _ = answers_in(self.transport.sent)
        self._compare(found)
        # nobody is answered before the end of his head
        assert len(found) <= len(self.ends)

    def _compare(self, found: list[tuple[int, Any]]) -> None:
        for (status, answer), (wanted_status, wanted) in zip(found, self.expected, strict=False):
            assert status == wanted_status
            if wanted is not None:
                assert answer == wanted

    def teardown(self) -> None:
        if not hasattr(self, "transport"):
            return
        for _ in range(10_000):
            if self.transport.closed or not self.unsent:
                break
            self.send(_MOST_READ, 2)
        self._turn(400)
        found, last = answers_in(self.transport.sent)
        self._compare(found)
        if len(found) < len(self.expected):
            # an answer before its body may end the connection; otherwise nobody goes without one
            assert last
            assert found[-1][1][1] == "/early"
        assert last or not self.over
        self.loop.run_until_complete(self._end())
        assert self.connection._stage is Stage.CLOSED
        assert all(state.writer is None for state in self.states)
        self.loop.close()

    async def _end(self) -> None:
        self.connection.connection_lost(None)
        for _ in range(5):
            await asyncio.sleep(0)


TestAConnection = AConnection.TestCase
TestAConnection.settings = settings(max_examples=examples(60), stateful_step_count=30, deadline=None)
