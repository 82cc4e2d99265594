"""Score files of phones: find, judge, answer and write, in constant memory, interrupted at will."""

import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath

import pyarrow as pa
from rich.console import Console

from pricerange import bundle
from pricerange.errors import TargetError
from pricerange.machine.cores import usable_cores
from pricerange.predictor import Provider
from pricerange.signals import GRACE_SECONDS, ended_by_signals
from pricerange.tables.errors import TableFormatError
from pricerange.tables.source import blocks, files, pipe, plan, uri
from pricerange.tables.source.blocks import Shard
from pricerange.tables.source.files import AS_USUAL, Reading
from pricerange.tables.source.guesses import Guesses
from pricerange.waiting import Patience
from scoring.job.apart import require_apart
from scoring.job.job import Job, OnBadRow, totals
from scoring.job.manifest import Manifest
from scoring.job.summary import Summary
from scoring.progress import of_rows
from scoring.target.out import place_of
from scoring.target.place import Held, Place
from scoring.target.sink import FILES, Form, file_form
from scoring.target.staging import require_name
from scoring.target.stream import is_terminal
from scoring.work import cluster, local
from scoring.work.cluster import Cluster
from scoring.work.preview import preview
from scoring.work.shard import OnRows, ShardWorker

_ENDING = re.compile(r"\.(?=.*[A-Za-z])[A-Za-z0-9]{1,7}")
"""How a name ends that is likely to be that of a file."""
_CLUSTER_GRACE_SECONDS = 20.0
"""How long a cluster may take to be told that a job ends."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a job is done; None is all columns, this machine, no metrics.

    What becomes of bad rows, the columns that are kept, the form where no name tells it (`parquet` of a
    folder's parts, `csv` of a stream), the cluster that does it, the file for metrics, and how IN is read;
    OUT is given up after as many seconds without an answer.
    """

    on_bad_row: OnBadRow = "fail"
    columns: tuple[str, ...] | None = None
    form: Form | None = None
    cluster: Cluster | None = None
    metrics: Path | None = None
    reading: Reading = AS_USUAL


def look(  # noqa: PLR0913, PLR0917
    sources: Sequence[str],
    target: str | Path,
    models: Path,
    version: int | None = None,
    provider: Provider = "cpu",
    options: Options = Options(),
) -> str:
    """Return, line by line, what `score` would do, by the beginnings of the files. Raises what it raises."""
    console = Console(stderr=True)
    with ended_by_signals(), Patience(console, _waited_for(sources, target, options.reading.seconds)):
        place = place_of(target, options.reading.seconds)
        job = _job(sources, place, _is_folder(place), models, version, provider, options, console)
        return preview(job, blocks.about_rows(job.files))


