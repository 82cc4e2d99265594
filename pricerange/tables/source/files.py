"""Which files are to be read: paths, globs, folders and URIs, through pyarrow's file systems."""

import fnmatch
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import fs

from pricerange.foreign import BEGIN_BYTES, named
from pricerange.tables import forms
from pricerange.tables.csv.dialect import AS_FOUND, Dialect
from pricerange.tables.decompressed import decompressed
from pricerange.tables.errors import (
    DialectError,
    NoInputError,
    RepeatedInputError,
    SourceChangedError,
    TableFormatError,
    TableNotFoundError,
    UnreadableTableError,
)
from pricerange.tables.forms import Compression, Form, Format
from pricerange.tables.source import hive, pipe, uri
from pricerange.tables.source.hive import FolderColumn
from pricerange.tables.source.pipe import Pipe, Spool

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pricerange.tables.csv.file import ByteStream

_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class InputFile:
    """A table to be read. `name` is what people call it, `path` its place in the file system of `system`.

    `system` is a URI on that file system, empty for this machine's; `modified` are nanoseconds of the epoch.
    It is given up after about so many `seconds` in which it does not answer. `dialect` is what is known of
    that of a CSV; `from_folders` are columns that the names of its folders tell. What has no path that it
    could be opened by is `held`.
    """

    name: str
    system: str
    path: str
    format: Format
    compression: Compression | None
    size: int
    modified: int
    seconds: float = uri.SECONDS
    dialect: Dialect = AS_FOUND
    from_folders: tuple[FolderColumn, ...] = ()
    held: Pipe | Spool | None = None

    @property
    def is_stream(self) -> bool:
        """Whether it can be read once, from its beginning, and its size is not known."""
        return isinstance(self.held, Pipe)

    def open(self) -> pa.NativeFile:
        """Open the file as it is, to be read at any place unless it is a stream."""
        if self.held:
            return self.held.open()
        return uri.file_system(self.system, self.seconds).open_input_file(self.path)

    def stream(self) -> "AbstractContextManager[ByteStream]":
        """Open the file to be read from its beginning, decompressed. Raises `OSError`."""
        if self.compression and not (self.size or self.is_stream):
            # a download that failed, perhaps: not even an empty table is compressed to nothing
            raise OSError("the compressed stream ends early")
        return decompressed(self.open(), self.compression)

    def other_content(self) -> str | None:
        """Return what the file is by its first bytes and what to do, None where its name says the same."""
        try:
            with self.open() as file:
                beginning = file.read(BEGIN_BYTES)
        except (OSError, pa.ArrowException):
            return None
        if forms.begins(beginning, self.format, self.compression):
            return None
        if found := named(beginning):
            return f"it is {found.what}, {found.file}"
        if beginning.startswith(b"{"):
            return "it is NDJSON"
        return "it is CSV" if b"," in beginning.partition(b"\n")[0] else None

    def require_unchanged(self) -> None:
        """Raise `SourceChangedError` where the file is no longer as it was found."""
        if self.held:
            return
        found = uri.file_system(self.system, self.seconds).get_file_info(self.path)
        if (found.size, found.mtime_ns or 0) != (self.size, self.modified):
            raise SourceChangedError(self.name)

    def identity(self) -> dict[str, Any]:
        """Return what tells this file from another, and from itself after a change; no secret is in it."""
        known = asdict(replace(self, held=None)) | {"system": uri.without_secret(self.system)}
        del known["seconds"], known["held"]
        if self.dialect == AS_FOUND:
            # of many files it would be most of what is known
            del known["dialect"]
        return known


@dataclass(frozen=True, slots=True)
class Found:
    """The files in the order in which they are read, what was no table, and the searched folders."""

    files: tuple[InputFile, ...]
    ignored: tuple[str, ...]
    folders: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """How files are read: given up after how many seconds without an answer, and as which dialect of CSV."""

    seconds: float = uri.SECONDS
    dialect: Dialect = AS_FOUND


AS_USUAL = Reading()


def find(sources: Sequence[str], reading: Reading = AS_USUAL) -> Found:
    """Find the files that paths, globs, folders and URIs name; those of a folder or a glob by their names.

    Folders are searched to their depth; what begins with a dot or an underscore is left out. Folders called
    `key=value` below one that is searched, or below what a glob begins with, are columns of their files.
    `*` in a glob stays within a folder, and there is no `**`. A file on this machine is one by whatever links
    it is named. `-` is standard input, which may be a table in any form, as may a pipe that has a path. A
    source is given up after about so many seconds in which it does not answer.

    Raises `TableNotFoundError`, `TableFormatError`, `UnreadableTableError`, `NoInputError`,
    `RepeatedInputError`, or `DialectError` where a dialect is asked for and no file is CSV.
    """
    files: dict[tuple[str, str], InputFile] = {}
    ignored: list[str] = []
    folders: list[Path] = []
    for source in sources:
        place = _Place.of(source, reading)
        try:
            if stream := pipe.path_of(source):
                if ("", os.path.realpath(stream)) in files:
                    raise RepeatedInputError(source)
                tables = [_stream(source, stream, reading)]
            else:
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
    if reading.dialect != AS_FOUND and not any(file.format == "csv" for file in files.values()):
        raise DialectError("the dialect of CSV", "files of CSV", next(iter(files.values())).name)
    return Found(tuple(hive.typed(list(files.values()))), tuple(ignored), tuple(folders))


