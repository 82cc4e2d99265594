"""Read a request's body: its media type checked, its size bounded, its sender not waited for without end."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from time import monotonic

from starlette.requests import Request

from service.errors import (
    BodyTooLargeError,
    ClientDisconnectedError,
    MediaTypeError,
    SlowSenderError,
)
from service.http import deadline
from service.http.request_state import RequestState

JSON = "application/json"
_PLAIN_JSON = JSON.encode()

_PARAMETERS = frozenset({"", "charset=utf-8", "charset=utf8", "charset=us-ascii", "header=present"})
_PACE_BYTES = 16_384
"""Bytes of a body that a sender gets `receive_timeout` for."""


async def read(request: Request, limit: int) -> bytes | bytearray:
    """Return the bytes of a body of any type.

    Raises `BodyTooLargeError` over `limit` bytes, `MemoryBudgetError`, and what `chunks` raises.
    """
    state = RequestState.of(request.scope)
    body = state.writer.take_body() if state.writer else None
    if body is not None:
        state.received = len(body)
        state.hold(len(body))
    else:
        _check_announced(state.head.by_name, limit, "max_body_bytes")
        body = bytearray()
        async for chunk in chunks(request):
            state.hold(len(chunk))
            body += chunk
            if len(body) > limit:
                break
    if len(body) > limit:
        raise BodyTooLargeError(limit)
    return body


async def stream(request: Request, limit: int | None) -> AsyncIterator[bytes]:
    """Yield the parts of a body of any length, or of at most `limit` bytes.

    Raises `BodyTooLargeError`, and what `chunks` raises.
    """
    async for chunk in bounded(request, limit, "max_stream_bytes"):
        deadline.renew(monotonic())
        yield chunk


async def bounded(request: Request, limit: int | None, setting: str) -> AsyncIterator[bytes]:
    """Yield the parts of a body of at most as many bytes as a setting says.

    Raises `BodyTooLargeError`, and what `chunks` raises.
    """
    state = RequestState.of(request.scope)
    if limit is not None:
        _check_announced(state.head.by_name, limit, setting)
    async for chunk in chunks(request):
        if limit is not None and state.received > limit:
            raise BodyTooLargeError(limit, setting)
        yield chunk


async def chunks(request: Request) -> AsyncIterator[bytes]:
    """Yield the parts of a body as they arrive.

    Raises `ClientDisconnectedError`, `MalformedRequestError`, `SlowSenderError`, or
    `DeadlineError` where the request names a deadline.
    """
    state = RequestState.of(request.scope)
    patience = state.requests.receive_timeout
    due, too_slow = _PACE_BYTES, monotonic() + patience
    while True:
        ends = deadline.current()
        try:
            async with asyncio.timeout(min(too_slow, ends.when) - monotonic()):
                message = await request.receive()
        except TimeoutError:
            if ends.when < too_slow:
                raise ends.error() from None
            raise SlowSenderError(patience, f"the body after byte {state.received}") from None
        if state.failure is not None:
            raise state.failure
        if message["type"] == "http.disconnect":
            raise ClientDisconnectedError(state.received)
        chunk: bytes = message.get("body", b"")
        state.received += len(chunk)
        yield chunk
        if not message.get("more_body", False):
            return
        if state.received >= due:
            due, too_slow = state.received + _PACE_BYTES, monotonic() + patience


def media_type_of(headers: Mapping[bytes, bytes], known: Sequence[str]) -> str:
    """Return which of the known types a body has, the first where its request says nothing.

    Raises `MediaTypeError`, also for text that is not UTF-8.
    """
    if headers.get(b"content-type") == _PLAIN_JSON and JSON in known:
        return JSON
    content_type = headers.get(b"content-type", known[0].encode()).decode("latin-1")
    found = content_type
    if content_type not in known:
        found, *parameters = (part.strip().lower() for part in content_type.replace('"', "").split(";"))
        if found not in known or not _PARAMETERS.issuperset(parameters):
            raise MediaTypeError(" or ".join(known), content_type)
    return found


def _check_announced(headers: Mapping[bytes, bytes], limit: int, setting: str) -> None:
    announced = headers.get(b"content-length", b"").lstrip(b"0")
    if len(announced) > len(str(limit)) or int(announced or b"0") > limit:
        raise BodyTooLargeError(limit, setting)
