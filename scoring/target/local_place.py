"""A result on this machine: a path, what is beside it, and what is in it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import pyarrow as pa

from pricerange.durable import sync
from pricerange.errors import TargetError
from scoring.target import staging
from scoring.target.place import Draft, Held


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """A path without links: whatever those are that name it, it is one place, for locks and for renames."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.name

    @property
    def is_stream(self) -> bool:
        """It is none."""
        return False

    @property
    def at(self) -> tuple[str, str]:
        """This machine, and the path."""
        return "", str(self.path)

    def __truediv__(self, name: str) -> Self:
        return replace(self, path=self.path / name)

    def beside(self, end: str) -> Self:
        """Return the path with `end` behind its name."""
        return replace(self, path=self.path.with_name(self.name + end))

    def require_parent(self) -> None:
        """Raise `TargetError` where the folder around it does not exist."""
        if not self.path.parent.is_dir():
            raise TargetError(self.path, f"the folder {self.path.parent} does not exist")

    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.path.is_dir()

    def make_folder(self) -> None:
        """Make the folder."""
        self.path.mkdir(exist_ok=True)

    def remove_empty(self) -> None:
        """Remove the folder where nothing is in it."""
        if not any(self.path.iterdir()):
            self.path.rmdir()

    def sizes(self) -> dict[str, int]:
        """Return what is in the folder by name, and its bytes; the file itself where it is one."""
        if not self.path.is_dir():
            return {self.name: self.path.stat().st_size} if self.path.exists() else {}
        return {entry.name: entry.stat().st_size for entry in os.scandir(self.path)}

    def read(self) -> bytes | None:
        """Return the file's content, None where there is none."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None

    def write(self, content: bytes) -> None:
        """Write the file, whole or not at all."""
        with staging.staged(self.path) as (path,):
            path.write_bytes(content)

    @contextmanager
    def staged(self, *before: "LocalPlace") -> Iterator[list[Draft]]:
        """Lend files beside the places, which take them at the end; the bytes are on the disk before that."""
        with staging.staged(*(place.path for place in before), self.path) as paths:
            yield [_File(path) for path in paths]

    def log(self) -> "LocalLog":
        """Return the log in the file."""
        return LocalLog(self)

    def sweep(self) -> None:
        """Remove temporary files of this name, beside it."""
        staging.sweep(self.path.parent, self.name)

    def sweep_folder(self) -> None:
        """Remove all temporary files in the folder."""
        staging.sweep(self.path)

    @contextmanager
    def locked(self) -> Iterator[Held]:
        """Hold the lock beside the path; no one can take it from a run that is alive."""
        with staging.locked(self.path):
            yield _held


def _held() -> None:
    """Say nothing: the system keeps a lock until its owner lets go of it, or ends."""


@dataclass(frozen=True, slots=True)
class _File:
    path: Path

    def open(self) -> pa.NativeFile:
        return pa.OSFile(str(self.path), "wb")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0


class LocalLog:
    """A file to which lines are added, each of them on the disk before it counts."""

    def __init__(self, place: LocalPlace) -> None:
        self._place = place
        self._end = 0

    def read(self) -> bytes | None:
        """Return all that is there."""
        content = self._place.read()
        self._end = 0 if content is None else content.rfind(b"\n") + 1
        return content

    def begin(self, content: bytes) -> None:
        """Put a new file in the place of one that was read, or of one that a killed run had not finished."""
        self._place.sweep()
        self._place.write(content)
        self._end = len(content)

    def append(self, lines: bytes) -> None:
        """Add lines in place of what was cut short when a run was killed."""
        path = self._place.path
        try:
            with path.open("r+b") as file:
                file.truncate(self._end)
                file.seek(self._end)
                file.write(lines)
            sync(path)
        except OSError as error:
            raise TargetError(path, error.strerror or str(error)) from error
        self._end += len(lines)