def score(  # noqa: PLR0913, PLR0917
    sources: Sequence[str],
    target: str | Path,
    models: Path,
    version: int | None = None,
    provider: Provider = "cpu",
    options: Options = Options(),
) -> Summary:
    """Answer every row of the files that `sources` name; the newest version where none is named.

    A target, a path or a URI, whose name ends like one of `FILES` is one file, which appears whole or not at
    all. `-` is standard output, to which rows go as they are answered, as to a pipe
    that has a path. Any other is a folder of parts, each of which appears whole: an interrupted run is
    resumed by the next. The result has the columns of the input and its rows, in order, and after them
    `price_range` int64, `label` and `probability_0..3` float32; an input column with such a name is kept as
    `input_<name>`. Columns keep their types as far as the target's form has them; those of CSV and
    NDJSON are text, and their features numbers, in other forms.

    A row that is not a valid phone ends the job (`fail`), goes to `<target>.rejected` with its file, its
    number and the reason (`reject`), or stays without an answer and with the reason in a column `error`
    (`null`).

    Raises `TargetError`, `BusyError`, `LockLostError`, `JobDiffersError`, `ColumnTypeError`, `BadRowError`,
    and what `place_of`, `files.find`, `plan.plan`, `Predictor` and `cluster.parts` raise; `SystemExit` with
    141, as a shell has it of a program that SIGPIPE ends, where no one reads a stream any more.
    """
    console = Console(stderr=True)
    place = place_of(target, options.reading.seconds)
    in_parts = _is_named_as_folder(place)

    def say() -> None:
        if place.is_stream:
            _tell(console, "interrupted: the rows that were written are not all")
            return
        kept = "what is finished is kept" if in_parts else "nothing was written"
        _tell(console, f"interrupted: {kept}; run the same command again to continue")

    grace = _CLUSTER_GRACE_SECONDS if options.cluster else GRACE_SECONDS
    with ended_by_signals(say, grace):
        try:
            started = time.perf_counter()
            waited_for = _waited_for(sources, target, options.reading.seconds)
            with Patience(console, waited_for):
                in_parts = _is_folder(place)
                job = _job(sources, place, in_parts, models, version, provider, options, console)
                about = blocks.about_rows(job.files)
            summary = _score(job, options, started, about, console, waited_for)
        except (OSError, pa.ArrowException) as error:  # what is read raises errors of its own
            if isinstance(error, BrokenPipeError) and place.is_stream:
                sys.exit(128 + signal.SIGPIPE)
            raise TargetError(str(place), getattr(error, "strerror", None) or str(error)) from error
    return summary


def _score(  # noqa: PLR0913, PLR0917
    job: Job, options: Options, started: float, about: int | None, console: Console, waited_for: str
) -> Summary:
    if job.target.is_stream:
        waited_for += f", or for the reader of {job.target}"
    with ExitStack() as stack:
        with Patience(console, f"the lock of {job.target}, to see whether the run that holds it is alive"):
            held = stack.enter_context(job.target.locked())
        patience = stack.enter_context(Patience(console, waited_for))
        write = _into_folder if job.in_parts else _into_file
        summary = write(job, options, started, about, console, _holding(held, patience))
    if options.metrics:
        summary.write_metrics(options.metrics)
    return summary


def _job(  # noqa: PLR0913, PLR0917
    sources: Sequence[str],
    target: Place,
    in_parts: bool,
    models: Path,
    version: int | None,
    provider: Provider,
    options: Options,
    console: Console,
) -> Job:
    """Find out what is to be done; nothing is written yet."""
    if options.metrics:
        require_name(options.metrics)
    _require_streamable(sources, target, in_parts, options.on_bad_row)
    found = files.find(sources, options.reading)
    if found.ignored:
        _tell(console, f"ignored, since their names are not those of tables: {', '.join(found.ignored)}")
    as_file = None if in_parts else file_form(target.name)
    if not (as_file or in_parts or target.is_stream):
        raise TableFormatError(str(target), (*FILES, "have no extension (a folder)"))
    form, compression = as_file or (options.form or ("csv" if target.is_stream else "parquet"), None)
    require_apart(sources, found, target, options.metrics)
    return Job(
        found.files,
        target,
        in_parts,
        form,
        compression,
        options.on_bad_row,
        options.columns,
        bundle.read(bundle.find(models, version)),
        provider,
    )


def _is_folder(target: Place) -> bool:
    """Whether a result is a folder of parts: it is one, or its name does not end like that of a file."""
    return _is_named_as_folder(target) or target.is_folder()


def _is_named_as_folder(target: Place) -> bool:
    name = target.name
    return not (target.is_stream or file_form(name) or _ENDING.fullmatch(PurePath(name).suffix))


