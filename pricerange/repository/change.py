"""Changing which versions a model repository has: one process at a time, and no half version is ever seen."""

import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pricerange import durable
from pricerange.errors import TargetError

LOCK_FILE = ".lock"
_STAGING = ".changing-"
"""What folders are called whose content is no part of the repository yet, or no longer."""

log = logging.getLogger(__name__)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock on a model's folder, which is made where it is missing; wait for whoever has it.

    What a process has left behind that was killed is removed. Raises `TargetError`.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / LOCK_FILE).open("ab") as lock:
            _wait_for(lock.fileno(), folder)
            for left in folder.glob(f"{_STAGING}*"):
                shutil.rmtree(left)
            yield
    except OSError as error:
        raise TargetError(folder, error.strerror or str(error)) from error


def _wait_for(lock: int, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log.warning("another process changes %s: waiting for it", folder)
        fcntl.flock(lock, fcntl.LOCK_EX)


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Lend a folder of the same name elsewhere, which becomes this one at the end, by a rename.

    Raises `OSError` where there is something by then.
    """
    around = Path(tempfile.mkdtemp(prefix=_STAGING, dir=target.parent))
    try:
        staging = around / target.name
        staging.mkdir()
        yield staging
        durable.sync(staging)
        # os.rename replaces an empty folder and nothing else
        os.rename(staging, target)  # noqa: PTH104
        durable.sync(target.parent)
    finally:
        shutil.rmtree(around, ignore_errors=True)


def remove(target: Path) -> None:
    """Remove a folder: first its name goes, then what was in it."""
    around = Path(tempfile.mkdtemp(prefix=_STAGING, dir=target.parent))
    target.rename(around / target.name)
    durable.sync(target.parent)
    shutil.rmtree(around)
