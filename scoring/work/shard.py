"""The work on a shard: read ahead, answer on all cores, write in order, part by part."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import pyarrow as pa

from pricerange.errors import (
    BadRowError,
    BrokenBlockError,
    DuplicateColumnError,
    MissingColumnError,
    PriceRangeError,
    UnreadableTableError,
)
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor
from pricerange.tables.csv.file import located
from scoring.errors import BadBlockRowError, ColumnsDifferError, UnknownColumnError
from scoring.job.job import Job, Part, part_name
from scoring.job.tally import Tally
from scoring.source import blocks
from scoring.source.blocks import Block, Shard
from scoring.target.columns import with_reasons
from scoring.target.sink import encoded, sink
from scoring.target.staging import staged
from scoring.work.answer import Answered, Answerer

OnRows = Callable[[int], None]
"""Is told of more rows that are done; what it raises ends the work."""

_BLOCKS_AHEAD = 3
"""Blocks a thread that are read before they can be answered: reading and writing take turns."""

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A block that was answered, and the number of its first row in its file."""

    shard: Shard
    block: Block
    answered: Answered
    row: int

    @property
    def part(self) -> int:
        return self.block.part


class ShardWorker:
    """Does a job's work with a thread for each of its cores; shards may be worked on at the same time."""

    def __init__(self, job: Job, cores: int) -> None:
        """Load the model. Raises what `Predictor` raises."""
        self._job = job
        self._cores = cores
        predictor = Predictor(job.model, job.provider)
        self._answerer = Answerer(predictor, job.on_bad_row, job.columns, job.form)
        self._wanted = None if job.columns is None else (*FEATURE_NAMES, *job.columns)
        self._threads = ThreadPoolExecutor(cores, "answer")

    def parts(self, shard: Shard, on_rows: OnRows) -> Iterator[Part]:
        """Write a shard's parts, each whole or not at all, and yield those that are on the disk.

        Raises `TargetError`, `BadRowError`, and what reading and judging a table raises.
        """
        job = self._job
        start, row = shard.start, shard.first_row
        for number, pieces in groupby(self._pieces(shard), attrgetter("part")):
            name = part_name(shard.file, number, job.form)
            with self._staged(job.target / name, job.rejects / name) as (answers, rejects):
                tally, last = self._write(pieces, answers, rejects, on_rows)
                size = answers.stat().st_size
                rejected = rejects.stat().st_size if rejects and rejects.exists() else 0
            yield Part(shard.file, number, start, last.block.stop, row, size, rejected, tally)
            start, row = last.block.stop, row + tally.rows

    def whole(self, shards: Sequence[Shard], on_rows: OnRows) -> Tally:
        """Write all shards into one file, which appears whole or not at all."""
        job = self._job
        with self._staged(job.target, job.rejects) as (answers, rejects):
            pieces = (piece for shard in shards for piece in self._pieces(shard))
            tally, _ = self._write(pieces, answers, rejects, on_rows)
        return tally

    @contextmanager
    def _staged(self, answers: Path, rejects: Path) -> Iterator[tuple[Path, Path | None]]:
        """Lend temporary paths for a file of answers, and for one of rejects where rows may be rejected."""
        if self._job.on_bad_row != "reject":
            with staged(answers) as (path,):
                yield path, None
            return
        # rejects come first: answers never stand there without them
        with staged(rejects, answers) as (rejects_path, answers_path):
            yield answers_path, rejects_path

    def _write(
        self, pieces: Iterable[_Piece], answers_path: Path, rejects_path: Path | None, on_rows: OnRows
    ) -> tuple[Tally, _Piece]:
        """Write pieces to one or two files and return what was counted, and the last piece."""
        job, total = self._job, Tally()
        with (
            sink(answers_path, job.form, job.compression) as answers,
            sink(rejects_path, job.form, job.compression) if rejects_path else nullcontext() as rejects,
        ):
            for piece in pieces:
                file = job.files[piece.shard.file]
                try:
                    answers.write(piece.answered.answers)
                    if rejects and (rejected := piece.answered.rejected):
                        numbers = [piece.row + row for row in rejected.rows]
                        batch = with_reasons(rejected.batch, file.name, numbers, rejected.reasons)
                        rejects.write(encoded(batch, job.form))
                except ColumnsDifferError as error:
                    raise replace(error, file=file.name) from error
                total.add(piece.answered.tally)
                on_rows(piece.answered.tally.rows)
        return total, piece

    def _pieces(self, shard: Shard) -> Iterator[_Piece]:
        """Read and answer a shard's blocks, in order."""
        file = self._job.files[shard.file]
        read = blocks.read(file, shard, self._wanted)
        row = shard.first_row
        try:
            for block, answered in in_order(self._threads, self._answer, read, _BLOCKS_AHEAD * self._cores):
                yield _Piece(shard, block, answered, row)
                row += answered.tally.rows
        except BadBlockRowError as error:
            raise BadRowError(file.name, row + error.row, error.reason) from error
        except BrokenBlockError as error:
            raise located(error, file.name, row - 1) from error
        except (MissingColumnError, DuplicateColumnError) as error:
            raise replace(error, table=file.name) from error
        except UnknownColumnError as error:
            raise replace(error, file=file.name) from error
        except pa.ArrowException as error:
            raise UnreadableTableError(file.name, str(error)) from error

    def _answer(self, block: Block) -> tuple[Block, Answered]:
        return block, self._answerer.answer(block.content)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(cancel_futures=True)


def in_order(threads: Executor, work: Callable[[In], Out], items: Iterator[In], most: int) -> Iterator[Out]:
    """Yield what the work makes of each item, in order, while it goes on on up to `most` later ones.

    An error of the items comes after what was made of those before it.
    """
    coming: deque[Future[Out]] = deque()
    failure = None
    try:
        while failure is None:
            try:
                coming.append(threads.submit(work, next(items)))
            except StopIteration:
                break
            except PriceRangeError as error:
                failure = error
            if len(coming) > most:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
        if failure:
            raise failure
    finally:
        for future in coming:
            future.cancel()
