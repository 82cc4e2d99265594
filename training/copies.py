"""Files and the sha256 of their bytes; those of an object store are copied, and digested on their way."""

import hashlib
import mmap
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile, gettempdir

import pyarrow as pa

from pricerange.tables.source.blocks import SMALL_BYTES, naming
from pricerange.tables.source.files import InputFile
from pricerange.tables.source.small_files import Fetched
from training.output import refused

_PART_BYTES = 1 << 20
_AT_ONCE = 16
"""Files that are read at the same time: each round trip to an object store takes a while."""


@dataclass(frozen=True, slots=True)
class Digested:
    """A file whose rows can be read at any place, and the sha256 of its bytes."""

    file: InputFile
    sha256: str


def digested(files: Sequence[InputFile], heard: Callable[[], None]) -> list[Digested]:
    """Digest files of this machine where they are, and others as copies, which last as long as they are used.

    A copy is in memory up to `SMALL_BYTES`; a longer one is a file without a name in `TMPDIR`. Each part that
    comes is told by `heard`. Raises `TableNotFoundError`, `UnreadableTableError`, `SourceChangedError`, or
    `OutputError` where a copy has no room.
    """
    with ThreadPoolExecutor(_AT_ONCE, "digest") as threads:
        return list(threads.map(lambda file: _digested(file, heard), files))


def _digested(file: InputFile, heard: Callable[[], None]) -> Digested:
    digest = hashlib.sha256()

    def parts() -> Iterator[bytes]:
        with naming(file):
            with file.open() as raw:
                while part := raw.read(_PART_BYTES):
                    digest.update(part)
                    heard()
                    yield part
            file.require_unchanged()

    if file.system:
        return Digested(Fetched.of(file, _copy(file.size, parts())), digest.hexdigest())
    deque(parts(), maxlen=0)
    return Digested(file, digest.hexdigest())


def _copy(size: int, parts: Iterator[bytes]) -> pa.Buffer:
    """Put a file of about that many bytes where it can be read at any place."""
    if size <= SMALL_BYTES:
        return pa.py_buffer(b"".join(parts))
    room = Path(gettempdir())
    with refused(room), TemporaryFile(dir=room) as copy:
        copy.writelines(parts)
        copy.flush()
        return pa.py_buffer(mmap.mmap(copy.fileno(), 0, access=mmap.ACCESS_READ))
