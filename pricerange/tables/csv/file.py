"""A CSV file as a stream of blocks of rows, as they stand there."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pricerange.tables.csv.blocks import BlockCutter
from pricerange.tables.csv.rows import split_header
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
            _skip(file, start)
            for text, stop in _cut(file, BlockCutter(BLOCK_BYTES, start)):
                yield TextBlock(header, text, stop)


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


def _skip(file: ByteStream, count: int) -> None:
    if file.seekable():
        file.seek(count)
        return
    while count and (skipped := file.read(min(count, BLOCK_BYTES))):
        count -= len(skipped)
