"""Places for results: looked at before the work, so that no result is lost for want of one."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.errors import OutputError


def check_folder(path: Path) -> None:
    """Make the folder where there is none. Raises `OutputError` where nothing can be written to it."""
    with refused(path):
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()


def check_file(path: Path) -> None:
    """Raise `OutputError` where no such file can be written; one that is there may be replaced."""
    if path.is_dir():
        raise OutputError(path, "Is a directory")
    with refused(path):
        tempfile.TemporaryFile(dir=path.parent).close()
    if path.exists() and not os.access(path, os.W_OK):
        raise OutputError(path, "Permission denied")


@contextmanager
def refused(path: Path) -> Iterator[None]:
    """Say of what the system refuses which result it concerns: `OutputError`."""
    try:
        yield
    except OSError as error:
        raise OutputError(path, error.strerror or str(error)) from error
