"""Compressed files as streams of what they stand for: every stream of one, each whole, and nothing more."""

import bz2
import lzma
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, Self

from pricerange.tables.csv.file import ByteStream
from pricerange.tables.forms import Compression

if TYPE_CHECKING:
    import pyarrow as pa

_READ_BYTES = 1 << 16
MOST_XZ_BYTES = 1 << 27
"""Memory of a decoder of xz, which the first bytes of a file ask for: `xz -9` takes half of it."""
_XZ_PADDING = 4
"""Zeros may follow a stream of xz, in fours."""


class _Decoder(Protocol):
    """What `bz2` and `lzma` decompress a stream with."""

    @property
    def needs_input(self) -> bool: ...

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def decompressed(raw: "pa.NativeFile", compression: Compression | None) -> AbstractContextManager[ByteStream]:
    """Return a stream of what a file's bytes stand for; to close it is to close the file.

    Reading raises `OSError` where a stream ends early, is broken, or is followed by something else.
    """
    import pyarrow as pa

    if compression == "bz2":
        return _Streams(raw, bz2.BZ2Decompressor)
    if compression == "xz":
        return _Streams(raw, _xz, _XZ_PADDING)
    stream: AbstractContextManager[ByteStream] = (
        pa.CompressedInputStream(raw, compression) if compression else raw
    )
    return stream


def _xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, MOST_XZ_BYTES)


class _Streams:
    """Streams of a codec of Python's: Arrow has no xz, and stops at a stream of bz2 that is empty."""

    def __init__(self, raw: "pa.NativeFile", decoder: Callable[[], _Decoder], padding: int = 0) -> None:
        """Read `raw`, where zeros may stand behind a stream, so many or a multiple of it."""
        self._raw = raw
        self._new = decoder
        self._padding = padding
        self._packed = b""
        self._decoder: _Decoder | None = decoder()

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most so many, none at the end."""
        while self._decoder:
            packed = b""
            if self._decoder.needs_input:
                packed, self._packed = self._packed or self._raw.read(_READ_BYTES), b""
                if not packed:
                    raise OSError("the compressed stream ends early")
            try:
                found = self._decoder.decompress(packed, size)
            except (lzma.LZMAError, ValueError) as error:
                raise OSError(str(error)) from error
            if self._decoder.eof:
                self._packed = self._decoder.unused_data
                self._decoder = self._new() if self._another() else None
            if found:
                return found
        return b""

    def _another(self) -> bool:
        """Whether there is something behind a stream and its padding."""
        zeros = 0
        while packed := self._packed or self._raw.read(_READ_BYTES):
            self._packed = packed.lstrip(b"\0") if self._padding else packed
            zeros += len(packed) - len(self._packed)
            if self._packed:
                break
        if zeros and zeros % self._padding:
            raise OSError(f"{zeros} bytes of padding follow a compressed stream, expected a multiple of four")
        return bool(self._packed)

    def seek(self, position: int, /) -> int:
        """Refuse: there is no other place than the next."""
        raise OSError("a compressed stream is read from its beginning")

    def seekable(self) -> bool:
        """Return that it is not."""
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._raw.close()
