"""A job on this machine: several shards at a time, as many as there are cores."""

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

from pricerange.tables.source.blocks import Shard
from scoring.job.job import Part
from scoring.work.shard import OnRows, ShardWorker


def parts(worker: ShardWorker, shards: Sequence[Shard], at_once: int, on_rows: OnRows) -> Generator[Part]:
    """Write the parts of shards, `at_once` of them at the same time, and yield them as they are finished.

    Where several shards fail, the error is that of the first: those before it are worked on to their ends.
    """
    crew = _Crew(worker, shards, on_rows)
    with ThreadPoolExecutor(at_once, "shard") as threads:
        working = [threads.submit(crew.work, place) for place in range(len(shards))]
        try:
            yield from crew.parts()
        except BaseException:
            # the consumer has left, or a signal came
            crew.leave(-1)
            raise
    for future in working:
        future.result()


class _LeftError(Exception):
    """An earlier shard has failed, or the job has ended."""


class _Crew:
    """What the threads that work on shards share."""

    def __init__(self, worker: ShardWorker, shards: Sequence[Shard], on_rows: OnRows) -> None:
        self._worker = worker
        self._shards = shards
        self._on_rows = on_rows
        self._finished: SimpleQueue[Part | None] = SimpleQueue()
        self._end = len(shards)

    def work(self, place: int) -> None:
        """Write a shard's parts, unless it is one that need not be worked on."""

        def count(rows: int) -> None:
            if place >= self._end:
                raise _LeftError
            self._on_rows(rows)

        try:
            if place < self._end:
                for part in self._worker.parts(self._shards[place], count):
                    self._finished.put(part)
        except BaseException:
            self.leave(place)
            raise
        finally:
            self._finished.put(None)

    def leave(self, place: int) -> None:
        """Let the shards from this one on be left."""
        self._end = min(self._end, place)

    def parts(self) -> Iterator[Part]:
        """Yield the parts as they are finished, until all shards are."""
        for _ in self._shards:
            while part := self._finished.get():
                yield part
