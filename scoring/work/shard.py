"""The work on a shard: read ahead, answer on all cores, write in order, part by part."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import accumulate, groupby
from operator import attrgetter
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa

from pricerange.errors import ColumnTypeError, PriceRangeError
from pricerange.in_order import in_order
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor
from pricerange.tables.csv.dialect import Dialect
from pricerange.tables.csv.file import located
from pricerange.tables.errors import (
    BadRowError,
    BrokenBlockError,
    DuplicateColumnError,
    MissingColumnError,
    UnreadableTableError,
)
from pricerange.tables.json.file import LineBlock
from pricerange.tables.source import blocks, small_files
from pricerange.tables.source.blocks import Block, Content, Member, Shard
from pricerange.tables.source.guesses import Guesses, guess_of, skipped_behind
from scoring.errors import BadBlockRowError, ColumnsDifferError, UnknownColumnError
from scoring.job.job import Job, Part
from scoring.job.tally import Tally
from scoring.target.place import Draft, Place
from scoring.target.sink import Encoded, sink
from scoring.work.answer import Answered, Answerer

OnRows = Callable[[int], None]
"""Is told of more rows that are done; what it raises ends the work."""

_FAULTS = (PriceRangeError, pa.ArrowException)
"""What may be wrong with a block, as it is said of a file."""
_BLOCKS_AHEAD = 3
"""Blocks a thread that are read before they can be answered: reading and writing take turns."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A block that was answered, the file that it begins in, and the number of its first row there."""

    block: Block
    answered: Answered
    file: int
    row: int

    @property
    def part(self) -> int:
        return self.block.part


