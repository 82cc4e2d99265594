"""Another model repository, to be read from: a folder of this machine, or of an object store."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pyarrow as pa
from pyarrow import fs

from pricerange.bundle import MODEL_NAME
from pricerange.errors import RepositorySourceError
from pricerange.tables.source import uri
from pricerange.tables.source.uri import Uri

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MOST_FILES = 100
"""Of a version, which has about ten."""
_PART_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """The folder of the model in a repository.

    `system` is a URI on its file system, empty for this machine's; it may hold secrets, and is never shown.
    """

    name: str
    system: str = field(repr=False)
    path: str
    seconds: float

    @classmethod
    def of(cls, repository: str, seconds: float) -> Self:
        """Return the source that a path or a URI names. Raises `UnreadableTableError`."""
        shown = f"{uri.without_secret(repository).partition('?')[0].rstrip('/')}/{MODEL_NAME}"
        named = Uri.of(repository) if uri.is_uri(repository) else None
        if named and named.scheme != "file":
            return cls(shown, repository, f"{named.path}/{MODEL_NAME}", seconds)
        path = os.path.abspath(named.path if named else repository)  # noqa: PTH100 - pyarrow resolves no `..`
        return cls(shown, "", f"{path}/{MODEL_NAME}", seconds)

    def versions(self) -> list[int]:
        """List the folders that are called as versions are, oldest first. Raises `RepositorySourceError`."""
        names = [entry.base_name for entry in self._listed(self.path) if entry.type == fs.FileType.Directory]
        return sorted(int(name) for name in names if name.isdecimal() and str(int(name)) == name)

    def files(self, version: int) -> dict[str, int]:
        """Return the names of a version's files, and the bytes of each.

        Raises `RepositorySourceError`, also for what is no file with a plain name.
        """
        found: dict[str, int] = {}
        for entry in self._listed(f"{self.path}/{version}"):
            at = f"{self.name}/{version}"
            if len(found) == _MOST_FILES:
                raise RepositorySourceError(at, f"expected at most {_MOST_FILES} files")
            is_link = not self.system and Path(entry.path).is_symlink()
            if entry.type != fs.FileType.File or is_link:
                raise RepositorySourceError(at, f"expected files alone, found {entry.base_name!r}")
            if not _PLAIN_NAME.fullmatch(entry.base_name):
                raise RepositorySourceError(at, f"expected plain names of files, found {entry.base_name!r}")
            found[entry.base_name] = entry.size
        return found

    def parts(self, file: str, size: int) -> Iterator[bytes]:
        """Yield the content of a file that has so many bytes. Raises `RepositorySourceError`."""
        left = size
        with self._asked(file), self._system.open_input_stream(f"{self.path}/{file}") as stream:
            while part := stream.read(min(_PART_BYTES, left + 1)):
                left -= len(part)
                if left < 0:
                    break
                yield part
        if left:
            raise RepositorySourceError(f"{self.name}/{file}", f"expected {size} bytes, found others")

    def read(self, file: str, most: int) -> bytes | None:
        """Return the content of a file, None where there is none. Raises `RepositorySourceError`."""
        with self._asked(file):
            info = self._system.get_file_info(f"{self.path}/{file}")
        if info.type == fs.FileType.NotFound:
            return None
        if info.type != fs.FileType.File or info.size > most:
            found = f"{info.size} bytes" if info.type == fs.FileType.File else "something else"
            raise RepositorySourceError(
                f"{self.name}/{file}", f"expected a file of {most} bytes, found {found}"
            )
        return b"".join(self.parts(file, info.size))

    @property
    def _system(self) -> fs.FileSystem:
        return uri.file_system(self.system, self.seconds)

    def _listed(self, path: str) -> list[fs.FileInfo]:
        with self._asked(path.removeprefix(self.path).removeprefix("/")):
            selected = fs.FileSelector(path, allow_not_found=True)
            return sorted(self._system.get_file_info(selected), key=lambda entry: str(entry.path))

    @contextmanager
    def _asked(self, file: str) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, pa.ArrowException) as error:
            raise RepositorySourceError(f"{self.name}/{file}".rstrip("/"), str(error)) from error
