"""Which files are to be scored: paths, globs, folders and URIs, through pyarrow's file systems."""

import fnmatch
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
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
    """The files in the order in which they are scored, what was no table, and the searched folders."""

    files: tuple[InputFile, ...]
    ignored: tuple[str, ...]
    folders: tuple[Path, ...]


def format_of(name: str) -> tuple[Format, Compression | None] | None:
    """Return what a file's name tells by its end, None where it tells nothing."""
    lower = name.lower()
    return next((found for ending, found in _FORMATS.items() if lower.endswith(ending)), None)


def find(sources: Sequence[str]) -> Found:
    """Find the files that paths, globs, folders and URIs name; those of a folder or a glob by their names.

    Folders are searched to their depth; what begins with a dot or an underscore is left out. `*` in a glob
    stays within a folder, and there is no `**`. A file on this machine is one by whatever links it is named.

    Raises `TableNotFoundError`, `TableFormatError`, `UnreadableTableError`, `NoInputError` or
    `RepeatedInputError`.
    """
    files: dict[tuple[str, str], InputFile] = {}
    ignored: list[str] = []
    folders: list[Path] = []
    for source in sources:
        place = _Place.of(source)
        try:
            tables = list(_tables(place, ignored))
        except (OSError, ValueError, pa.ArrowException) as error:
            raise UnreadableTableError(place.source, str(error)) from error
        if not place.system and Path(place.path).is_dir():
            folders.append(Path(place.path).resolve())
        for table in tables:
            path = table.path if table.system else str(Path(table.path).resolve())
            key = (type(_file_system(table.system)).__name__, path)
            if key in files:
                raise RepeatedInputError(table.name)
            files[key] = table
    return Found(tuple(files.values()), tuple(ignored), tuple(folders))


@dataclass(frozen=True, slots=True)
class _Place:
    """An argument: a path of a file system, perhaps with wildcards."""

    source: str
    system: str
    path: str

    @classmethod
    def of(cls, source: str) -> "_Place":
        if not source:
            raise TableNotFoundError("''")
        if not _URI.match(source):
            return cls(source, "", os.path.abspath(source))  # noqa: PTH100 - a Path would resolve no `..`
        shown = _without_secret(source)
        try:
            system, path = fs.FileSystem.from_uri(source)
            return cls(path, "", path) if system.type_name == "local" else cls(shown, source, path)
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
    elif "**" in place.path:
        raise UnreadableTableError(
            place.source, "`**` is not supported: a folder is always searched recursively"
        )
    elif wild := _WILD.search(place.path):
        folder, _, pattern = place.path[: wild.start()].rpartition("/")
        found = list(_matching(place, folder, (pattern + place.path[wild.start() :]).split("/")))
    else:
        raise TableNotFoundError(place.source)
    known = [(file, format_of(file.path)) for file in found]
    ignored += [place.name_of(file.path) for file, form in known if not form]
    tables = [_table(place, file, *form) for file, form in known if form]
    if not tables:
        raise NoInputError(place.source, tuple(_FORMATS))
    yield from tables


def _matching(place: _Place, folder: str, patterns: list[str]) -> Iterator[fs.FileInfo]:
    """Yield the files whose path under a folder is of these patterns, a pattern a level."""
    selected = fs.FileSelector(folder or "/", allow_not_found=True)
    wanted = fs.FileType.File if len(patterns) == 1 else fs.FileType.Directory
    entries = _file_system(place.system).get_file_info(selected)
    for entry in sorted(entries, key=lambda entry: str(entry.path)):
        hidden = entry.base_name[0] in "._" and patterns[0][0] != entry.base_name[0]
        if entry.type == wanted and not hidden and fnmatch.fnmatchcase(entry.base_name, patterns[0]):
            if len(patterns) == 1:
                yield entry
            else:
                yield from _matching(place, entry.path, patterns[1:])


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
