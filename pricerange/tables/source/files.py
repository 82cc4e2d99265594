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

from pricerange.foreign import BEGIN_BYTES, named
from pricerange.tables.errors import (
    NoInputError,
    RepeatedInputError,
    SourceChangedError,
    TableFormatError,
    TableNotFoundError,
    UnreadableTableError,
)
from pricerange.tables.source import uri

Format = Literal["csv", "ndjson", "parquet", "arrow"]
Compression = Literal["gzip", "zstd"]

_TEXTS: dict[str, Format] = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}
_CODECS: dict[str, Compression | None] = {"": None, ".gz": "gzip", ".zst": "zstd"}
_FORMATS: dict[str, tuple[Format, Compression | None]] = {
    **{ending + end: (form, codec) for ending, form in _TEXTS.items() for end, codec in _CODECS.items()},
    ".parquet": ("parquet", None),
    ".arrow": ("arrow", None),
    ".feather": ("arrow", None),
}
_MARKS: dict[str, tuple[bytes, ...]] = {
    "gzip": (b"\x1f\x8b",),
    "zstd": (b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18"),
    "parquet": (b"PAR1",),
    "arrow": (b"ARROW1", b"\xff\xff\xff\xff"),
    "csv": (b"",),
    "ndjson": (b"",),
}
"""How a file begins that is what its name says."""
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class InputFile:
    """A table to be scored. `name` is what people call it, `path` its place in the file system of `system`.

    `system` is a URI on that file system, empty for this machine's; `modified` are nanoseconds of the epoch.
    It is given up after about so many `seconds` in which it does not answer.
    """

    name: str
    system: str
    path: str
    format: Format
    compression: Compression | None
    size: int
    modified: int
    seconds: float = uri.SECONDS

    def open(self) -> pa.NativeFile:
        """Open the file as it is, to be read at any place."""
        return uri.file_system(self.system, self.seconds).open_input_file(self.path)

    def stream(self) -> pa.NativeFile:
        """Open the file to be read from its beginning, decompressed."""
        if self.compression is None:
            return self.open()
        return pa.CompressedInputStream(self.open(), self.compression)

    def other_content(self) -> str | None:
        """Return what the file is by its first bytes and what to do, None where its name says the same."""
        try:
            with self.open() as file:
                beginning = file.read(BEGIN_BYTES)
        except (OSError, pa.ArrowException):
            return None
        expected = _MARKS.get(self.compression or self.format, ())
        if beginning.startswith(expected):
            return None
        if found := named(beginning):
            return f"it is {found.what}, {found.file}"
        if beginning.startswith(b"{"):
            return "it is NDJSON"
        return "it is CSV" if b"," in beginning.partition(b"\n")[0] else None

    def require_unchanged(self) -> None:
        """Raise `SourceChangedError` where the file is no longer as it was found."""
        found = uri.file_system(self.system, self.seconds).get_file_info(self.path)
        if (found.size, found.mtime_ns or 0) != (self.size, self.modified):
            raise SourceChangedError(self.name)

    def identity(self) -> dict[str, Any]:
        """Return what tells this file from another, and from itself after a change; no secret is in it."""
        known = asdict(self) | {"system": uri.without_secret(self.system)}
        del known["seconds"]
        return known


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


def find(sources: Sequence[str], seconds: float = uri.SECONDS) -> Found:
    """Find the files that paths, globs, folders and URIs name; those of a folder or a glob by their names.

    Folders are searched to their depth; what begins with a dot or an underscore is left out. `*` in a glob
    stays within a folder, and there is no `**`. A file on this machine is one by whatever links it is named.
    A source is given up after about so many seconds in which it does not answer.

    Raises `TableNotFoundError`, `TableFormatError`, `UnreadableTableError`, `NoInputError` or
    `RepeatedInputError`.
    """
    files: dict[tuple[str, str], InputFile] = {}
    ignored: list[str] = []
    folders: list[Path] = []
    for source in sources:
        place = _Place.of(source, seconds)
        try:
            tables = list(_tables(place, ignored))
        except UnicodeError as error:
            raise UnreadableTableError(_not_utf8(place), "its name is not UTF-8; rename it") from error
        except (OSError, ValueError, pa.ArrowException) as error:
            raise UnreadableTableError(place.source, str(error)) from error
        if not place.system and Path(place.path).is_dir():
            folders.append(Path(place.path).resolve())
        for table in tables:
            path = table.path if table.system else os.path.realpath(table.path)
            key = (uri.Uri.of(table.system).scheme if table.system else "", path)
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
    seconds: float

    @classmethod
    def of(cls, source: str, seconds: float) -> "_Place":
        if not source:
            raise TableNotFoundError("''")
        if not uri.is_uri(source):
            return cls(source, "", os.path.abspath(source), seconds)  # noqa: PTH100 - a Path would resolve no `..`
        named = uri.Uri.of(source)
        if named.scheme == "file":
            return cls(named.path, "", named.path, seconds)
        return cls(uri.without_secret(source), source, named.path, seconds)

    @property
    def file_system(self) -> fs.FileSystem:
        return uri.file_system(self.system, self.seconds)

    def name_of(self, path: str) -> str:
        """Return what people call a path of this file system."""
        if self.system:
            return f"{self.system.partition('://')[0]}://{path.removeprefix('/')}"
        return path if os.path.isabs(self.source) else os.path.relpath(path)  # noqa: PTH117


def _tables(place: _Place, ignored: list[str]) -> Iterator[InputFile]:
    info = place.file_system.get_file_info(place.path)
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
    entries = place.file_system.get_file_info(selected)
    for entry in sorted(entries, key=lambda entry: str(entry.path)):
        first = entry.base_name[:1]
        hidden = first in {".", "_"} and patterns[0][:1] != first
        if entry.type == wanted and not hidden and fnmatch.fnmatchcase(entry.base_name, patterns[0]):
            if len(patterns) == 1:
                yield entry
            else:
                yield from _matching(place, entry.path, patterns[1:])


def _under(place: _Place, folder: str) -> Iterator[fs.FileInfo]:
    selected = fs.FileSelector(folder or "/", recursive=True, allow_not_found=True)
    files = place.file_system.get_file_info(selected)
    for file in sorted(files, key=lambda file: str(file.path)):
        inside = PurePosixPath(file.path).relative_to(folder or "/")
        if file.type == fs.FileType.File and not any(part[0] in "._" for part in inside.parts):
            yield file


def _table(place: _Place, info: fs.FileInfo, form: Format, compression: Compression | None) -> InputFile:
    name = place.source if info.path == place.path and not place.system else place.name_of(info.path)
    return InputFile(
        name, place.system, info.path, form, compression, info.size, info.mtime_ns or 0, place.seconds
    )


def _not_utf8(place: _Place) -> str:
    """Return the first path of this machine under a place that is not UTF-8, whatever else may be there."""
    folder = Path(re.split(_WILD, place.path, maxsplit=1)[0])
    for root, folders, files in os.walk(folder if folder.is_dir() else folder.parent):
        for name in sorted([*folders, *files]):
            if any("\udc80" <= character <= "\udcff" for character in name):
                return os.path.join(root, name)  # noqa: PTH118
    return place.source
