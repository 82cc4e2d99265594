"""A body in CSV, as blocks of rows."""

from collections.abc import AsyncIterator
from functools import partial

from pricerange.tables.csv.blocks import BlockCutter, Rows
from pricerange.tables.csv.dialect import Dialect
from pricerange.tables.csv.header import Header
from pricerange.tables.errors import BrokenBlockError
from pricerange.tables.guessed import EMPTY_END, guessed
from pricerange.tables.names import feature_places
from pricerange.tables.table import judge_csv, judge_csv_beside
from service.batch.bodies.rows import MOST_COLUMNS, Block, BlockWork
from service.batch.kept import ArrowCells, Kept

BLOCK_BYTES = 98_304
"""Bytes of a block, 1,300 to 1,700 phones: no row is longer."""


async def csv_blocks(
    parts: AsyncIterator[bytes], kept: Kept | None, asked: Dialect, said: list[str], unknown: bool = False
) -> AsyncIterator[BlockWork]:
    """Yield the work on each block of rows, in order, and note before the first how the table is read.

    Features may be `unknown`, where that is asked for.

    Raises `BrokenBlockError`, `MissingColumnError`, `DuplicateColumnError`, `InvalidInputError` for a column
    to keep that is missing, and what `parts` raises.
    """
    cutter = BlockCutter(BLOCK_BYTES, asked)
    places: list[int] | None = None
    async for rows, _, end_before_empty in _blocks(parts, cutter):
        if cutter.header is None:
            raise BrokenBlockError(None, "the body is empty, expected a header with the column names")
        if places is None:
            places = _kept_places(cutter.header, kept)
            said.append(guessed(cutter.header.names, cutter.header.dialect, asked))
        if end_before_empty:
            said.append(EMPTY_END)
        if rows:
            yield partial(_block, rows, cutter.header, places, unknown)


def _kept_places(header: Header, kept: Kept | None) -> list[int]:
    """Check which columns there are, and return where those stand that are kept."""
    names = header.names
    if len(names) > MOST_COLUMNS:
        raise BrokenBlockError(None, f"the header has {len(names)} cells, expected at most {MOST_COLUMNS}")
    feature_places(names)
    return kept.places(names) if kept else []


def _block(rows: bytes, header: Header, places: list[int], unknown: bool) -> Block:
    if not places:
        return Block(judge_csv(rows, header.names, header.dialect, unknown=unknown))
    verdict, columns = judge_csv_beside(rows, header.names, places, header.dialect, unknown=unknown)
    return Block(verdict, ArrowCells(columns))


async def _blocks(parts: AsyncIterator[bytes], cutter: BlockCutter) -> AsyncIterator[Rows]:
    """Yield blocks of rows, and none as soon as the header is known, and at the end: it is checked then."""
    is_known = False
    async for part in parts:
        for rows in cutter.feed(part):
            yield rows
        if not is_known and cutter.header is not None:
            is_known = True
            yield Rows(b"", cutter.position)
    for rows in cutter.end():
        yield rows
    yield Rows(b"", cutter.position)
