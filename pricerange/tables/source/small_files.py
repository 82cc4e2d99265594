"""Many small files as one stream: fetched ahead on many threads, decoded ahead on few, joined in order.

A file of a few rows costs as much as a block of thousands: to be opened, parsed, answered and made durable.
What is joined, and where a part of the result ends, depends on the files alone.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any, TypeAlias

import pyarrow as pa

from pricerange.errors import PriceRangeError
from pricerange.in_order import in_order
from pricerange.tables import expanded
from pricerange.tables.csv import file as csv_file
from pricerange.tables.csv.file import TextBlock, located
from pricerange.tables.errors import BrokenBlockError
from pricerange.tables.source import blocks
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
class _Fetched(InputFile):
    """A file whose bytes are in memory; they were read before it changed."""

    content: bytes = b""

    def open(self) -> pa.NativeFile:
        return pa.BufferReader(self.content)

    def require_unchanged(self) -> None:
        pass


_Batch: TypeAlias = "list[tuple[int, _Fetched | PriceRangeError]]"
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
        return _begun(_contents(fetched, columns))

    with (
        ThreadPoolExecutor(_FETCHED_AT_ONCE, "fetch") as fetching,
        ThreadPoolExecutor(_DECODED_AT_ONCE, "decode") as decoding,
        closing(in_order(fetching, fetch, together, _FETCHED_AT_ONCE)) as fetched,
        closing(in_order(decoding, decode, fetched, 2 * _DECODED_AT_ONCE)) as decoded,
    ):
        yield from joined(chain.from_iterable(decoded))


def _fetch(file: InputFile) -> _Fetched:
    with blocks.naming(file):
        with file.open() as raw:
            content = raw.read(file.size + 1)
        file.require_unchanged()
    known: dict[str, Any] = {of_file.name: getattr(file, of_file.name) for of_file in fields(InputFile)}
    return _Fetched(**known, content=content)


def _contents(fetched: _Batch, columns: Sequence[str] | None) -> Iterator[Found]:
    """Decode files one after the other. Raises `PriceRangeError` for the first that is broken."""
    header, names = b"", [""]
    for place, file in fetched:
        if isinstance(file, PriceRangeError):
            raise file
        text = _text(file)
        if header and text.startswith(header) and text.count(b"\n") + text.count(b"\r") <= blocks.TEXT_ROWS:
            # in a twentieth of the time that it takes to parse a header
            yield Found(place, TextBlock(names, text[len(header) :], len(text)), whole=True)
            continue
        header = b""
        for found in _of_file(place, file, columns):
            yield found
            content = found.content
            if text and found.whole and isinstance(content, TextBlock):
                before_rows = text[: len(text) - len(content.text)]
                header = before_rows if before_rows.endswith((b"\n", b"\r")) else b""
                names = content.header


def _text(file: _Fetched) -> bytes:
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
