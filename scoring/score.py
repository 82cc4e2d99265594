"""Score files of phones: find, judge, answer and write, in constant memory, interrupted at will."""

import os
import re
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from rich.console import Console

from pricerange import bundle
from pricerange.errors import TargetError
from pricerange.machine.cores import usable_cores
from pricerange.predictor import Provider
from pricerange.signals import GRACE_SECONDS, ended_by_signals
from pricerange.tables.errors import TableFormatError
from pricerange.tables.source import blocks, files, plan, uri
from pricerange.tables.source.blocks import Shard
from pricerange.waiting import Patience
from scoring.job.job import Job, OnBadRow, rejects_of, totals
from scoring.job.manifest import Manifest
from scoring.job.summary import Summary
from scoring.progress import of_rows
from scoring.target.sink import FILES, Form, file_form
from scoring.target.staging import locked, require_name, sweep
from scoring.work import cluster, local
from scoring.work.cluster import Cluster
from scoring.work.preview import preview
from scoring.work.shard import ShardWorker

_ENDING = re.compile(r"\.(?=.*[A-Za-z])[A-Za-z0-9]{1,7}")
"""How a name ends that is likely to be that of a file."""
_CLUSTER_GRACE_SECONDS = 20.0
"""How long a cluster may take to be told that a job ends."""
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Options:
    """How a job is done; None is all columns, this machine, no metrics.

    What becomes of bad rows, the columns that are kept, the form of a folder's parts, the cluster that does
    it, the file for metrics, and after how many seconds without an answer a source is given up.
    """

    on_bad_row: OnBadRow = "fail"
    columns: tuple[str, ...] | None = None
    form: Form = "parquet"
    cluster: Cluster | None = None
    metrics: Path | None = None
    source_seconds: float = uri.SECONDS


def look(  # noqa: PLR0913, PLR0917
    sources: Sequence[str],
    target: Path,
    models: Path,
    version: int | None = None,
    provider: Provider = "cpu",
    options: Options = Options(),
) -> str:
    """Return, line by line, what `score` would do, by the beginnings of the files. Raises what it raises."""
    console = Console(stderr=True)
    waited_for = _waited_for(sources, options.source_seconds)
    with ended_by_signals(), Patience(console, waited_for):
        job = _job(sources, target, models, version, provider, options, console)
        return preview(job, blocks.about_rows(job.files))


def score(  # noqa: PLR0913, PLR0917
    sources: Sequence[str],
    target: Path,
    models: Path,
    version: int | None = None,
    provider: Provider = "cpu",
    options: Options = Options(),
) -> Summary:
    """Answer every row of the files that `sources` name; the newest version where none is named.

    A target whose name ends like one of `FILES` is one file, which appears whole or not at all. Any other is
    a folder of parts, each of which does: an interrupted run is resumed by the next. The result has the
    columns of the input and its rows, in order, and after them `price_range` int64, `label` and
    `probability_0..3` float32; an input column with such a name is kept as `input_<name>`. Columns keep their
    types as far as the target's form has them; those of CSV and NDJSON are text, and their features numbers,
    in other forms.

    A row that is not a valid phone ends the job (`fail`), goes to `<target>.rejected` with its file, its
    number and the reason (`reject`), or stays without an answer and with the reason in a column `error`
    (`null`).

    Raises `TargetError`, `BusyError`, `JobDiffersError`, `ColumnTypeError`, `BadRowError`, and what
    `files.find`, `plan.plan`, `Predictor` and `cluster.parts` raise.
    """
    console = Console(stderr=True)

    def say() -> None:
        kept = "what is finished is kept" if _is_folder(target) else "nothing was written"
        _tell(console, f"interrupted: {kept}; run the same command again to continue")

    grace = _CLUSTER_GRACE_SECONDS if options.cluster else GRACE_SECONDS
    with ended_by_signals(say, grace):
        try:
            return _score(sources, target, models, version, provider, options, console)
        except (OSError, pa.ArrowException) as error:  # what is read raises errors of its own
            raise TargetError(target, getattr(error, "strerror", None) or str(error)) from error