@dataclass(frozen=True, slots=True)
class _Place:
    """An argument: a path of a file system, perhaps with wildcards."""

    source: str
    system: str
    path: str
    reading: Reading

    @classmethod
    def of(cls, source: str, reading: Reading) -> "_Place":
        if not source:
            raise TableNotFoundError("''")
        if not uri.is_uri(source):
            return cls(source, "", os.path.abspath(source), reading)  # noqa: PTH100 - a Path would resolve no `..`
        named = uri.Uri.of(source)
        if named.scheme == "file":
            return cls(named.path, "", named.path, reading)
        return cls(uri.without_secret(source), source, named.path, reading)

    @property
    def file_system(self) -> fs.FileSystem:
        return uri.file_system(self.system, self.reading.seconds)

    def name_of(self, path: str) -> str:
        """Return what people call a path of this file system."""
        if self.system:
            return f"{self.system.partition('://')[0]}://{path.removeprefix('/')}"
        return path if os.path.isabs(self.source) else os.path.relpath(path)  # noqa: PTH117


def _stream(source: str, path: str, reading: Reading) -> InputFile:
    """Open a stream, and wait for its first bytes, which tell its form. Raises `UnreadableTableError`."""
    name = "standard input" if path == pipe.STANDARD_INPUT else source
    try:
        opened = Pipe(path)
        form = forms.of_bytes(opened.beginning(BEGIN_BYTES))
        if form.compression:
            with decompressed(opened.open(), form.compression) as stream:
                form = replace(form, format=forms.of_text(stream.read(BEGIN_BYTES)))
        held = opened if form.format in {"csv", "ndjson"} else Spool(opened)
    except (OSError, pa.ArrowException) as error:
        raise UnreadableTableError(name, getattr(error, "strerror", None) or str(error)) from error
    size = held.size if isinstance(held, Spool) else 0
    return InputFile(
        name, "", path, form.format, form.compression, size, 0, dialect=reading.dialect, held=held
    )


def _tables(place: _Place, ignored: list[str]) -> Iterator[InputFile]:
    info = place.file_system.get_file_info(place.path)
    if info.type == fs.FileType.File:
        form = forms.of_name(place.path)
        if not form:
            raise TableFormatError(place.source, forms.ENDINGS)
        yield _table(place, info, form)
        return
    searched = place.path
    if info.type == fs.FileType.Directory:
        found = list(_under(place, searched))
    elif "**" in place.path:
        raise UnreadableTableError(
            place.source, "`**` is not supported: a folder is always searched recursively"
        )
    elif wild := _WILD.search(place.path):
        searched, _, pattern = place.path[: wild.start()].rpartition("/")
        found = list(_matching(place, searched, (pattern + place.path[wild.start() :]).split("/")))
    else:
        raise TableNotFoundError(place.source)
    known = [(file, forms.of_name(file.path)) for file in found]
    ignored += [place.name_of(file.path) for file, form in known if not form]
    tables = [_table(place, file, form, searched) for file, form in known if form]
    if not tables:
        raise NoInputError(place.source, forms.ENDINGS)
    yield from tables


def _matching(place: _Place, folder: str, patterns: list[str]) -> Iterator[fs.FileInfo]:
    """Yield the files whose path under a folder is of these patterns, a pattern a level."""
    selected = fs.FileSelector(folder or "/", allow_not_found=True)
    wanted = fs.FileType.File if len(patterns) == 1 else fs.FileType.Directory
    entries = place.file_system.get_file_info(selected)
    for entry in sorted(entries, key=lambda entry: str(entry.path)):
        hidden = _is_hidden(entry.base_name) and patterns[0][:1] != entry.base_name[:1]
        if entry.type == wanted and not hidden and fnmatch.fnmatchcase(entry.base_name, patterns[0]):
            if len(patterns) == 1:
                yield entry
            else:
                yield from _matching(place, entry.path, patterns[1:])


def _is_hidden(name: str) -> bool:
    """Whether a file or a folder is left out; `_key=value` is a folder as Hive has them."""
    return name[:1] == "." or (name[:1] == "_" and "=" not in name)


def _under(place: _Place, folder: str) -> Iterator[fs.FileInfo]:
    selected = fs.FileSelector(folder or "/", recursive=True, allow_not_found=True)
    files = place.file_system.get_file_info(selected)
    for file in sorted(files, key=lambda file: str(file.path)):
        inside = PurePosixPath(file.path).relative_to(folder or "/")
        if file.type == fs.FileType.File and not any(map(_is_hidden, inside.parts)):
            yield file


def _table(place: _Place, info: fs.FileInfo, form: Form, searched: str | None = None) -> InputFile:
    """Return a file, which was found in a folder that was searched, or named itself."""
    name = place.source if info.path == place.path and not place.system else place.name_of(info.path)
    inside = () if searched is None else info.path.removeprefix(searched).split("/")[:-1]
    try:
        from_folders = hive.of_path(inside)
    except ValueError as error:
        raise UnreadableTableError(name, str(error)) from error
    return InputFile(
        name,
        place.system,
        info.path,
        form.format,
        form.compression,
        info.size,
        info.mtime_ns or 0,
        place.reading.seconds,
        _dialect(form, place.reading),
        from_folders,
    )


def _dialect(form: Form, reading: Reading) -> Dialect:
    """Return what is known of a file's dialect: its name may tell the delimiter where nobody else does."""
    if form.delimiter is None or reading.dialect.delimiter:
        return reading.dialect
    return replace(reading.dialect, delimiter=form.delimiter)


def _not_utf8(place: _Place) -> str:
    """Return the first path of this machine under a place that is not UTF-8, whatever else may be there."""
    folder = Path(re.split(_WILD, place.path, maxsplit=1)[0])
    for root, folders, files in os.walk(folder if folder.is_dir() else folder.parent):
        for name in sorted([*folders, *files]):
            if any("\udc80" <= character <= "\udcff" for character in name):
                return os.path.join(root, name)  # noqa: PTH118
    return place.source
