"""The folder of the prediction log: parts that appear whole, and the oldest that leave.

Several workers write to one folder, and others may keep files there: only what has a part's name is ours.
"""

import fcntl
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from pricerange.durable import sync

_BEGIN = "predictions-%Y%m%dT%H%M%S.%fZ"
_PART = re.compile(r"predictions-\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{8}\.parquet")
_DRAFT = ".writing-"


class Parts:
    """The parts in a folder: `max_bytes` of all workers together, none older than `max_age` seconds."""

    def __init__(self, folder: Path, max_bytes: int, max_age: float) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._max_age = max_age

    def add(self, content: bytes | memoryview) -> None:
        """Write a part, for which the oldest make room. Raises `OSError`, and leaves nothing half written.

        The bytes are on the disk before it has its name, so it is whole whatever ends the process.
        """
        now = time.time()
        self._folder.mkdir(exist_ok=True)
        self.remove_old(room_for=len(content))
        part = self._folder / f"{_name_begin(now)}-{secrets.token_hex(4)}.parquet"
        draft = part.with_name(_DRAFT + part.name)
        descriptor = _begun(draft)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
            draft.rename(part)
        except BaseException:
            with suppress(OSError):
                draft.unlink()
            raise
        finally:
            os.close(descriptor)
        sync(self._folder)

    def remove_old(self, room_for: int = 0) -> None:
        """Remove parts that are too old, and the oldest until so many bytes more would fit."""
        # there may be a hundred thousand: their names sort by time, which nobody has to read
        parts = sorted(self._parts())
        size = sum(of_part for _, of_part in parts) + room_for
        first_kept = _name_begin(max(time.time() - self._max_age, 0.0))
        for name, of_part in parts:
            if name >= first_kept and size <= self._max_bytes:
                break
            with suppress(FileNotFoundError):  # another worker was faster
                (self._folder / name).unlink()
            size -= of_part

    def tidy(self) -> None:
        """Remove what processes that were killed left half written, and nobody is writing."""
        for entry in self._entries():
            if entry.name.startswith(_DRAFT) and _PART.fullmatch(entry.name.removeprefix(_DRAFT)):
                with suppress(OSError):
                    _remove_unheld(Path(entry))

    def _parts(self) -> Iterator[tuple[str, int]]:
        """Yield the name and the size of each part."""
        for entry in self._entries():
            if _PART.fullmatch(entry.name):
                with suppress(OSError):
                    yield entry.name, entry.stat(follow_symlinks=False).st_size

    def _entries(self) -> Iterator["os.DirEntry[str]"]:
        """Yield the plain files in the folder, none where it is gone."""
        with suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            yield from (entry for entry in entries if entry.is_file(follow_symlinks=False))


def _name_begin(written: float) -> str:
    """Return what the name of a part begins with that was written at a time of the epoch."""
    return datetime.fromtimestamp(written, UTC).strftime(_BEGIN)


def _begun(draft: Path) -> int:
    """Make a draft that is held: the end of a process, however it comes, lets go of it."""
    while True:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)  # it was tidied away before it was held


def _remove_unheld(draft: Path) -> None:
    descriptor = os.open(draft, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        draft.unlink()
    finally:
        os.close(descriptor)
