"""Many small files as one stream: fetched ahead on many threads, decoded ahead on few, joined in order.

A file of a few rows costs as much as a block of thousands: to be opened, parsed, answered and made durable.
What is joined, and where a part of the result ends, depends on the files alone.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, fields, replace
from itertools import chain
from typing import Any, Self, TypeAlias

import pyarrow as pa

from pricerange.errors import PriceRangeError
from pricerange.in_order import in_order
from pricerange.tables import expanded
from pricerange.tables.csv import file as csv_file
from pricerange.tables.csv.blocks import without_empty
from pricerange.tables.csv.dialect import AS_FOUND, PLAIN
from pricerange.tables.csv.file import TextBlock, located
from pricerange.tables.csv.header import Header
from pricerange.tables.csv.text import ends_inside_quotes
from pricerange.tables.errors import BrokenBlockError
from pricerange.tables.source import blocks, hive
from pricerange.tables.source.blocks import Block, Content, Shard
from pricerange.tables.source.files import InputFile
from pricerange.tables.source.joined import Found, joined
from pricerange.tables.source.plan import runs

_FETCHED_AT_ONCE = 32
"""Round trips to an object store that go on at the same time."""
_FETCHED_TOGETHER = 32
"""Files, at most, that a thread fetches in one go: to hand over each would take longer than to read it."""
_DECODED_AT_ONCE = 1
"""Threads that decode: Arrow needs no interpreter lock, what is around it does; and each takes memory."""


@dataclass(frozen=True, slots=True)
class Fetched(InputFile):
    """A file whose bytes are at hand; they were read before it changed."""

    content: "bytes | pa.Buffer" = b""

    @classmethod
    def of(cls, file: InputFile, content: "bytes | pa.Buffer") -> Self:
        """Put the bytes of a file in its place."""
        known: dict[str, Any] = {each.name: getattr(file, each.name) for each in fields(InputFile)}
        return cls(**known, content=content)

    def open(self) -> pa.NativeFile:
        """Open the bytes."""
        return pa.BufferReader(self.content)

    def require_unchanged(self) -> None:
        """Change nothing: the bytes stay as they are."""


_Batch: TypeAlias = "list[tuple[int, Fetched | PriceRangeError]]"
"""Files, by their places in the job; last may be why the next could not be read."""


def read(files: Sequence[InputFile], shard: Shard, columns: Sequence[str] | None = None) -> Iterator[Block]:
    """Stream the blocks of a shard of small files.

    Raises what `blocks.read` raises, and `BrokenRowError` where a file has rows that cannot be read.
    """

    sizes = [file.size for file in files[shard.file : shard.file + shard.files]]
    together = runs(sizes, _FETCHED_TOGETHER, blocks.SMALL_BYTES)

    def fetch(run: range) -> _Batch:
        fetched: _Batch = []
        for place in range(shard.file + run.start, shard.file + run.stop):
            try:
                fetched.append((place, _fetch(files[place])))
            except PriceRangeError as error:
                return [*fetched, (place, error)]
        return fetched

    def decode(fetched: _Batch) -> Iterator[Found]:
        return _begun(_beside_folders(files, _contents(fetched, columns), columns))

    with (
        ThreadPoolExecutor(_FETCHED_AT_ONCE, "fetch") as fetching,
        ThreadPoolExecutor(_DECODED_AT_ONCE, "decode") as decoding,
        closing(in_order(fetching, fetch, together, _FETCHED_AT_ONCE)) as fetched,
        closing(in_order(decoding, decode, fetched, 2 * _DECODED_AT_ONCE)) as decoded,
    ):
        yield from joined(chain.from_iterable(decoded))


def _fetch(file: InputFile) -> Fetched:
    with blocks.naming(file):
        with file.open() as raw:
            content = raw.read(file.size + 1)
        file.require_unchanged()
    # what its folders tell is added to its rows later
    return Fetched.of(replace(file, from_folders=()), content)


def _beside_folders(
    files: Sequence[InputFile], contents: Iterator[Found], columns: Sequence[str] | None
) -> Iterator[Found]:
    """Append to the rows of each file what the names of its folders tell."""
    for found in contents:
        from_folders = files[found.file].from_folders
        if not from_folders:
            yield found
            continue
        lacking = hive.missing(from_folders, blocks.names_of(found.content), columns)
        pieces = list(hive.beside(found.content, lacking))
        for piece in pieces:
            yield Found(found.file, piece, found.whole and len(pieces) == 1)


def _contents(fetched: _Batch, columns: Sequence[str] | None) -> Iterator[Found]:
    """Decode files one after the other. Raises `PriceRangeError` for the first that is broken."""
    header, known, asked = b"", Header([""], PLAIN), AS_FOUND
    for place, file in fetched:
        if isinstance(file, PriceRangeError):
            raise file
        text = _text(file)
        is_like_it = header and file.dialect == asked and text.startswith(header)
        if is_like_it and text.count(b"\n") + text.count(b"\r") <= blocks.TEXT_ROWS:
            # in a twentieth of the time that it takes to parse a header
            yield Found(place, _rows(text, len(header), known), whole=True)
            continue
        header = b""
        for found in _of_file(place, file, columns):
            yield found
            content = found.content
            if text and found.whole and isinstance(content, TextBlock):
                # what stands behind the rows is left out of them, or the header would seem longer
                is_whole = content.text and text.endswith(content.text)
                before_rows = text[: len(text) - len(content.text)] if is_whole else b""
                header = before_rows if before_rows.endswith((b"\n", b"\r")) else b""
                known, asked = Header(content.header, content.dialect), file.dialect


def _rows(text: bytes, begin: int, header: Header) -> TextBlock:
    """Return the rows of a file that begin there."""
    rows = text[begin:]
    is_open = ends_inside_quotes(rows, header.dialect.delimiter)
    stop = len(rows) if is_open else without_empty(rows, header)
    return TextBlock(header.names, rows[:stop], len(text), header.dialect, stop < len(rows))


def _text(file: Fetched) -> bytes:
    """Return a CSV file's bytes, decompressed, where they are one block; nothing else."""
    if file.format != "csv":
        return b""
    if file.compression is None:
        return file.content if len(file.content) < csv_file.BLOCK_BYTES else b""
    with blocks.naming(file), file.stream() as stream:
        text = bytearray()
        while len(text) < csv_file.BLOCK_BYTES and (part := stream.read(csv_file.BLOCK_BYTES - len(text))):
            text += part
    return bytes(text) if len(text) < csv_file.BLOCK_BYTES else b""


