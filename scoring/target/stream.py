"""A result that is a stream: standard output, or a pipe that has a path. What is written there is out."""

import io
import os
import stat
import sys
from functools import partial
from pathlib import Path

import pyarrow as pa

from pricerange.errors import TargetError
from scoring.target.sink import Begin

STANDARD_OUTPUT = Path("/dev/stdout")


def of_argument(target: Path) -> Path:
    """Return the path that an argument means: `-` is standard output."""
    return STANDARD_OUTPUT if target == Path("-") else target


def is_standard_output(target: Path) -> bool:
    """Whether rows go where a command says what it has done."""
    return of_argument(target) == STANDARD_OUTPUT


def is_stream(target: Path) -> bool:
    """Whether a path is one to write on to, and not one that a file could be renamed to."""
    if target == STANDARD_OUTPUT:
        return True
    try:
        mode = target.stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def is_terminal(target: Path) -> bool:
    """Whether rows that are written to a path are shown to who runs the command."""
    return target == STANDARD_OUTPUT and os.isatty(1)


def beginning(target: Path) -> Begin:
    """Return what opens a stream to write on to it, and waits for who reads. Raises `TargetError`."""
    if target == STANDARD_OUTPUT and sys.stdout is None:
        raise TargetError(target, "it is closed")
    return partial(_opened, target)


def _opened(target: Path) -> pa.NativeFile:
    is_standard = target == STANDARD_OUTPUT
    # what a shell has opened goes on where it is
    descriptor = os.dup(1) if is_standard else os.open(target, os.O_WRONLY | os.O_CLOEXEC)
    return pa.PythonFile(_Unbuffered(descriptor), mode="w")


class _Unbuffered(io.RawIOBase):
    """A descriptor to which all is written at once."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def writable(self) -> bool:
        return True

    def write(self, part: bytes, /) -> int:  # type: ignore[override]
        left = memoryview(part)
        while left:
            left = left[os.write(self._descriptor, left) :]
        return memoryview(part).nbytes

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()
