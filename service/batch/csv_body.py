"""A body in CSV, as blocks of rows."""

from collections.abc import AsyncIterator
from functools import partial

from pricerange.errors import BrokenBlockError
from pricerange.tables.csv.blocks import BlockCutter
from pricerange.tables.csv.rows import split_header
from pricerange.tables.table import feature_places, judge_csv
from service.batch.rows import MOST_COLUMNS, BlockWork

BLOCK_BYTES = 98_304
"""Bytes of a block, 1,300 to 1,700 phones: no row is longer."""


async def csv_blocks(parts: AsyncIterator[bytes]) -> AsyncIterator[BlockWork]:
    """Yield the work on each block of rows, in order.

    Raises `BrokenBlockError`, `MissingColumnError`, `DuplicateColumnError` and what `parts` raises.
    """
    header: list[str] = []
    async for block in _blocks(parts):
        rows = block
        if not header:
            header, rows = split_header(block)
            if not header:
                continue
            if len(header) > MOST_COLUMNS:
                raise BrokenBlockError(
                    None, f"the header has {len(header)} cells, expected at most {MOST_COLUMNS}"
                )
            feature_places(header)
        if rows:
            yield partial(judge_csv, rows, header)
    if not header:
        raise BrokenBlockError(None, "the body is empty, expected a header with the column names")


async def _blocks(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    cutter = BlockCutter(BLOCK_BYTES)
    async for part in parts:
        for block in cutter.feed(part):
            yield block
    yield cutter.end()
