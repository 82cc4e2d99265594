"""A result that appears whole or not at all: written beside its place, then renamed; by one run at a time."""

import fcntl
import os
import signal
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pricerange.durable import sync
from pricerange.errors import TargetError
from scoring.errors import BusyError

_WRITING = ".writing-"


@contextmanager
def staged(*targets: Path) -> Iterator[list[Path]]:
    """Lend a temporary path beside each target; what was written there takes its place at the end, in order.

    The bytes are on the disk before the name is. Where nothing was written, an older target goes. An error
    leaves the targets as they were and nothing beside them. Raises `TargetError`, which names the last, where
    the system refuses to write.
    """
    attempt = uuid.uuid4().hex
    paths = [target.with_name(f"{_WRITING}{target.name}-{attempt}") for target in targets]
    try:
        yield paths
        for path in paths:
            if path.exists():
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
            path.unlink(missing_ok=True)


def sweep(folder: Path, name: str = "") -> None:
    """Remove what runs that were killed left half written in a folder: of the target `name`, or of all."""
    for path in folder.glob(f"{_WRITING}{name}*"):
        path.unlink(missing_ok=True)


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Keep other runs from a target; the lock of a run that was killed does not hold.

    Raises `BusyError`, or `TargetError` where no file can be made beside the target.
    """
    path = target.with_name(f".lock-{target.name}")
    descriptor = _lock(path, target)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _lock(path: Path, target: Path) -> int:
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise TargetError(target, error.strerror or str(error)) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is(path, descriptor):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise BusyError(target) from None
        except OSError as error:
            os.close(descriptor)
            raise TargetError(target, f"it cannot be locked: {error.strerror}") from error
        # its owner removed it in the meantime
        os.close(descriptor)


def _is(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Make SIGTERM an exception with exit code 143, so that what is half done is cleaned up."""
    if threading.current_thread() is not threading.main_thread():
        # Python handles signals in the main thread alone, and only there can it be told how
        yield
        return
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(number: int, _frame: object) -> None:
    # a second one must not break into the cleaning up
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(128 + number)
