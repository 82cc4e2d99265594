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

    Streams are copied too. A copy is in memory where a file has `SMALL_BYTES` at most; any other is a file
    without a name in `TMPDIR`. Each part that
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

    if file.system or file.is_stream:
        is_small = file.size <= SMALL_BYTES and not file.is_stream
        return Digested(Fetched.of(file, _copy(parts(), in_memory=is_small)), digest.hexdigest())
    deque(parts(), maxlen=0)
    return Digested(file, digest.hexdigest())


def _copy(parts: Iterator[bytes], *, in_memory: bool) -> pa.Buffer:
    """Put the parts of a file where it can be read at any place."""
    if in_memory:
        return pa.py_buffer(b"".join(parts))
    room = Path(gettempdir())
    with refused(room), TemporaryFile(dir=room) as copy:
        copy.writelines(parts)
        copy.flush()
        if not copy.tell():
            return pa.py_buffer(b"")  # of no bytes there is no map
        return pa.py_buffer(mmap.mmap(copy.fileno(), 0, access=mmap.ACCESS_READ))
