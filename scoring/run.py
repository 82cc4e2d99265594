"""Doing a job: under its lock, into one file or into a folder of parts, of which some may be there."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

from rich.console import Console

from pricerange.machine.cores import usable_cores
from pricerange.tables.source import plan
from pricerange.tables.source.blocks import Shard
from pricerange.tables.source.guesses import Guesses
from pricerange.waiting import Patience
from scoring.job.job import Job, totals
from scoring.job.manifest import Manifest
from scoring.job.summary import Summary
from scoring.progress import of_rows, tell
from scoring.target.place import Held
from scoring.target.stream import is_terminal
from scoring.work import cluster, local
from scoring.work.cluster import Cluster
from scoring.work.shard import OnRows, ShardWorker


@dataclass(frozen=True, slots=True)
class Run:
    """A job that is done now: on this machine where there is no `cluster`, of `about` so many rows.

    It began at `started`, by the clock of `time.perf_counter`; what it waits for is said on the `console`.
    """

    job: Job
    cluster: Cluster | None
    about: int | None
    started: float
    console: Console
    waited_for: str

    def do(self) -> Summary:
        """Write the result and return what was done. Raises `BusyError`, and what writing it raises."""
        target = self.job.target
        waited_for = self.waited_for + (f", or for the reader of {target}" if target.is_stream else "")
        with ExitStack() as stack:
            with Patience(
                self.console, f"the lock of {target}, to see whether the run that holds it is alive"
            ):
                held = stack.enter_context(target.locked())
            patience = stack.enter_context(Patience(self.console, waited_for))
            write = self._into_folder if self.job.in_parts else self._into_file
            return write(_holding(held, patience))

    def _into_file(self, holding: Callable[[OnRows], OnRows]) -> Summary:
        job, console = self.job, self.console
        for target in (job.target, job.rejects):
            target.sweep()
        shards = plan.plan(job.files, split_texts=False)
        # a bar would stand among the rows
        told = Console(stderr=True, force_terminal=False) if is_terminal(job.target) else console
        with (
            ShardWorker(job, usable_cores()) as worker,
            self._saying(worker.guesses),
            of_rows(self.about, told) as advance,
        ):
            tally = worker.whole(shards, holding(advance))
        return Summary.of(job, tally, tally.rows, self._seconds())

    def _into_folder(self, holding: Callable[[OnRows], OnRows]) -> Summary:
        job = self.job
        manifest = Manifest.begin(job)
        if manifest.lacks_none and (finished := Summary.read(job.target)):
            self._tidy()
            return finished
        self._sweep()
        before = totals(manifest.parts).rows
        shards = manifest.remaining(plan.plan(job.files, split_texts=self.cluster is not None))
        guesses = Guesses()
        with self._saying(guesses), of_rows(self.about, self.console, before) as advance:
            self._write_parts(shards, manifest, holding(advance), guesses)
        self._tidy()
        manifest.require_whole()
        tally = totals(manifest.parts)
        summary = Summary.of(job, tally, tally.rows - before, self._seconds())
        summary.write(job.target)
        return summary

    def _write_parts(
        self, shards: Sequence[Shard], manifest: Manifest, advance: OnRows, guesses: Guesses
    ) -> None:
        if self.cluster:
            with closing(cluster.parts(self.cluster, self.job, shards, advance, guesses)) as parts:
                manifest.add_all(parts)
            return
        cores = usable_cores()
        with (
            ShardWorker(self.job, cores, guesses) as worker,
            closing(local.parts(worker, shards, cores, advance)) as parts,
        ):
            manifest.add_all(parts)

    def _seconds(self) -> float:
        return time.perf_counter() - self.started

    @contextmanager
    def _saying(self, guesses: Guesses) -> Iterator[None]:
        """Say at the end what was guessed, however the work ends."""
        try:
            yield
        finally:
            for line in guesses.lines(self.job.files):
                tell(self.console, line)

    def _sweep(self) -> None:
        """Remove what runs that were killed, or machines that were lost, left half written."""
        self.job.target.sweep_folder()
        if self.job.on_bad_row == "reject":
            self.job.rejects.sweep_folder()

    def _tidy(self) -> None:
        """Leave what is finished, and no folder of rejects where there are none."""
        self._sweep()
        if self.job.on_bad_row == "reject":
            self.job.rejects.remove_empty()


def _holding(held: Held, patience: Patience) -> Callable[[OnRows], OnRows]:
    """Return what makes a function that is told of rows end the work where the lock is held no longer."""

    def holding(advance: OnRows) -> OnRows:
        def told(rows: int) -> None:
            held()
            advance(rows)

        return patience.also(told)

    return holding
