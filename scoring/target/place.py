"""Where a result goes: what is asked of a folder of this machine and of an object store alike."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, Self

import pyarrow as pa

REJECTED = ".rejected"
"""How the name of what a job rejects ends, behind that of its result."""

Held = Callable[[], None]
"""Raises `LockLostError` where a lock is held no longer."""


class Draft(Protocol):
    """A file on its way to a place, where nothing is to be seen of it yet."""

    def open(self) -> pa.NativeFile:
        """Begin the file; without that there will be none."""

    @property
    def size(self) -> int:
        """Bytes that were written."""


class Log(Protocol):
    """Lines that are added one after the other; what was added outlasts whoever added it."""

    def read(self) -> bytes | None:
        """Return all lines, the last perhaps cut short; None where the log was not begun."""

    def begin(self, content: bytes) -> None:
        """Begin the log, or begin it again in place of what was read, whole or not at all."""

    def append(self, lines: bytes) -> None:
        """Add whole lines behind those that are whole, which were read or begun before."""


class Place(Protocol):
    """A path of this machine, or a key of an object store: of a file, or of a folder of files.

    It prints without secrets and can be sent to another machine. All that touches it raises `TargetError`.
    """

    @property
    def name(self) -> str:
        """The last part of its path."""

    @property
    def is_stream(self) -> bool:
        """Whether it is written on to: nothing can be staged, locked, or put beside it."""

    @property
    def at(self) -> tuple[str, str]:
        """What tells it from others: the scheme, empty for this machine, and the whole path."""

    def __truediv__(self, name: str) -> Self:
        """Return the place of a file in this folder."""

    def beside(self, end: str) -> Self:
        """Return the place beside this one whose name has `end` behind this one's."""

    def require_parent(self) -> None:
        """Raise `TargetError` where nothing can be written for want of a folder around it."""

    def is_folder(self) -> bool:
        """Whether it is a folder, or files have it as one."""

    def make_folder(self) -> None:
        """Make it a folder, where folders are made."""

    def remove_empty(self) -> None:
        """Remove the folder where nothing is in it."""

    def sizes(self) -> dict[str, int]:
        """Return the files in this folder by name, and their bytes; none where it is no folder."""

    def read(self) -> bytes | None:
        """Return a small file's content, None where there is no file."""

    def write(self, content: bytes) -> None:
        """Write a small file, which appears whole or not at all."""

    def staged(self, *before: Self) -> AbstractContextManager[list[Draft]]:
        """Lend a draft for each place in `before`, and for this; they appear at the end, whole and in order.

        Something has to be written to this one's; where nothing was to another, what stood there before goes.
        An error leaves all places as they were.
        """

    def log(self) -> Log:
        """Return the log of this name."""

    def sweep(self) -> None:
        """Remove what runs that were killed left half written of a file here."""

    def sweep_folder(self) -> None:
        """Remove what runs that were killed left half written in this folder."""

    def locked(self) -> AbstractContextManager[Held]:
        """Keep other runs from this place. Raises `BusyError` where another has it."""


def inside(place: tuple[str, str], folder: tuple[str, str]) -> bool:
    """Whether a place, told as `Place.at`, is below another."""
    return place[0] == folder[0] and place[1].startswith(folder[1].rstrip("/") + "/")
