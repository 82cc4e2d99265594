"""Files as streams of blocks of rows; a run of blocks is a part, and parts are where reading may begin."""

import struct
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeAlias

import pyarrow as pa

from pricerange.tables import expanded
from pricerange.tables.csv import blocks as csv_blocks
from pricerange.tables.csv import file as csv_file
from pricerange.tables.csv.file import TextBlock
from pricerange.tables.decompressed import decompressed
from pricerange.tables.errors import BrokenBlockError, TableNotFoundError, UnreadableTableError
from pricerange.tables.json import file as json_file
from pricerange.tables.json.file import MOST_COLUMNS, LineBlock
from pricerange.tables.names import selected
from pricerange.tables.source import hive
from pricerange.tables.source.arrow_file import Batches
from pricerange.tables.source.files import InputFile
from pricerange.tables.source.parquet_file import ParquetFile
from pricerange.tables.source.settled import empty, settled_batch
from pricerange.tables.valid import require_valid

BLOCK_ROWS = 16_384
"""Rows of a block of Parquet or Arrow: its numbers stay in the core's cache."""
TEXT_ROWS = 1 << 15
"""Rows of a block of CSV; 20 cells have 40 characters, so only tables without phones have as many."""
LINE_ROWS = 1 << 12
"""Rows of a block of NDJSON; only lines without phones are so short that there are as many."""
_AT_ONCE = 16
PART_ROWS = 1 << 20
"""Rows, at least, of a part of a Parquet or Arrow file, but for the last."""
PART_BYTES = 1 << 26
"""Bytes, at least, of a part of a text before compression, but for the last; about as many phones of CSV."""
SMALL_BYTES = 1 << 20
"""Bytes, at most, of a file that may share a part with others: to write one a file would take longer."""
SHARING_FILES = 1 << 10
"""Files, at most, that share a part: there is work for all cores, and less to do again after a kill."""

Content: TypeAlias = "pa.RecordBatch | TextBlock | LineBlock"
"""Rows as columns, or as CSV or NDJSON stands there."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A run of parts of a file that is read in one go, to the end where there is no `stop`; or many files.

    `file` is the file's place in the job. `start` and `stop` count bytes of text before compression, row
    groups of Parquet, record batches of Arrow. `part` is the number of the first part in the file,
    `first_row` that of its first row, from 1. Where `files` is not 0, it is so many small files from there
    on, whole, which share parts.
    """

    file: int
    part: int = 0
    start: int = 0
    stop: int | None = None
    first_row: int = 1
    files: int = 0


@dataclass(frozen=True, slots=True)
class Member:
    """What a block has of a file, which is one of many; `file` is its place in the job."""

    file: int
    content: Content


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of a part; a shard can begin where the last of a part stops.

    Where files share parts, `part` is the place of the part's first file, and the content is that of the
    `members`, side by side.
    """

    part: int
    stop: int
    content: Content
    members: tuple[Member, ...] = ()


def read(file: InputFile, shard: Shard, columns: Sequence[str] | None = None) -> Iterator[Block]:
    """Stream a shard's blocks; at least one from a file's start, so that the columns are always known.

    Of Parquet and Arrow only `columns` are read, where any are named, and what may be one of them.

    Raises `TableNotFoundError`, `UnreadableTableError`, `BrokenBlockError`, or `SourceChangedError` at the
    end of the shard.
    """
    with naming(file):
        match file.format:
            case "csv" | "ndjson":
                yield from _read_text(file, shard)
            case "parquet":
                yield from _read_parquet(file, shard, columns)
            case "arrow":
                yield from _read_arrow(file, shard, columns)
        file.require_unchanged()


def columns_of(file: InputFile) -> list[str]:
    """Return the names of a file's own columns, whatever they hold. Raises what `read` raises."""
    with naming(file):
        match file.format:
            case "csv":
                return next(csv_file.blocks(file.stream, asked=file.dialect)).header
            case "ndjson":
                return list(json_file.columns_of(file.stream))
            case "parquet":
                with ParquetFile(file) as table:
                    return list(table.schema.names)
            case "arrow":
                with Batches(file) as batches:
                    return list(batches.schema.names)


def about_rows(files: Sequence[InputFile]) -> int | None:
    """Return about how many rows files have, judged by the first of them, and those by their beginnings.

    None where one is a stream, which may have any number.
    """
    if any(file.is_stream for file in files):
        return None
    looked_at = files[:_AT_ONCE]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        rows = sum(threads.map(_about_rows, looked_at))
    return rows * sum(file.size for file in files) // max(sum(file.size for file in looked_at), 1)


def _about_rows(file: InputFile) -> int:
    with naming(file):
        match file.format:
            case "parquet":
                with ParquetFile(file) as table:
                    return int(table.metadata.num_rows)
            case "csv" | "ndjson":
                with file.open() as raw, decompressed(raw, file.compression) as stream:
                    lines = stream.read(csv_file.BLOCK_BYTES).count(b"\n")
                    return int(file.size * lines / max(raw.tell(), 1))
            case "arrow":
                with Batches(file) as batches:
                    return batches.about_rows()


