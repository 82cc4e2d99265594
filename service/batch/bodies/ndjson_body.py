"""A body in NDJSON, a phone a line, as blocks of rows."""

from collections.abc import AsyncIterator
from functools import partial

import numpy as np

from pricerange.phone import Problem
from pricerange.tables.json.lines import LineCutter, Lines, LineVerdict, judge_lines
from pricerange.tables.json.phones import reader_of
from service.batch.bodies.rows import Block, BlockWork, OnBadRow
from service.batch.kept import JsonCells, Kept
from service.errors import InvalidInputError

LONGEST_LINE = 98_304
"""Bytes of a line, and of a block of them."""
_BLOCK_LINES = 500
"""Lines of a block, however short: to find out why many are no phones takes time."""


async def ndjson_blocks(
    parts: AsyncIterator[bytes], on_bad_row: OnBadRow, kept: Kept | None, unknown: bool = False
) -> AsyncIterator[BlockWork]:
    """Yield the work on each block of lines, in order. Features may be `unknown`, where that is asked for.

    Raises `BrokenBlockError` and what `parts` raises; the work raises `InvalidInputError` for the first bad
    line where one fails.
    """
    cutter, reader = LineCutter(LONGEST_LINE), _LineReader(on_bad_row, kept, unknown)
    async for part in parts:
        for whole in cutter.feed(part):
            for lines in whole.lines().at_most(_BLOCK_LINES):
                yield partial(reader.block, lines)
    for whole in cutter.end():
        for lines in whole.lines().at_most(_BLOCK_LINES):
            yield partial(reader.block, lines)


class _LineReader:
    """Reads the blocks one after the other."""

    def __init__(self, on_bad_row: OnBadRow, kept: Kept | None, unknown: bool) -> None:
        self._fails = on_bad_row == "fail"
        self._kept = kept
        self._reader = reader_of(kept.names if kept else (), unknown=unknown)
        self._before = 0

    def block(self, lines: Lines) -> Block:
        verdict = judge_lines(lines, self._reader)
        if self._fails and not verdict.valid.all():
            raise self._bad_line(verdict)
        self._before += len(lines.texts)
        if self._kept is None:
            return Block(verdict)
        cells = self._reader.kept(lines.texts, valid=bool(verdict.valid.all()))
        return Block(verdict, JsonCells(cells, len(self._kept.names)))

    def _bad_line(self, verdict: LineVerdict) -> InvalidInputError:
        """Name the first line that is no phone by its number, and its phone by its place among all."""
        row = int(np.argmin(verdict.valid))
        found, line = verdict.refusal(row), verdict.lines.numbers[row]
        return InvalidInputError(
            [
                Problem(f"line {line}: {problem.detail}", f"/{self._before + row}{problem.pointer}")
                for problem in found.problems
            ],
            found.count,
        )
