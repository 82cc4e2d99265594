"""A CSV file as a stream of blocks of rows, as they stand there."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pricerange.tables.csv.blocks import BlockCutter, Rows
from pricerange.tables.csv.dialect import AS_FOUND, PLAIN, Dialect
from pricerange.tables.csv.header import Header
from pricerange.tables.errors import BrokenBlockError, BrokenRowError, UnreadableTableError

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
    """Whole rows of a file, as they stand there, the names of their columns, and how their cells are written.

    `stop` is the byte of the file where the next block begins; reading may start there. The rows
    `end_before_empty` where they are the last, and lines of empty cells behind them are no rows.
    """

    header: list[str]
    text: bytes
    stop: int
    dialect: Dialect = PLAIN
    end_before_empty: bool = False


def blocks(opened: Open, start: int = 0, asked: Dialect = AS_FOUND) -> Iterator[TextBlock]:
    """Stream a CSV file's blocks, from the one on that begins at `start`; where that is 0, at least one.

    The same file gives the same blocks, from wherever it is read. Raises `BrokenBlockError`.
    """
    cutter = BlockCutter(BLOCK_BYTES, asked)
    found = False
    with opened() as file:
        for rows in _cut(file, cutter):
            found = True
            if start:
                break
            yield _block(cutter.header, rows)
    if cutter.header is None:
        raise BrokenBlockError(None, "the file is empty, expected a header with the column names")
    if not found and not start:
        yield _block(cutter.header, Rows(b"", cutter.position))
    if start:
        with opened() as file:
            skip(file, start)
            for rows in _cut(file, BlockCutter(BLOCK_BYTES, asked, cutter.header, start)):
                yield _block(cutter.header, rows)


def located(
    error: BrokenBlockError, file: Path | str, rows_before: int
) -> BrokenRowError | UnreadableTableError:
    """Say of a broken block where in its file it is broken."""
    if error.row is None:
        return UnreadableTableError(file, error.reason)
    return BrokenRowError(file, rows_before + error.row + 1, error.reason)


def _block(header: Header | None, rows: Rows) -> TextBlock:
    assert header is not None
    return TextBlock(header.names, rows.text, rows.stop, header.dialect, rows.end_before_empty)


def _cut(file: ByteStream, cutter: BlockCutter) -> Iterator[Rows]:
    while part := file.read(BLOCK_BYTES):
        yield from cutter.feed(part)
    yield from cutter.end()


def skip(file: ByteStream, count: int) -> None:
    """Go to a byte of a file that was just opened."""
    if file.seekable():
        file.seek(count)
        return
    while count and (skipped := file.read(min(count, BLOCK_BYTES))):
        count -= len(skipped)
