"""What came back on a connection, read as strictly as a client may: by h11."""

import re
from typing import NamedTuple

import h11

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BEGIN = b"HTTP/1.1 "
_NEXT = re.compile(rb"(?=HTTP/1\.1 [0-9]{3} )")


class MalformedAnswerError(Exception):
    """Bytes that are no answer."""


class Status(NamedTuple):
    """One answer: its status, and whether its body is whole."""

    code: int
    whole: bool


def statuses(data: bytes, asked_head: bool = False) -> list[Status]:
    """Read all answers in what a server sent, but for `100 Continue`. Raises `MalformedAnswerError`.

    Only the last may be cut off. Where heads alone may have been asked for, only the server knows which
    answers have no body: each is taken to end where the next begins.
    """
    if not asked_head:
        return _read(data, b"GET")
    before, *answers = _NEXT.split(data)
    if before:
        raise MalformedAnswerError(f"{before[:40]!r} before the first answer")
    found: list[Status] = []
    for answer in answers:
        alone = answer.find(b"\r\n\r\n") == len(answer) - 4
        found += _read(answer, b"HEAD" if alone else b"GET")
    return found


def _read(data: bytes, method: bytes) -> list[Status]:
    found: list[Status] = []
    while data:
        if data[: len(_BEGIN)] != _BEGIN[: len(data)]:
            raise MalformedAnswerError(f"an answer begins with {data[:40]!r}")
        connection = h11.Connection(h11.CLIENT)
        connection.send(h11.Request(method=method, target="/", headers=[("Host", "bench")]))
        connection.send(h11.EndOfMessage())
        connection.receive_data(data)
        code = None
        try:
            while type(event := connection.next_event()) not in (h11.EndOfMessage, h11.NEED_DATA):
                if isinstance(event, h11.Response):
                    code = event.status_code
        except h11.RemoteProtocolError as error:
            raise MalformedAnswerError(str(error)) from error
        if event is h11.NEED_DATA:
            if data.replace(_CONTINUE, b""):
                found.append(Status(code or 0, whole=False))
            return found
        found.append(Status(code or 0, whole=True))
        data = connection.trailing_data[0]
    return found