def _of_file(place: int, file: InputFile, columns: Sequence[str] | None) -> Iterator[Found]:
    contents = _named(file, blocks.read(file, Shard(place), columns))
    first = next(contents)
    try:
        second = next(contents, None)
    except PriceRangeError:
        yield Found(place, first, whole=False)
        raise
    yield Found(place, first, whole=second is None)
    for content in chain([] if second is None else [second], contents):
        yield Found(place, content, whole=False)


def _named(file: InputFile, read: Iterator[Block]) -> Iterator[Content]:
    """Yield the content of a whole file's blocks; what is wrong with one names the file and the row."""
    rows = 0
    try:
        for block in read:
            yield block.content
            rows += blocks.rows_of(block.content)
    except BrokenBlockError as error:
        raise located(error, file.name, rows) from error


def _begun(contents: Iterator[Found]) -> Iterator[Found]:
    """Take as much as the bytes of a block allow; what is left is decoded when it is asked for."""
    taken: list[Found] = []
    size = 0
    try:
        while size < expanded.BLOCK_BYTES and (found := next(contents, None)):
            taken.append(found)
            size += blocks.bytes_of(found.content)
    except PriceRangeError as error:
        return chain(taken, _raised(error))
    return chain(taken, contents)


def _raised(error: PriceRangeError) -> Iterator[Found]:
    raise error
    yield
