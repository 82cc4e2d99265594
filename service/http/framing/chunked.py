"""A body that comes in chunks (RFC 9112, 7.1): taken apart as it arrives, its trailers bounded and ignored.

Trailers are not headers: what stands in them has passed no check of a proxy, so nothing of it is looked at.
"""

import re
from enum import Enum, auto

from service.errors import MalformedRequestError

MOST_LINE_BYTES = 4_096
"""Bytes of a line that tells a chunk's size, its extensions included."""
MOST_TRAILER_BYTES = 8_192
"""Bytes of all trailers."""
MOST_STEPS = 200
"""Chunks and lines that are taken apart in one go: a fraction of a millisecond of work."""

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")


class _Awaited(Enum):
    SIZE = auto()
    DATA = auto()
    END_OF_DATA = auto()
    TRAILERS = auto()
    NOTHING = auto()


class ChunkedDecoder:
    """Turns the bytes of a chunked body into its content."""

    __slots__ = ("_awaited", "_left", "_line", "_trailers")

    def __init__(self) -> None:
        self._awaited = _Awaited.SIZE
        self._left = 0
        self._line = b""
        self._trailers = 0

    @property
    def done(self) -> bool:
        """Whether the body has ended."""
        return self._awaited is _Awaited.NOTHING

    def feed(self, data: bytes, at: int) -> tuple[bytes, int]:
        """Take bytes from a place on; return the content in them, and the place up to which they were taken.

        That may be short of their end, because the body ends there or because there is much to take apart.
        Raises `MalformedRequestError`.
        """
        pieces = []
        for _ in range(MOST_STEPS):
            if at == len(data) or self._awaited is _Awaited.NOTHING:
                break
            if self._awaited is _Awaited.DATA:
                piece = data[at : at + self._left]
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
                if not self._left:
                    self._awaited = _Awaited.END_OF_DATA
            else:
                line, at = self._read_line(data, at)
                if line is not None:
                    self._take_line(line)
        return b"".join(pieces), at

    def _read_line(self, data: bytes, at: int) -> tuple[bytes | None, int]:
        """Return a line without its end, None where that is still to come."""
        newline = data.find(b"\n", at)
        end = len(data) if newline < 0 else newline + 1
        if self._awaited is _Awaited.TRAILERS:
            self._trailers += end - at
            if self._trailers > MOST_TRAILER_BYTES:
                raise MalformedRequestError(f"its trailers are longer than {MOST_TRAILER_BYTES} bytes")
        elif len(self._line) + end - at > MOST_LINE_BYTES:
            raise MalformedRequestError(f"a chunk's size line is longer than {MOST_LINE_BYTES} bytes")
        self._line += data[at:end]
        if newline < 0:
            return None, end
        line, self._line = self._line, b""
        if not line.endswith(b"\r\n"):
            raise MalformedRequestError("a line of its chunked body does not end with CR LF")
        return line[:-2], end

    def _take_line(self, line: bytes) -> None:
        if self._awaited is _Awaited.SIZE:
            match = _SIZE.fullmatch(line)
            if match is None:
                raise MalformedRequestError("the size of a chunk is not a hexadecimal number")
            self._left = int(match[1], 16)
            self._awaited = _Awaited.DATA if self._left else _Awaited.TRAILERS
        elif self._awaited is _Awaited.END_OF_DATA:
            if line:
                raise MalformedRequestError("a chunk is longer than its size says")
            self._awaited = _Awaited.SIZE
        elif not line:
            self._awaited = _Awaited.NOTHING
