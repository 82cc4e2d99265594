"""A CSV file as a stream of batches of text, and where such a file is broken."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from pricerange.csv_blocks import BlockCutter
from pricerange.csv_rows import parse, split_header
from pricerange.errors import BrokenBlockError, BrokenRowError, UnreadableTableError

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_BYTES = 1 << 20
"""Bytes of a block, some 16,000 phones; no row is longer."""


def read(path: Path) -> "Iterator[pa.RecordBatch]":
    """Stream a CSV file (RFC 4180, UTF-8, with a header) in batches whose columns are all text.

    At least one batch comes, so that the columns are always known. Raises `UnreadableTableError`, or
    `BrokenRowError` with the first row that is not UTF-8 or has not as many cells as the header.
    """
    rows = 0
    try:
        for batch in _one_ahead(_batches(path)):
            yield batch
            rows += batch.num_rows
    except BrokenBlockError as error:
        if error.row is None:
            raise UnreadableTableError(path, error.reason) from error
        raise BrokenRowError(path, rows + error.row + 1, error.reason) from error


def estimated_rows(path: Path) -> int:
    """Return about how many rows a CSV file has, judged by the length of its first lines."""
    with path.open("rb") as file:
        sample = file.read(1 << 20)
    return path.stat().st_size * len(sample.splitlines()) // max(len(sample), 1)


def _batches(path: Path) -> "Iterator[pa.RecordBatch]":
    header: list[str] = []
    for block in _blocks(path):
        rows = block
        if not header:
            header, rows = split_header(block)
            if not header:
                continue
        yield parse(rows, header)
    if not header:
        raise BrokenBlockError(None, "it is empty, a header of column names was expected")


def _blocks(path: Path) -> Iterator[bytes]:
    cutter = BlockCutter(BLOCK_BYTES)
    with path.open("rb") as file:
        while part := file.read(BLOCK_BYTES):
            yield from cutter.feed(part)
    if last := cutter.end():
        yield last


def _one_ahead(batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
    """Read the next batch on a thread while the consumer has this one: Arrow needs no interpreter lock."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch
