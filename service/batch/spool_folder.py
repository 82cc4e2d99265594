"""The folder that long answers wait in: where it is, how much of it may be taken, what the log says of it.

It is Python's folder of temporary files, which TMPDIR names. Where that cannot be written to, Python takes
another one in silence.
"""

import ctypes
import logging
import os
import shutil
import tempfile
from pathlib import Path

from pricerange.machine.memory import usable_memory

log = logging.getLogger(__name__)

_LEAST_BYTES = 64 << 20
"""What may be taken in any case: where the disk has less, it says so itself."""
_IN_MEMORY = (0x0102_1994, 0x8584_58F6)
"""Types of tmpfs and ramfs (linux/magic.h)."""
_MOST_STATFS_BYTES = 256
_VARIABLES = ("TMPDIR", "TEMP", "TMP")
"""Where Python looks for the name of the folder, in this order."""


def folder() -> Path | None:
    """Return the folder, None where no file can be made anywhere."""
    try:
        return Path(tempfile.gettempdir())
    except OSError:
        return None


def default_spool(workers: int) -> int:
    """Return the bytes that a worker's long answers may take together.

    Half of what the folder has free now, shared among the workers: the rest is for whoever else writes there.
    Where the folder is in memory, all workers together take no more than a quarter of that.
    """
    place = folder()
    if place is None:
        return _LEAST_BYTES
    most = shutil.disk_usage(place).free // 2
    if in_memory(place):
        # it never says that it is full before the process is killed
        return min(max(_LEAST_BYTES, most), usable_memory() // 4) // workers
    return max(_LEAST_BYTES, most // workers)


def in_memory(place: Path) -> bool:
    """Return whether what is written to a folder takes memory."""
    statfs = getattr(ctypes.CDLL(None), "statfs", None)
    status = ctypes.create_string_buffer(_MOST_STATFS_BYTES)
    if statfs is None or statfs(os.fsencode(place), status):
        return False
    return ctypes.c_uint32.from_buffer(status).value in _IN_MEMORY  # the first field


def tell() -> None:
    """Log what whoever set up the service may not expect of the folder."""
    place = folder()
    if place is None:
        log.warning("no folder for temporary files can be written to: long answers will be a 507; set TMPDIR")
        return
    named = next((name for name in _VARIABLES if os.environ.get(name)), None)
    if named is not None and not _same(place, Path(os.environ[named])):
        log.warning(
            "%s is %s, which is not a folder that can be written to: long answers are buffered in %s",
            named,
            os.environ[named],
            place,
        )
    if in_memory(place):
        log.warning("long answers are buffered in %s, which is in memory: they count as such", place)


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
