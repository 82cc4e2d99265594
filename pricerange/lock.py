"""A lock that a file stands for, on one machine or a file system that all share; the killed hold none."""

import fcntl
import os
from pathlib import Path


def acquire(path: Path, wait: bool) -> int:
    """Make the file and hold it; return the descriptor by which it is held.

    Raises `BlockingIOError` where another process holds it and is not waited for, else `OSError`.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        # its owner removed it in the meantime
        os.close(descriptor)


def release(path: Path, descriptor: int) -> None:
    """Let go of the file, and remove it."""
    path.unlink(missing_ok=True)
    os.close(descriptor)


def _is(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
