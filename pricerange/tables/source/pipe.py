"""What is read but has no size and no places: standard input, and pipes that have a path."""

import io
import os
import stat
import sys
import tempfile
import weakref
from pathlib import Path

import pyarrow as pa

STANDARD_INPUT = "/dev/stdin"
_ITS_NAMES = {"-", STANDARD_INPUT, "/dev/fd/0", "/proc/self/fd/0"}
_READ_BYTES = 1 << 20
_KEPT_BYTES = 1 << 22
"""Bytes of a beginning that can be read again: to tell its form by, and for a dry run."""


def path_of(source: str) -> str | None:
    """Return the path of a stream that an argument names, None where it names something else."""
    if source in _ITS_NAMES:
        return STANDARD_INPUT
    try:
        mode = Path(source).stat().st_mode
    except (OSError, ValueError):
        return None
    return source if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode) else None


class Pipe:
    """A stream that is read once; its beginning is kept for as long as no more than that was read."""

    def __init__(self, path: str) -> None:
        """Open it, which may wait for who writes. Raises `OSError`."""
        if path == STANDARD_INPUT:
            if sys.stdin is None:
                raise OSError("it is closed")
            self._descriptor = 0
        else:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            weakref.finalize(self, os.close, self._descriptor)
        self._kept: bytearray | None = bytearray()
        self._passed = 0
        self._is_over = False

    def beginning(self, count: int) -> bytes:
        """Return so many first bytes, or all there are; they are waited for."""
        while self._passed < count and self.read(self._passed, count - self._passed):
            pass
        return self.read(0, count)

    def open(self) -> pa.NativeFile:
        """Open it from its beginning. Reading raises `OSError` where that is no longer there."""
        return pa.PythonFile(_FromPipe(self), mode="r")

    def read(self, place: int, count: int) -> bytes:
        """Return at most so many bytes from a place on, none at the end."""
        if place < self._passed:
            if self._kept is None:
                raise OSError("a stream can be read only once")
            return bytes(self._kept[place : place + count])
        part = b"" if self._is_over else os.read(self._descriptor, count)
        # a terminal would go on after its end
        self._is_over = not part
        self._passed += len(part)
        if self._kept is not None:
            self._kept += part
            if self._passed > _KEPT_BYTES:
                self._kept = None
        return part


class Spool:
    """All of a pipe in a file without a name, in TMPDIR: Parquet and Arrow are looked at in many places."""

    def __init__(self, pipe: Pipe) -> None:
        """Read the pipe to its end. Raises `OSError`."""
        with tempfile.TemporaryFile(buffering=0) as file, pipe.open() as stream:
            self.size = 0
            while part := stream.read(_READ_BYTES):
                self.size += file.write(part)
            self._descriptor = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._descriptor)

    def open(self) -> pa.NativeFile:
        """Open it to be read at any place."""
        return pa.PythonFile(_FromSpool(self, self._descriptor), mode="r")


class _FromPipe(io.RawIOBase):
    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._place = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        part = self._pipe.read(self._place, size)
        self._place += len(part)
        return part


class _FromSpool(io.RawIOBase):
    """Reads at a place of its own: a descriptor has but one."""

    def __init__(self, spool: Spool, descriptor: int) -> None:
        # held, since its descriptor is closed with it
        self._spool = spool
        self._descriptor = descriptor
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._spool.size}[whence]
        self._place = begin + offset
        return self._place

    def read(self, size: int = -1, /) -> bytes:
        part = os.pread(self._descriptor, size, self._place)
        self._place += len(part)
        return part