def _tell(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _waited_for(sources: Sequence[str], target: str | Path, seconds: float) -> str:
    written = [str(target)] if uri.is_uri(str(target)) else []
    return uri.waited_for(sources, seconds, written)


def _holding(held: Held, patience: Patience) -> Callable[[OnRows], OnRows]:
    """Return what makes a function that is told of rows end the work where the lock is held no longer."""

    def holding(tell: OnRows) -> OnRows:
        def told(rows: int) -> None:
            held()
            tell(rows)

        return patience.also(told)

    return holding


def _into_file(  # noqa: PLR0913, PLR0917
    job: Job,
    options: Options,
    started: float,
    about: int | None,
    console: Console,
    holding: Callable[[OnRows], OnRows],
) -> Summary:
    if options.cluster:
        raise TargetError(str(job.target), "a cluster writes parts, so OUT must be a folder")
    for target in (job.target, job.rejects):
        target.sweep()
    shards = plan.plan(job.files, split_texts=False)
    # a bar would stand among the rows
    told = Console(stderr=True, force_terminal=False) if is_terminal(job.target) else console
    with (
        ShardWorker(job, usable_cores()) as worker,
        _saying(worker.guesses, job, console),
        of_rows(about, told) as advance,
    ):
        tally = worker.whole(shards, holding(advance))
    return Summary.of(job, tally, tally.rows, time.perf_counter() - started)


def _into_folder(  # noqa: PLR0913, PLR0917
    job: Job,
    options: Options,
    started: float,
    about: int | None,
    console: Console,
    holding: Callable[[OnRows], OnRows],
) -> Summary:
    manifest = Manifest.begin(job)
    if manifest.lacks_none and (finished := Summary.read(job.target)):
        _tidy(job)
        return finished
    _sweep(job)
    before = totals(manifest.parts).rows
    shards = manifest.remaining(plan.plan(job.files, split_texts=options.cluster is not None))
    guesses = Guesses()
    with _saying(guesses, job, console), of_rows(about, console, before) as advance:
        _write_parts(job, options.cluster, shards, manifest, holding(advance), guesses)
    _tidy(job)
    manifest.require_whole()
    tally = totals(manifest.parts)
    summary = Summary.of(job, tally, tally.rows - before, time.perf_counter() - started)
    summary.write(job.target)
    return summary


def _sweep(job: Job) -> None:
    """Remove what runs that were killed, or machines that were lost, left half written."""
    job.target.sweep_folder()
    if job.on_bad_row == "reject":
        job.rejects.sweep_folder()


def _tidy(job: Job) -> None:
    """Leave what is finished, and no folder of rejects where there are none."""
    _sweep(job)
    if job.on_bad_row == "reject":
        job.rejects.remove_empty()


@contextmanager
def _saying(guesses: Guesses, job: Job, console: Console) -> Iterator[None]:
    """Say at the end what was guessed, however the work ends."""
    try:
        yield
    finally:
        for line in guesses.lines(job.files):
            _tell(console, line)


def _write_parts(  # noqa: PLR0913, PLR0917
    job: Job,
    on_cluster: Cluster | None,
    shards: Sequence[Shard],
    manifest: Manifest,
    advance: OnRows,
    guesses: Guesses,
) -> None:
    if on_cluster:
        with closing(cluster.parts(on_cluster, job, shards, advance, guesses)) as parts:
            manifest.add_all(parts)
        return
    cores = usable_cores()
    with (
        ShardWorker(job, cores, guesses) as worker,
        closing(local.parts(worker, shards, cores, advance)) as parts,
    ):
        manifest.add_all(parts)


def _require_streamable(sources: Sequence[str], target: Place, in_parts: bool, on_bad_row: OnBadRow) -> None:
    """Raise `TargetError` where rows would have no place beside a stream, or a stream would be read again."""
    if target.is_stream and on_bad_row == "reject":
        raise TargetError(
            str(target),
            "rejected rows have no place beside a stream; use --on-bad-row null, or a file as OUT",
        )
    streams = [source for source in sources if pipe.path_of(source)]
    if streams and in_parts:
        raise TargetError(
            str(target),
            f"a folder is resumed by reading IN again, and {uri.named(streams[0])} can be read once; "
            "save it to a file first, or use a file as OUT",
        )
