"""Reading a file of which only a name is known: a pipe would keep us waiting, a terabyte take the memory."""

import os
import stat
from pathlib import Path

from pricerange.errors import MissingFileError, UnreadableFileError


def read(path: Path, most: int) -> tuple[bytes, int]:
    """Return a file's content, `most` bytes of it at most, and its size.

    Raises `MissingFileError` or `UnreadableFileError`.
    """
    try:
        # a pipe without a writer would keep us waiting
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise UnreadableFileError(path, "it is not a regular file")
            return file.read(most), found.st_size
    except FileNotFoundError as error:
        raise MissingFileError(path) from error
    except OSError as error:
        raise UnreadableFileError(path, error.strerror or str(error)) from error
