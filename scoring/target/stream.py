"""A result that is a stream: standard output, or a pipe that has a path. What is written there is out."""

import io
import os
import select
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pyarrow as pa

from pricerange.errors import TargetError
from scoring.target.local_place import LocalPlace
from scoring.target.place import Draft, Held

STANDARD_OUTPUT = Path("/dev/stdout")
_ITS_NAMES = {"-", str(STANDARD_OUTPUT), "/dev/fd/1", "/proc/self/fd/1"}


@dataclass(frozen=True, slots=True)
class StreamPlace(LocalPlace):
    """A path to write on to: there is nothing to stage, to lock or to tidy up, and nothing beside it."""

    @property
    def is_stream(self) -> bool:
        """It is one."""
        return True

    @property
    def at(self) -> tuple[str, str]:
        """This machine, and the file that standard output was sent to."""
        return "", os.path.realpath(self.path)

    def beside(self, end: str) -> Self:
        """Return itself."""
        return self

    def require_parent(self) -> None:
        """It is there already."""

    def is_folder(self) -> bool:
        """It is none."""
        return False

    @contextmanager
    def staged(self, *before: LocalPlace) -> Iterator[list[Draft]]:
        """Lend the stream itself, in place of all."""
        yield [_Stream(self.path)] * (len(before) + 1)

    def sweep(self) -> None:
        """Nothing can be left of it."""

    @contextmanager
    def locked(self) -> Iterator[Held]:
        """Let others write there too."""
        yield _held


def _held() -> None:
    """Say nothing: there is no lock."""


def stream_of(target: str | Path) -> StreamPlace | None:
    """Return the stream that an argument names, None where it names a file; `-` is standard output."""
    if is_standard_output(target):
        return StreamPlace(STANDARD_OUTPUT)
    path = Path(target)
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return None
    return StreamPlace(path) if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) else None


def is_standard_output(target: str | Path) -> bool:
    """Whether rows go where a command says what it has done."""
    return str(target) in _ITS_NAMES


def is_terminal(target: object) -> bool:
    """Whether rows that are written to a place are shown to who runs the command."""
    return target == StreamPlace(STANDARD_OUTPUT) and os.isatty(1)


@dataclass(slots=True)
class _Stream:
    path: Path
    size: int = 0

    def open(self) -> pa.NativeFile:
        """Open the stream to write on to it, and wait for who reads. Raises `TargetError`."""
        is_standard = self.path == STANDARD_OUTPUT
        if is_standard and sys.stdout is None:
            raise TargetError(self.path, "it is closed")
        # what a shell has opened goes on where it is
        descriptor = os.dup(1) if is_standard else os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
        return pa.PythonFile(_Unbuffered(self, descriptor), mode="w")


class _Unbuffered(io.RawIOBase):
    """A descriptor to which all is written at once, and counted."""

    def __init__(self, stream: _Stream, descriptor: int) -> None:
        self._stream = stream
        self._descriptor = descriptor

    def writable(self) -> bool:
        return True

    def write(self, part: bytes, /) -> int:  # type: ignore[override]
        left = memoryview(part)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:  # a pipe that is full, and that its maker wants to wait for nothing
                select.select([], [self._descriptor], [])
        written = memoryview(part).nbytes
        self._stream.size += written
        return written

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()
