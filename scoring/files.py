"""Which files are to be scored: paths, globs, folders and URIs, through pyarrow's file systems."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

import pyarrow as pa
from pyarrow import fs

from pricerange.errors import TableFormatError, TableNotFoundError, UnreadableTableError
from scoring.errors import NoInputError, RepeatedInputError, SourceChangedError

Format = Literal["csv", "parquet", "arrow"]
Compression = Literal["gzip", "zstd"]

_FORMATS: dict[str, tuple[Format, Compression | None]] = {
    ".csv": ("csv", None),
    ".csv.gz": ("csv", "gzip"),
    ".csv.zst": ("csv", "zstd"),
    ".parquet": ("parquet", None),
    ".arrow": ("arrow", None),
    ".feather": ("arrow", None),
}
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class InputFile:
    """A table to be scored. `name` is what people call it, `path` its place in the file system of `system`.

    `system` is a URI on that file system, empty for this machine's; `modified` are nanoseconds of the epoch.
    """

    name: str
    system: str
    path: str
    format: Format
    compression: Compression | None
    size: int
    modified: int

    def open(self) -> pa.NativeFile:
        """Open the file as it is, to be read at any place."""
        return _file_system(self.system).open_input_file(self.path)

    def stream(self) -> pa.NativeFile:
        """Open the file to be read from its beginning, decompressed."""
        if self.compression is None:
            return self.open()
        return pa.CompressedInputStream(self.open(), self.compression)

    def require_unchanged(self) -> None:
        """Raise `SourceChangedError` where the file is no longer as it was found."""
        found = _file_system(self.system).get_file_info(self.path)
        if (found.size, found.mtime_ns or 0) != (self.size, self.modified):
            raise SourceChangedError(self.name)

    def identity(self) -> dict[str, Any]:
        """Return what tells this file from another, and from itself after a change; no secret is in it."""
        return asdict(self) | {"system": _without_secret(self.system)}


@dataclass(frozen=True, slots=True)
class Found:
    """The files in the order in which they are scored, and those of a folder that are no tables."""

    files: tuple[InputFile, ...]
    ignored: tuple[str, ...]


def format_of(name: str) -> tuple[Format, Compression | None] | None:
    """Return what a file's name tells by its end, None where it tells nothing."""
    lower = name.lower()
    return next((found for ending, found in _FORMATS.items() if lower.endswith(ending)), None)


def find(sources: Sequence[str]) -> Found:
    """Find the files that paths, globs, folders and URIs name; those of a folder or a glob by their names.

    Folders are searched to their depth; what begins with a dot or an underscore is left out. `*` in a glob
    stays within a folder.

    Raises `TableNotFoundError`, `TableFormatError`, `UnreadableTableError`, `NoInputError` or
    `RepeatedInputError`.
    """
    files: dict[tuple[str, str], InputFile] = {}
    ignored: list[str] = []
    for source in sources:
        place = _Place.of(source)
        try:
            tables = list(_tables(place, ignored))
        except (OSError, pa.ArrowException) as error:
            raise UnreadableTableError(place.source, str(error)) from error
        for table in tables:
            key = (type(_file_system(table.system)).__name__, table.path)
            if key in files:
                raise RepeatedInputError(table.name)
            files[key] = table
    return Found(tuple(files.values()), tuple(ignored))


@dataclass(frozen=True, slots=True)
class _Place:
    """An argument: a path of a file system, perhaps with wildcards."""

    source: str
    system: str
    path: str

    @classmethod
    def of(cls, source: str) -> "_Place":
        if not _URI.match(source):
            return cls(source, "", os.path.abspath(source))  # noqa: PTH100 - a Path would resolve no `..`
        shown = _without_secret(source)
        try:
            return cls(shown, source, fs.FileSystem.from_uri(source)[1])
        except (OSError, ValueError, pa.ArrowException) as error:
            raise UnreadableTableError(shown, str(error).replace(source, shown)) from error

    def name_of(self, path: str) -> str:
        """Return what people call a path of this file system."""
        if self.system:
            return f"{self.system.partition('://')[0]}://{path.removeprefix('/')}"
        return path if os.path.isabs(self.source) else os.path.relpath(path)  # noqa: PTH117


def _tables(place: _Place, ignored: list[str]) -> Iterator[InputFile]:
    info = _file_system(place.system).get_file_info(place.path)
    if info.type == fs.FileType.File:
        found_format = format_of(place.path)
        if not found_format:
            raise TableFormatError(place.source, tuple(_FORMATS))
        yield _table(place, info, *found_format)
        return
    if info.type == fs.FileType.Directory:
        found = list(_under(place, place.path))
    elif wild := _WILD.search(place.path):
        folder = place.path[: place.path.rindex("/", 0, wild.start())]
        found = [file for file in _under(place, folder) if PurePosixPath(file.path).match(place.path)]
    else:
        raise TableNotFoundError(place.source)
    known = [(file, format_of(file.path)) for file in found]
    ignored += [place.name_of(file.path) for file, form in known if not form]
    tables = [_table(place, file, *form) for file, form in known if form]
    if not tables:
        raise NoInputError(place.source, tuple(_FORMATS))
    yield from tables


def _under(place: _Place, folder: str) -> Iterator[fs.FileInfo]:
    selected = fs.FileSelector(folder or "/", recursive=True, allow_not_found=True)
    files = _file_system(place.system).get_file_info(selected)
    for file in sorted(files, key=lambda file: str(file.path)):
        inside = PurePosixPath(file.path).relative_to(folder or "/")
        if file.type == fs.FileType.File and not any(part[0] in "._" for part in inside.parts):
            yield file


def _table(place: _Place, info: fs.FileInfo, form: Format, compression: Compression | None) -> InputFile:
    name = place.source if info.path == place.path and not place.system else place.name_of(info.path)
    return InputFile(name, place.system, info.path, form, compression, info.size, info.mtime_ns or 0)


def _without_secret(uri: str) -> str:
    """Return a URI without the key and the secret that may stand before its host."""
    return re.sub(r"(?<=://)[^/@]*@", "", uri)


def _file_system(uri: str) -> fs.FileSystem:
    return fs.FileSystem.from_uri(uri)[0] if uri else fs.LocalFileSystem()