def rows_of(content: Content) -> int:
    """Return how many rows there are."""
    match content:
        case TextBlock():
            return len(csv_blocks.lines(content.text, content.dialect))
        case LineBlock():
            return len(content.texts)
        case _:
            return int(content.num_rows)


def names_of(content: Content) -> list[str]:
    """Return the names of the columns."""
    match content:
        case TextBlock():
            return content.header
        case LineBlock():
            return list(content.columns)
        case _:
            return list(content.schema.names)


def bytes_of(content: Content) -> int:
    """Return what rows take in memory."""
    match content:
        case TextBlock():
            return len(content.text)
        case LineBlock():
            return sum(map(sys.getsizeof, content.texts))
        case _:
            return int(content.get_total_buffer_size())


def text_blocks(file: InputFile, start: int = 0) -> Iterator[TextBlock | LineBlock]:
    """Stream the blocks of a CSV or NDJSON file from the byte on at which one begins."""
    if file.format == "csv":
        return csv_file.blocks(file.stream, start, file.dialect)
    return json_file.blocks(file.stream, start)


@contextmanager
def naming(file: InputFile) -> Iterator[None]:
    """Raise what the file system and Arrow say of a file as errors that name it."""
    try:
        yield
    except FileNotFoundError as error:
        raise TableNotFoundError(file.name) from error
    except (OSError, pa.ArrowException) as error:
        # what does not answer is not asked again
        found = None if file.system and isinstance(error, OSError) else file.other_content()
        raise UnreadableTableError(file.name, found or str(error)) from error
    except (struct.error, OverflowError, IndexError, UnicodeDecodeError) as error:
        raise UnreadableTableError(file.name, f"its metadata is malformed: {error}") from error


def _read_text(file: InputFile, shard: Shard) -> Iterator[Block]:
    part, begun = shard.part, shard.start
    for block in text_blocks(file, shard.start):
        from_folders = hive.missing(file.from_folders, names_of(block))
        for piece in _pieces(block):
            for content in hive.beside(piece, from_folders):
                yield Block(part, block.stop, content)
        if block.stop == shard.stop:
            return
        if block.stop - begun >= PART_BYTES:
            part, begun = part + 1, block.stop


def _pieces(block: TextBlock | LineBlock) -> Iterator[TextBlock | LineBlock]:
    """Split a block where it has too many rows."""
    if isinstance(block, LineBlock):
        for first in range(0, max(len(block.texts), 1), LINE_ROWS):
            yield replace(block, texts=block.texts[first : first + LINE_ROWS])
        return
    _require_few(len(block.header))
    for text in csv_blocks.split(block.text, TEXT_ROWS, block.dialect):
        yield replace(block, text=text)


def _read_parquet(file: InputFile, shard: Shard, columns: Sequence[str] | None) -> Iterator[Block]:
    with ParquetFile(file, columns) as table:
        _require_narrow(table.schema)
        from_folders = hive.missing(file.from_folders, table.schema.names, columns)
        stop = table.metadata.num_row_groups if shard.stop is None else shard.stop
        rows = 0
        for batch in table.batches(range(shard.start, stop), BLOCK_ROWS):
            rows += batch.num_rows
            for block in expanded.cut(batch, BLOCK_ROWS):
                for content in hive.beside(settled_batch(block), from_folders):
                    yield Block(shard.part, stop, content)
        if not rows and not shard.start:
            for content in hive.beside(empty(table.schema), from_folders):
                yield Block(shard.part, stop, content)


def _read_arrow(file: InputFile, shard: Shard, columns: Sequence[str] | None) -> Iterator[Block]:
    with Batches(file) as batches:
        names = batches.schema.names
        wanted = names if columns is None else selected(names, columns)
        places = [place for place, name in enumerate(names) if name in wanted]
        _require_narrow(pa.schema([batches.schema.field(place) for place in places]))
        from_folders = hive.missing(file.from_folders, batches.schema.names, columns)
        part, rows, number = shard.part, 0, shard.start
        for number, batch in enumerate(batches.since(shard.start), shard.start + 1):
            read = batch.select(places)
            require_valid(read)
            for block in expanded.cut(read, BLOCK_ROWS):
                for content in hive.beside(settled_batch(block), from_folders):
                    yield Block(part, number, content)
            rows += read.num_rows
            if rows >= PART_ROWS:
                part, rows = part + 1, 0
        if not number:
            for content in hive.beside(empty(batches.schema).select(places), from_folders):
                yield Block(part, 0, content)


def _require_narrow(schema: pa.Schema) -> None:
    """Raise `BrokenBlockError` for a table of too many columns, those of structs and lists among them."""
    _require_few(sum(map(_leaves, schema.types)))


def _require_few(columns: int) -> None:
    if columns > MOST_COLUMNS:
        raise BrokenBlockError(None, f"it has {columns} columns, expected at most {MOST_COLUMNS}")


def _leaves(kind: pa.DataType) -> int:
    fields = kind.num_fields
    return sum(_leaves(kind.field(place).type) for place in range(fields)) if fields else 1
