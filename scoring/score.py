"""Score files of phones: find, judge, answer and write, in constant memory, interrupted at will."""

import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from rich.console import Console

from pricerange.errors import TargetError
from pricerange.predictor import Provider
from pricerange.signals import GRACE_SECONDS, ended_by_signals
from pricerange.tables.source import blocks
from pricerange.waiting import Patience
from scoring.job.summary import Summary
from scoring.order import DEFAULTS, Options, Order, is_named_as_folder
from scoring.progress import tell
from scoring.run import Run
from scoring.target.place import Place
from scoring.work.preview import preview

_CLUSTER_GRACE_SECONDS = 20.0
"""How long a cluster may take to be told that a job ends."""


def look(  # noqa: PLR0913, PLR0917
    sources: Sequence[str],
    target: str | Path,
    models: Path,
    version: int | None = None,
    provider: Provider = "cpu",
    options: Options = DEFAULTS,
) -> str:
    """Return, line by line, what `score` would do, by the beginnings of the files.

    Raises what it raises before it begins.
    """
    order = Order(sources, target, models, version, provider, options)
    console = Console(stderr=True)
    with ended_by_signals(), Patience(console, order.waited_for):
        job = order.job(order.place(), console)
        return preview(job, blocks.about_rows(job.files))


def score(  # noqa: PLR0913, PLR0917
    sources: Sequence[str],
    target: str | Path,
    models: Path,
    version: int | None = None,
    provider: Provider = "cpu",
    options: Options = DEFAULTS,
) -> Summary:
    """Answer every row of the files that `sources` name, by the version that is taken if none is named.

    A target, a path or a URI, whose name ends like one of `FILES` is one file, which appears whole or not at
    all. `-` is standard output, to which rows go as they are answered, as to a pipe that has a path. Any
    other is a folder of parts, each of which appears whole: an interrupted run is resumed by the next. The
    result has the columns of the input and its rows, in order, and after them `price_range` int64, `label`
    and `probability_0..3` float32; an input column with such a name is kept as `input_<name>`. Columns keep
    their types as far as the target's form has them; those of CSV and NDJSON are text, and their features
    numbers, in other forms.

    A row that is not a valid phone ends the job (`fail`), goes to `<target>.rejected` with its file, its
    number and the reason (`reject`), or stays without an answer and with the reason in a column `error`
    (`null`).

    Raises `TargetError`, `BusyError`, `LockLostError`, `JobDiffersError`, `ColumnTypeError`, `BadRowError`,
    and what `Order.job`, `plan.plan`, `Predictor` and `cluster.parts` raise; `SystemExit` with 141, as a
    shell has it of a program that SIGPIPE ends, where no one reads a stream any more.
    """
    order = Order(sources, target, models, version, provider, options)
    console = Console(stderr=True)
    place = order.place()
    in_parts = is_named_as_folder(place)

    def say() -> None:
        tell(console, f"interrupted: {_what_is_left(place, in_parts)}")

    with ended_by_signals(say, _CLUSTER_GRACE_SECONDS if options.cluster else GRACE_SECONDS):
        try:
            started = time.perf_counter()
            with Patience(console, order.waited_for):
                job = order.job(place, console)
                in_parts = job.in_parts
                about = blocks.about_rows(job.files)
            summary = Run(job, options.cluster, about, started, console, order.waited_for).do()
            if order.metrics:
                summary.write_metrics(order.metrics)
        except (OSError, pa.ArrowException) as error:  # what is read raises errors of its own
            if isinstance(error, BrokenPipeError) and place.is_stream:
                sys.exit(128 + signal.SIGPIPE)
            raise TargetError(str(place), getattr(error, "strerror", None) or str(error)) from error
    return summary


def _what_is_left(place: Place, in_parts: bool) -> str:
    if place.is_stream:
        return "the rows that were written are not all"
    kept = "what is finished is kept" if in_parts else "nothing was written"
    return f"{kept}; run the same command again to continue"