class ShardWorker:
    """Does a job's work with a thread for each of its cores; shards may be worked on at the same time."""

    def __init__(self, job: Job, cores: int, guesses: Guesses | None = None) -> None:
        """Load the model; what is guessed is added to `guesses`. Raises what `Predictor` raises."""
        self._job = job
        self._cores = cores
        predictor = Predictor(job.model, job.provider)
        self._answerer = Answerer(predictor, job.on_bad_row, job.columns, job.form, job.worth, cores)
        self._wanted = None if job.columns is None else (*FEATURE_NAMES, *job.columns)
        self._threads = ThreadPoolExecutor(cores, "answer")
        self.guesses = Guesses() if guesses is None else guesses

    def parts(self, shard: Shard, on_rows: OnRows) -> Iterator[Part]:
        """Write a shard's parts, each whole or not at all, and yield those that are there.

        Raises `TargetError`, `BadRowError`, and what reading and judging a table raises.
        """
        job = self._job
        start, row = shard.start, shard.first_row
        for part, pieces in groupby(self._pieces(shard), attrgetter("part")):
            file, number = (part, 0) if shard.files else (shard.file, part)
            name = job.part_name(file, number)
            with self._staged(job.target / name, job.rejects / name) as (answers, rejects):
                tally, last = self._write(pieces, answers, rejects, on_rows)
                size, rejected = answers.size, rejects.size if rejects else 0
            if shard.files:
                count = last.block.members[-1].file + 1 - file
                yield Part(file, 0, 0, 0, 1, size, rejected, tally, count)
                continue
            yield Part(file, number, start, last.block.stop, row, size, rejected, tally)
            start, row = last.block.stop, row + tally.rows

    def whole(self, shards: Sequence[Shard], on_rows: OnRows) -> Tally:
        """Write all shards into one file, which appears whole or not at all."""
        job = self._job
        with self._staged(job.target, job.rejects) as (answers, rejects):
            pieces = (piece for shard in shards for piece in self._pieces(shard))
            tally, _ = self._write(pieces, answers, rejects, on_rows)
        return tally

    @contextmanager
    def _staged(self, answers: Place, rejects: Place) -> Iterator[tuple[Draft, Draft | None]]:
        """Lend a draft of answers, and one of rejects where rows may be rejected."""
        if self._job.on_bad_row != "reject":
            with answers.staged() as (draft,):
                yield draft, None
            return
        # rejects come first: answers never stand there without them
        with answers.staged(rejects) as (rejects_draft, answers_draft):
            yield answers_draft, rejects_draft

    def _write(
        self, pieces: Iterable[_Piece], to_answers: Draft, to_rejects: Draft | None, on_rows: OnRows
    ) -> tuple[Tally, _Piece]:
        """Write pieces to one or two files and return what was counted, and the last piece."""
        job, total, begun = self._job, Tally(), False
        with (
            sink(to_answers.open, job.form, job.compression) as answers,
            sink(to_rejects.open, job.form, job.compression) if to_rejects else nullcontext() as rejects,
        ):
            for piece in pieces:
                try:
                    # a file without lines has no columns either, which would not be those of others
                    if not _has_no_lines(piece.block.content):
                        answers.write(piece.answered.answers)
                        begun = True
                    if rejects:
                        for rejected in self._rejected(piece):
                            rejects.write(rejected)
                except (ColumnsDifferError, ColumnTypeError) as error:
                    raise replace(error, file=job.files[piece.file].name) from error
                total.add(piece.answered.tally)
                on_rows(piece.answered.tally.rows)
            if not begun:
                answers.write(piece.answered.answers)
        on_rows(0)  # the last was written since: what has to end the work does so before the file is there
        return total, piece

    def _rejected(self, piece: _Piece) -> Iterator[Encoded]:
        """Yield a piece's rejected rows with their reasons, file by file."""
        rejected, members = piece.answered.rejected, piece.block.members
        if rejected is None:
            return
        # a block of several files has all of their rows
        lengths = [blocks.rows_of(member.content) for member in members[:-1]]
        files = [member.file for member in members] or [piece.file]
        begins = [0, *accumulate(lengths)]
        bounds = [*np.searchsorted(rejected.rows, begins).tolist(), len(rejected.rows)]
        for file, begin, first, stop in zip(files, begins, bounds[:-1], bounds[1:], strict=True):
            if first < stop:
                numbers = [piece.row + row - begin for row in rejected.rows[first:stop]]
                yield rejected.written(slice(first, stop), self._job.files[file].name, numbers)

    def _pieces(self, shard: Shard) -> Iterator[_Piece]:
        """Read and answer a shard's blocks, in order."""
        files = self._job.files
        read = (
            small_files.read(files, shard, self._wanted)
            if shard.files
            else blocks.read(files[shard.file], shard, self._wanted)
        )
        file, row = shard.file, shard.first_row
        looked_at = -1
        try:
            for block, answered in in_order(self._threads, self._answer, read, _BLOCKS_AHEAD * self._cores):
                if block.members and block.members[0].file != file:
                    file, row = block.members[0].file, 1
                looked_at = self._note_guesses(block, file, looked_at)
                if isinstance(answered, _FAULTS):
                    raise answered
                yield _Piece(block, answered, file, row)
                row += answered.tally.rows
        except BadBlockRowError as error:
            raise BadRowError(files[file].name, row + error.row, error.reason) from error
        except BrokenBlockError as error:
            raise located(error, files[file].name, row - 1) from error
        except (MissingColumnError, DuplicateColumnError) as error:
            raise replace(error, table=files[file].name) from error
        except (UnknownColumnError, ColumnTypeError) as error:
            raise replace(error, file=files[file].name) from error
        except pa.ArrowException as error:
            raise UnreadableTableError(files[file].name, str(error)) from error

    def _note_guesses(self, block: Block, file: int, looked_at: int) -> int:
        """Note what was guessed of a block's files, the first of which may be known; return the last."""
        members = block.members or (Member(file, block.content),)
        if file != looked_at:
            # of files that are alike, the name of one may tell what has to be guessed of another
            asked: dict[Dialect, list[int]] = defaultdict(list)
            for member in members:
                asked[self._job.files[member.file].dialect].append(member.file)
            for dialect, places in asked.items():
                self.guesses.add(guess_of(block.content, dialect), places)
        for member in members:
            self.guesses.add(skipped_behind(member.content), [member.file])
        return members[-1].file

    def _answer(self, block: Block) -> tuple[Block, Answered | PriceRangeError | pa.ArrowException]:
        """Answer a block, or return what is wrong, and with which of its files."""
        try:
            return block, self._answerer.answer(block.content)
        except _FAULTS as error:
            fault = error
        for member in block.members if len(block.members) > 1 else ():
            try:
                self._answerer.answer(member.content)
            except _FAULTS as error:
                return replace(block, members=(member,)), error
        return block, fault

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._answerer.close()
        self._threads.shutdown(cancel_futures=True)


def _has_no_lines(content: Content) -> bool:
    return isinstance(content, LineBlock) and not content.texts
