"""A CSV file as a stream: of blocks of rows as they stand there, or of batches of text."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pricerange.tables.csv.blocks import BlockCutter
from pricerange.tables.csv.rows import parse, split_header
from pricerange.tables.errors import BrokenBlockError, BrokenRowError, UnreadableTableError

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_BYTES = 1 << 20
"""Bytes of a block, some 16,000 phones; no row is longer."""


class ByteStream(Protocol):
    """What CSV is read from: a file of Python's or of Arrow's."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, none at the end."""

    def seek(self, position: int, /) -> int:
        """Go to a byte."""

    def seekable(self) -> bool:
        """Return whether it can be gone to."""


Open = Callable[[], AbstractContextManager[ByteStream]]


@dataclass(frozen=True, slots=True)
class TextBlock:
    """Whole rows of a file, as they stand there, and the names of their columns.

    `stop` is the byte of the file where the next block begins; reading may start there.
    """

    header: list[str]
    text: bytes
    stop: int


def blocks(opened: Open, start: int = 0) -> Iterator[TextBlock]:
    """Stream a CSV file's blocks, from the one on that begins at `start`; where that is 0, at least one.

    The same file gives the same blocks, from wherever it is read. Raises `BrokenBlockError`.
    """
    header: list[str] = []
    with opened() as file:
        for text, stop in _cut(file, BlockCutter(BLOCK_BYTES)):
            rows = text
            if not header:
                header, rows = split_header(text)
                if not header:
                    continue
            if start:
                break
            yield TextBlock(header, rows, stop)
    if not header:
        raise BrokenBlockError(None, "the file is empty, expected a header with the column names")
    if start:
        with opened() as file:
            skip(file, start)
            for text, stop in _cut(file, BlockCutter(BLOCK_BYTES, start)):
                yield TextBlock(header, text, stop)


def read(path: Path) -> "Iterator[pa.RecordBatch]":
    """Stream a CSV file (RFC 4180, UTF-8, with a header) in batches whose columns are all text.

    At least one batch comes, so that the columns are always known. Raises `UnreadableTableError`, or
    `BrokenRowError` with the first row that is not UTF-8 or has not as many cells as the header.
    """
    rows = 0
    batches = (parse(block.text, block.header) for block in blocks(lambda: path.open("rb")))
    try:
        for batch in _one_ahead(batches):
            yield batch
            rows += batch.num_rows
    except BrokenBlockError as error:
        raise located(error, path, rows) from error


def located(
    error: BrokenBlockError, file: Path | str, rows_before: int
) -> BrokenRowError | UnreadableTableError:
    """Say of a broken block where in its file it is broken."""
    if error.row is None:
        return UnreadableTableError(file, error.reason)
    return BrokenRowError(file, rows_before + error.row + 1, error.reason)


def _cut(file: ByteStream, cutter: BlockCutter) -> Iterator[tuple[bytes, int]]:
    """Yield each block and the byte after it."""
    while part := file.read(BLOCK_BYTES):
        for block in cutter.feed(part):
            yield block, cutter.position
    if last := cutter.end():
        yield last, cutter.position


def skip(file: ByteStream, count: int) -> None:
    """Go to a byte of a file that was just opened."""
    if file.seekable():
        file.seek(count)
        return
    while count and (skipped := file.read(min(count, BLOCK_BYTES))):
        count -= len(skipped)


def _one_ahead(batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
    """Read the next batch on a thread while the consumer has this one: Arrow needs no interpreter lock."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch
