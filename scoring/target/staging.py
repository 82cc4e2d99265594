"""A result that appears whole or not at all: written beside its place, then renamed; by one run at a time."""

import glob
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pricerange import lock
from pricerange.durable import sync
from pricerange.errors import TargetError
from scoring.errors import BusyError

_WRITING = ".writing-"
_MOST_NAME_BYTES = 255 - len(_WRITING) - 33
"""Bytes of a target's name: of those that a file's name may have, the temporary one takes the others."""


def require_name(target: Path, end: str = "") -> None:
    """Raise `TargetError` for a name that is too long with `end` behind it."""
    length, most = len(os.fsencode(target.name)), _MOST_NAME_BYTES - len(end)
    if length > most:
        raise TargetError(target, f"its name has {length} bytes, expected at most {most}")


@contextmanager
def staged(*targets: Path) -> Iterator[list[Path]]:
    """Lend a temporary path beside each target; what was written there takes its place at the end, in order.

    The bytes are on the disk before the name is. Something has to be written to the last; where nothing was
    to another, what stood there before goes. An error leaves the targets as they were and nothing beside
    them. Raises `TargetError`, which names the last, where the system refuses to write.
    """
    attempt = uuid.uuid4().hex
    paths = [target.with_name(f"{_WRITING}{target.name}-{attempt}") for target in targets]
    try:
        yield paths
        for path in paths:
            if path.exists() or path == paths[-1]:
                sync(path)
        for path, target in zip(paths, targets, strict=True):
            if path.exists():
                path.replace(target)
            else:
                target.unlink(missing_ok=True)
            if target.parent.exists():
                sync(target.parent)
    except OSError as error:
        raise TargetError(targets[-1], error.strerror or str(error)) from error
    finally:
        for path in paths:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def sweep(folder: Path, name: str | None = None) -> None:
    """Remove what runs that were killed left half written in a folder: of the target `name`, or of all."""
    pattern = "*" if name is None else glob.escape(name) + "-" + "[0-9a-f]" * 32
    for path in folder.glob(_WRITING + pattern):
        path.unlink(missing_ok=True)


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Keep other runs from a target; the lock of a run that was killed does not hold.

    Raises `BusyError`, or `TargetError` where no file can be made beside the target.
    """
    path = target.with_name(f".lock-{target.name}")
    try:
        descriptor = lock.acquire(path, wait=False)
    except BlockingIOError:
        raise BusyError(target) from None
    except OSError as error:
        raise TargetError(target, error.strerror or str(error)) from error
    try:
        yield
    finally:
        lock.release(path, descriptor)
