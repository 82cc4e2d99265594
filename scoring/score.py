"""Score files of phones: find, judge, answer and write, in constant memory, interrupted at will."""

import re
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from pricerange import bundle
from pricerange.cores import usable_cores
from pricerange.errors import TableFormatError, TargetError
from pricerange.predictor import Provider
from scoring.job.job import Job, OnBadRow, rejects_of, totals
from scoring.job.manifest import Manifest
from scoring.job.summary import Summary
from scoring.progress import of_rows
from scoring.source import blocks, files
from scoring.source.blocks import Shard
from scoring.target.sink import FILES, Form, file_form
from scoring.target.staging import ended_by_signals, locked, sweep
from scoring.work import cluster, local
from scoring.work.cluster import Cluster
from scoring.work.shard import ShardWorker

_ENDING = re.compile(r"\.(?=.*[A-Za-z])[A-Za-z0-9]{1,7}")
"""How a name ends that is likely to be that of a file."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a job is done; None is all columns, this machine, no metrics.

    What becomes of bad rows, the columns that are kept, the form of a folder's parts, the cluster that does
    it, and the file for metrics.
    """

    on_bad_row: OnBadRow = "fail"
    columns: tuple[str, ...] | None = None
    form: Form = "parquet"
    cluster: Cluster | None = None
    metrics: Path | None = None


def score(  # noqa: PLR0913, PLR0917
    sources: Sequence[str],
    target: Path,
    models: Path,
    version: int | None = None,
    provider: Provider = "cpu",
    options: Options = Options(),
) -> Summary:
    """Answer every row of the files that `sources` name; the newest version where none is named.

    A target that ends in `.csv`, `.csv.gz`, `.csv.zst` or `.parquet` is one file, which appears whole or not
    at all. Any other is a folder of parts, each of which does: an interrupted run is resumed by the next. The
    result has the columns of the input and its rows, in order, and after them `price_range` int64, `label`
    and `probability_0..3` float32; an input column with such a name is kept as `input_<name>`. Columns keep
    their types as far as the target's form has them; those of a CSV are text, and its features doubles in
    Parquet.

    A row that is not a valid phone ends the job (`fail`), goes to `<target>.rejected` with its file, its
    number and the reason (`reject`), or stays without an answer and with the reason in a column `error`
    (`null`).

    Raises `TargetError`, `BusyError`, `JobDiffersError`, `ColumnTypeError`, `BadRowError`, and what
    `files.find`, `blocks.plan`, `Predictor` and `cluster.parts` raise.
    """
    started = time.perf_counter()
    console = Console(stderr=True)
    found = files.find(sources)
    if found.ignored:
        names = ", ".join(found.ignored)
        console.print(
            f"ignored, since their names are not those of tables: {names}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    # by whatever links it is named, it is one place: for the lock, and for what is renamed to it
    target = target.resolve()
    as_file = None if target.is_dir() else file_form(target)
    if not as_file and _ENDING.fullmatch(target.suffix) and not target.is_dir():
        raise TableFormatError(target, (*FILES, "have no extension (a folder)"))
    form, compression = as_file or (options.form, None)
    _require_place(found, target, options.metrics)
    job = Job(
        found.files,
        target,
        form,
        compression,
        options.on_bad_row,
        options.columns,
        bundle.read(bundle.find(models, version)),
        provider,
    )
    about = blocks.about_rows(job.files)
    try:
        with ended_by_signals(), locked(target):
            write = _into_file if as_file else _into_folder
            summary = write(job, options, started, about, console)
    except OSError as error:  # what is read raises errors of its own
        raise TargetError(target, error.strerror or str(error)) from error
    if options.metrics:
        summary.write_metrics(options.metrics)
    return summary


def _into_file(job: Job, options: Options, started: float, about: int, console: Console) -> Summary:
    if options.cluster:
        raise TargetError(job.target, "a cluster writes parts, so OUT must be a folder")
    for target in (job.target, job.rejects):
        sweep(target.parent, target.name)
    shards = blocks.plan(job.files, split_csv=False)
    with ShardWorker(job, usable_cores()) as worker, of_rows(about, console) as advance:
        tally = worker.whole(shards, advance)
    return Summary.of(job, tally, tally.rows, time.perf_counter() - started)


def _into_folder(job: Job, options: Options, started: float, about: int, console: Console) -> Summary:
    manifest = Manifest.begin(job)
    if manifest.lacks_none and (finished := Summary.read(job.target)):
        _tidy(job)
        return finished
    _sweep(job)
    before = totals(manifest.parts).rows
    shards = manifest.remaining(blocks.plan(job.files, split_csv=options.cluster is not None))
    with of_rows(about, console, before) as advance:
        _write_parts(job, options.cluster, shards, manifest, advance)
    _tidy(job)
    manifest.require_whole()
    tally = totals(manifest.parts)
    summary = Summary.of(job, tally, tally.rows - before, time.perf_counter() - started)
    summary.write(job.target)
    return summary


def _sweep(job: Job) -> None:
    """Remove what runs that were killed, or machines that were lost, left half written."""
    sweep(job.target)
    if job.on_bad_row == "reject":
        sweep(job.rejects)


def _tidy(job: Job) -> None:
    """Leave what is finished, and no folder of rejects where there are none."""
    _sweep(job)
    if job.on_bad_row == "reject" and not any(job.rejects.iterdir()):
        job.rejects.rmdir()


def _write_parts(
    job: Job,
    on_cluster: Cluster | None,
    shards: Sequence[Shard],
    manifest: Manifest,
    advance: Callable[[int], None],
) -> None:
    if on_cluster:
        with closing(cluster.parts(on_cluster, job, shards, advance)) as parts:
            manifest.add_all(parts)
        return
    cores = usable_cores()
    with ShardWorker(job, cores) as worker, closing(local.parts(worker, shards, cores, advance)) as parts:
        manifest.add_all(parts)


def _require_place(found: files.Found, target: Path, metrics: Path | None) -> None:
    """Raise `TargetError` where nothing can be written, and where what is read would be written over.

    Neither may a folder that is searched hold the target: the next run would find it there.
    """
    if not target.name:
        raise TargetError(target, "it has no name")
    written = [target, rejects_of(target)]
    if metrics:
        textfile = metrics.resolve()
        if textfile.is_dir() or textfile in written or target in textfile.parents:
            raise TargetError(metrics, "it is a folder, or part of the result")
        written.append(textfile)
    for path in written:
        if not path.parent.is_dir():
            raise TargetError(path, f"the folder {path.parent} does not exist")
        for folder in found.folders:
            if folder in path.parents:
                raise TargetError(path, f"it is inside the input folder {folder}")
    for source in found.files:
        path = Path(source.path).resolve()
        if not source.system and not {path, *path.parents}.isdisjoint(written):
            raise TargetError(target, f"the result would overwrite the input {source.name}")