def _score(  # noqa: PLR0913, PLR0917
    sources: Sequence[str],
    target: Path,
    models: Path,
    version: int | None,
    provider: Provider,
    options: Options,
    console: Console,
) -> Summary:
    started = time.perf_counter()
    waited_for = _waited_for(sources, options.source_seconds)
    with Patience(console, waited_for):
        job = _job(sources, target, models, version, provider, options, console)
        about = blocks.about_rows(job.files)
    with locked(job.target), Patience(console, waited_for) as patience:
        write = _into_folder if _is_folder(job.target) else _into_file
        summary = write(job, options, started, about, console, patience)
    if options.metrics:
        summary.write_metrics(options.metrics)
    return summary


def _job(  # noqa: PLR0913, PLR0917
    sources: Sequence[str],
    target: Path,
    models: Path,
    version: int | None,
    provider: Provider,
    options: Options,
    console: Console,
) -> Job:
    """Find out what is to be done; nothing is written yet."""
    require_name(target, ".rejected")
    if options.metrics:
        require_name(options.metrics)
    found = files.find(sources, options.source_seconds)
    if found.ignored:
        _tell(console, f"ignored, since their names are not those of tables: {', '.join(found.ignored)}")
    # by whatever links it is named, it is one place: for the lock, and for what is renamed to it
    target = target.resolve()
    as_file = None if _is_folder(target) else file_form(target)
    if not as_file and not _is_folder(target):
        raise TableFormatError(target, (*FILES, "have no extension (a folder)"))
    form, compression = as_file or (options.form, None)
    _require_place(found, target, options.metrics)
    return Job(
        found.files,
        target,
        form,
        compression,
        options.on_bad_row,
        options.columns,
        bundle.read(bundle.find(models, version)),
        provider,
    )


def _is_folder(target: Path) -> bool:
    """Whether a result is a folder of parts: it is one, or its name does not end like that of a file."""
    return target.is_dir() or not (file_form(target) or _ENDING.fullmatch(target.suffix))


def _tell(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _waited_for(sources: Sequence[str], seconds: float) -> str:
    named = ", ".join(uri.without_secret(source) for source in sources[:_MOST_NAMED])
    more = f" and {len(sources) - _MOST_NAMED} more" if len(sources) > _MOST_NAMED else ""
    return f"{named}{more}; an object store that does not answer is given up after about {seconds:g} s"


def _into_file(  # noqa: PLR0913, PLR0917
    job: Job, options: Options, started: float, about: int, console: Console, patience: Patience
) -> Summary:
    if options.cluster:
        raise TargetError(job.target, "a cluster writes parts, so OUT must be a folder")
    for target in (job.target, job.rejects):
        sweep(target.parent, target.name)
    shards = plan.plan(job.files, split_texts=False)
    with ShardWorker(job, usable_cores()) as worker, of_rows(about, console) as advance:
        tally = worker.whole(shards, patience.also(advance))
    return Summary.of(job, tally, tally.rows, time.perf_counter() - started)


def _into_folder(  # noqa: PLR0913, PLR0917
    job: Job, options: Options, started: float, about: int, console: Console, patience: Patience
) -> Summary:
    manifest = Manifest.begin(job)
    if manifest.lacks_none and (finished := Summary.read(job.target)):
        _tidy(job)
        return finished
    _sweep(job)
    before = totals(manifest.parts).rows
    shards = manifest.remaining(plan.plan(job.files, split_texts=options.cluster is not None))
    with of_rows(about, console, before) as advance:
        _write_parts(job, options.cluster, shards, manifest, patience.also(advance))
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
    folders = tuple(f"{path}{os.sep}" for path in written)
    for source in (file for file in found.files if not file.system):
        # of many files a Path each would take longer than to read them
        if f"{os.path.realpath(source.path)}{os.sep}".startswith(folders):
            raise TargetError(target, f"the result would overwrite the input {source.name}")
