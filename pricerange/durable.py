"""What is written and has to outlast a loss of power."""

import os
from collections.abc import Iterable
from pathlib import Path


def sync(path: Path) -> None:
    """Wait until a file's bytes, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write(path: Path, content: bytes) -> None:
    """Write a new file and wait until its bytes are on the disk. Raises `FileExistsError`."""
    write_parts(path, [content])


def write_parts(path: Path, parts: Iterable[bytes]) -> None:
    """Do as `write` with a content that comes in parts."""
    with path.open("xb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())


def replace(path: Path, content: bytes, staged_in: Path | None = None) -> None:
    """Write a file that others may be reading, by rename: they find the old one whole, or the new one.

    Until then it has another name, in the same folder or in the one where it is `staged_in`.
    """
    staging = (staged_in or path.parent) / f".writing-{path.name}-{os.urandom(8).hex()}"
    try:
        write(staging, content)
        staging.replace(path)
    except BaseException:
        staging.unlink(missing_ok=True)
        raise
    sync(path.parent)
