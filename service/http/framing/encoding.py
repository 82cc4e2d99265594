"""Content codings: gzip, deflate and zstd in, piece by piece; gzip and deflate out, where wanted."""

import sys
import zlib
from collections.abc import Callable, Mapping
from typing import Protocol

from service.errors import BrokenEncodingError, ContentEncodingError, ExpansionError
from service.http.accept import weights

PIECE_BYTES = 65_536
"""Bytes that are decompressed at once: a few tenths of a millisecond."""
FREE_BYTES = 1 << 20
TIMES = 100
"""Bytes that a body may become, beyond the free ones, for each byte that has come. Tables of phones compress
to a tenth; what compresses to a thousandth costs as much to answer as a body of its full length."""
_FEED_BYTES = 16_384
"""Compressed bytes that a decompressor is given at once: what is left over of them is copied each time."""
_LEAST_BYTES = 1024
"""HTTP libraries accept several encodings unasked; an answer this short gains nothing from it."""

_WINDOW = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
"""zlib's `wbits`: a gzip header, or the zlib header that HTTP calls deflate."""
_ZSTD_WINDOW = 23
"""Logarithm of the longest window of zstd as a content coding, 8 MiB (RFC 9659)."""
_BEGINS = {"gzip": b"\x1f", "deflate": b"", "zstd": bytes((0x28, *range(0x50, 0x60)))}
"""The bytes that may begin a further member of a body, or a frame; of deflate there is one only."""


class Decompressor(Protocol):
    """What the standard library calls a decompressor, of bz2, lzma and zstd alike."""

    @property
    def eof(self) -> bool:
        """Whether the end of a member was reached."""

    @property
    def unused_data(self) -> bytes:
        """What came after it."""

    @property
    def needs_input(self) -> bool:
        """Whether all of the output was taken."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return the next output, at most so many bytes."""


class Decoder:
    """Undoes a content coding: `put` a part, `take` its pieces until nothing comes, and at last `end`."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._make = _MAKERS[coding]
        self._inner = self._make()
        self._input = memoryview(b"")
        self._received = 0
        self._produced = 0
        self.window = 1 << _ZSTD_WINDOW if coding == "zstd" else 1 << zlib.MAX_WBITS
        """Bytes that the decompressor remembers, at most and not before it has made them."""

    def put(self, part: bytes) -> None:
        """Give the next part of the body; the one before it was taken."""
        self._input = memoryview(part)
        self._received += len(part)

    def take(self) -> bytes | None:
        """Return the next piece, at most `PIECE_BYTES` and perhaps none; None where more input is needed.

        Raises `BrokenEncodingError`, or `ExpansionError` beyond `FREE_BYTES` and `TIMES` the input.
        """
        if self._inner.eof:
            if not self._rest():
                return None
            self._begin_next()
        if self._inner.needs_input and not self._input:
            return None
        data = b""
        if self._inner.needs_input:
            data, self._input = bytes(self._input[:_FEED_BYTES]), self._input[_FEED_BYTES:]
        try:
            piece = self._inner.decompress(data, PIECE_BYTES)
        except Exception as error:
            # zlib and zstd have errors of their own, whose only common class this is
            raise BrokenEncodingError.found(self._coding, str(error)) from None
        self._produced += len(piece)
        most = FREE_BYTES + TIMES * self._received
        if self._produced > most:
            raise ExpansionError(self._received, most)
        return piece

    def end(self) -> None:
        """Raise `BrokenEncodingError` where the body ends before its data does."""
        if not self._inner.eof:
            raise BrokenEncodingError.found(self._coding, "truncated data")

    def _rest(self) -> bool:
        return bool(self._inner.unused_data or self._input)

    def _begin_next(self) -> None:
        """Begin a further member with what came after the one before."""
        rest = self._inner.unused_data + bytes(self._input)
        if rest[0] not in _BEGINS[self._coding]:
            raise BrokenEncodingError.found(self._coding, "extra data after its end")
        self._inner, self._input = self._make(), memoryview(rest)


def decoder_of(headers: Mapping[bytes, bytes]) -> Decoder | None:
    """Return what undoes the coding that a request's headers name, None where its body is plain.

    Raises `ContentEncodingError`.
    """
    found = headers.get(b"content-encoding", b"").decode("latin-1")
    coding = found.strip().lower().removeprefix("x-")
    if coding in ("", "identity"):
        return None
    if coding not in _MAKERS:
        raise ContentEncodingError(found)
    return Decoder(coding)


def wanted(accepted: str, length: int) -> str | None:
    """Return the encoding for an answer of a length, by the client's Accept-Encoding."""
    codings = weights(accepted)
    if len(codings) > 1 and length < _LEAST_BYTES:
        return None
    best = max(_WINDOW, key=lambda name: codings.get(name, 0.0))
    return best if codings.get(best, 0.0) > 0 else None


def encoded(body: bytes, encoding: str) -> bytes:
    """Apply a Content-Encoding, in the least time."""
    deflater = zlib.compressobj(level=1, wbits=_WINDOW[encoding])
    return deflater.compress(body) + deflater.flush()


class _Inflater:
    """zlib's decompressor, used as those that the standard library got later."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        output = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        # at this length there may be more, even if zlib has taken all of the input
        self.needs_input = not self._inner.unconsumed_tail and len(output) < max_length
        return output


def _zstd() -> Decompressor:
    """Make a decompressor of a zstd frame; imported with the first one, as few clients send any."""
    if sys.version_info >= (3, 14):
        from compression.zstd import DecompressionParameter, ZstdDecompressor
    else:
        from backports.zstd import DecompressionParameter, ZstdDecompressor
    return ZstdDecompressor(options={DecompressionParameter.window_log_max: _ZSTD_WINDOW})


_MAKERS: dict[str, Callable[[], Decompressor]] = {
    "gzip": lambda: _Inflater(_WINDOW["gzip"]),
    "deflate": lambda: _Inflater(_WINDOW["deflate"]),
    "zstd": _zstd,
}
