"""A body in CSV, as blocks of rows."""

from collections.abc import AsyncIterator
from functools import partial

from pricerange.tables.csv.blocks import BlockCutter
from pricerange.tables.csv.rows import split_header
from pricerange.tables.errors import BrokenBlockError
from pricerange.tables.table import feature_places, judge_csv, judge_csv_beside
from service.batch.bodies.rows import MOST_COLUMNS, Block, BlockWork
from service.batch.kept import ArrowCells, Kept

BLOCK_BYTES = 98_304
"""Bytes of a block, 1,300 to 1,700 phones: no row is longer."""


async def csv_blocks(parts: AsyncIterator[bytes], kept: Kept | None) -> AsyncIterator[BlockWork]:
    """Yield the work on each block of rows, in order.

    Raises `BrokenBlockError`, `MissingColumnError`, `DuplicateColumnError`, `InvalidInputError` for a column
    to keep that is missing, and what `parts` raises.
    """
    header: list[str] = []
    places: list[int] = []
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
            places = kept.places(header) if kept else []
        if rows:
            yield partial(_block, rows, header, places)
    if not header:
        raise BrokenBlockError(None, "the body is empty, expected a header with the column names")


def _block(rows: bytes, header: list[str], places: list[int]) -> Block:
    if not places:
        return Block(judge_csv(rows, header))
    verdict, columns = judge_csv_beside(rows, header, places)
    return Block(verdict, ArrowCells(columns))


async def _blocks(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    cutter = BlockCutter(BLOCK_BYTES)
    async for part in parts:
        for block in cutter.feed(part):
            yield block
    yield cutter.end()
