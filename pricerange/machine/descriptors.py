"""How many file descriptors this process has left: connections, files and libraries share one limit."""

import errno
import resource
import sys
from pathlib import Path

EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE})
"""Numbers of the errors that say there are none left, for the process or for the whole machine."""

_OPEN = Path("/proc/self/fd" if sys.platform == "linux" else "/dev/fd")
"""The folder of what is open; since Linux 6.2 its size is how many there are."""


def limit() -> int:
    """Return how many descriptors the process may have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def left() -> int:
    """Return how many are left, the limit where the system does not tell."""
    try:
        used = _OPEN.stat().st_size if sys.platform == "linux" else 0
        return limit() - (used or sum(1 for _ in _OPEN.iterdir()))
    except OSError as error:
        return 0 if error.errno in EXHAUSTED else limit()
