"""How much memory this process may use, which in a container is less than the machine has."""

import os
from pathlib import Path

_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where control groups of version 2 and 1 tell their limit; `max`, or a number beyond all memory, is none."""


def usable_memory(root: Path = Path("/")) -> int:
    """Return bytes: those of the machine, or of the container's limit where that is lower."""
    least = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for name in _LIMITS:
        try:
            found = int((root / name.lstrip("/")).read_text())
        except (OSError, ValueError):
            continue
        least = min(least, found)
    return least
