"""A result that appears whole or not at all: written beside its place, then renamed."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pricerange.durable import sync
from pricerange.errors import TargetError


@contextmanager
def staged(*targets: Path) -> Iterator[list[Path]]:
    """Lend a temporary path beside each target; what was written there takes its place at the end, in order.

    The bytes are on the disk before the name is. Where nothing was written, an older target goes. An error
    leaves the targets as they were and nothing beside them. Raises `TargetError`, which names the last, where
    the system refuses to write.
    """
    paths = [target.with_name(f".writing-{target.name}-{os.getpid()}") for target in targets]
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
            sync(target.parent)
    except OSError as error:
        raise TargetError(targets[-1], error.strerror or str(error)) from error
    finally:
        for path in paths:
            path.unlink(missing_ok=True)


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
