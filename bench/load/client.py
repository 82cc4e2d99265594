"""An HTTP/1.1 client for load: one keep-alive connection of asyncio's, parsed by httptools.

A general client spends several times what the server does on a request; this one spends less.
"""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple, Self, cast
from urllib.parse import urlsplit

import httptools


class Answer(NamedTuple):
    """What a server answered; names of headers are lower case, repeated ones are joined by a comma."""

    status: int
    headers: dict[str, str]
    body: bytes


def message(method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> bytes:
    """Write a whole request, to be sent as often as needed; `Host` and `Content-Length` are added."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body or method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


class Connection(asyncio.Protocol):
    """One connection, one request at a time.

    What the server breaks off raises `ConnectionResetError`, at the latest where an answer is waited for.
    An answer that comes before the request is complete (413, 408) is kept for `answer`.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._next: asyncio.Future[Answer] = self._loop.create_future()
        self._writable = asyncio.Event()
        self._writable.set()
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._transport: asyncio.Transport
        self.reusable = True
        """Whether a further request may be sent: the server has neither closed nor said that it will."""

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect to the host and port of a URL. Raises `ConnectionRefusedError` where nobody listens."""
        place = urlsplit(url)
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(cls, place.hostname or "", place.port or 80)
        return connection

    async def request(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """Send a request and return its answer."""
        return await self.exchange(message(method, path, headers, body))

    async def exchange(self, request: bytes) -> Answer:
        """Send a request written by `message` and return its answer."""
        if not self.reusable:
            raise ConnectionResetError("the server has closed this connection")
        self._transport.write(request)
        return await self.answer()

    async def send(self, part: bytes) -> None:
        """Send bytes as they are, a part of a request for instance, as fast as the server takes them."""
        await self._writable.wait()
        if self._transport.is_closing():
            raise ConnectionResetError("the server has closed this connection")
        self._transport.write(part)

    async def answer(self) -> Answer:
        """Return the next answer."""
        answer = await self._next
        self._next = self._loop.create_future()
        return answer

    def close(self) -> None:
        """End the connection in order, after what is still to be sent."""
        self.reusable = False
        self._transport.close()

    def abort(self) -> None:
        """Break the connection off at once; what was not sent is lost."""
        self.reusable = False
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio: connected."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Asyncio: a part of an answer."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._end(ConnectionResetError(f"the answer is no HTTP: {error}"))
            self._transport.abort()

    def pause_writing(self) -> None:
        """Asyncio: the server takes no more for now."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Asyncio: it takes more."""
        self._writable.set()

    def connection_lost(self, error: Exception | None) -> None:
        """Asyncio: the end."""
        self._end(ConnectionResetError(str(error or "the server closed the connection without an answer")))

    def _end(self, error: ConnectionResetError) -> None:
        self.reusable = False
        self._writable.set()
        if not self._next.done():
            self._next.set_exception(error)
            self._next.exception()  # nobody may ever wait for it, which is no error

    def on_header(self, name: bytes, value: bytes) -> None:
        """Httptools: one header of an answer."""
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_body(self, part: bytes) -> None:
        """Httptools: a part of its body."""
        self._body.append(part)

    def on_message_complete(self) -> None:
        """Httptools: the answer is whole."""
        answer = Answer(self._parser.get_status_code(), self._headers, b"".join(self._body))
        self._headers, self._body = {}, []
        if answer.status < 200:  # 100 Continue
            return
        self.reusable = self.reusable and self._parser.should_keep_alive()
        if not self._next.done():
            self._next.set_result(answer)
