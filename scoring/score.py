"""Score a file of phones: read, check, predict and write, batch by batch, in constant memory."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rich.console import Console

from pricerange import table
from pricerange.errors import BadRowError, TargetError
from pricerange.phone import LABELS
from pricerange.predictor import Predictor, Provider
from scoring.columns import PROBABILITIES, with_answers, with_numbers, with_reasons
from scoring.progress import progress
from scoring.sink import Sink, sink
from scoring.staging import ended_by_sigterm, staged

OnBadRow = Literal["fail", "reject"]


@dataclass(frozen=True, slots=True)
class Summary:
    """What a job did: rows read, how many of them got each price range, how many were rejected."""

    target: Path
    model: str
    version: str
    rows: int
    price_ranges: tuple[int, ...]
    rejected: int
    seconds: float

    def __str__(self) -> str:
        counts = ", ".join(
            f"{count:,} {label}" for label, count in zip(LABELS, self.price_ranges, strict=True)
        )
        lines = [
            f"{self.rows:,} rows in {self.seconds:.1f} s, {self.rows / self.seconds:,.0f} rows/s, "
            f"by {self.model} version {self.version}",
            f"{sum(self.price_ranges):,} scored to {self.target}: {counts}",
        ]
        if self.rejected:
            lines.append(f"{self.rejected:,} rejected to {rejects_of(self.target)}")
        return "\n".join(lines)


def rejects_of(target: Path) -> Path:
    """Return where the rows go that a job rejects: beside its result, in the result's format."""
    return target.with_name(f"{target.name}.rejected")


def score(  # noqa: PLR0913, PLR0917
    source: Path,
    target: Path,
    models: Path,
    version: int | None = None,
    provider: Provider = "cpu",
    on_bad_row: OnBadRow = "fail",
) -> Summary:
    """Answer every row of a CSV or Parquet file, into another; the newest version where none is named.

    The target has the source's columns and rows, in order, and after them `price_range` int64, `label` and
    `probability_0..3` float32; a column of the source that has such a name stays as `input_<name>`. Columns
    keep their types; those of a CSV are text, and in a Parquet target its features become doubles.

    A row that is no phone ends the job (`fail`) or goes to `<target>.rejected` with its number, counted
    from 1, and the reason (`reject`). Both files appear whole or not at all; the rejects of an earlier job
    into the same target are replaced or removed.

    Raises `TargetError`, `ColumnTypeError`, `BadRowError`, and what `table.read`, `table.judge` and
    `Predictor.load` raise.
    """
    started = time.perf_counter()
    _require_place(source, target)
    form = table.format_of(target)
    predictor = Predictor.load(models, version, provider)
    batches = table.read(source)
    with (
        ended_by_sigterm(),
        staged(rejects_of(target), target) as (rejects_path, answers_path),
        sink(answers_path, form, frozenset(PROBABILITIES)) as answers,
        sink(rejects_path, form) as rejects,
    ):
        job = _Job(predictor, source, target, answers, rejects if on_bad_row == "reject" else None)
        first = next(batches)
        with progress(table.estimated_rows(source), Console(stderr=True)) as advance:
            job.run(first)
            advance(first.num_rows)
            for batch in batches:
                job.run(batch)
                advance(batch.num_rows)
    passport = predictor.bundle
    seconds = time.perf_counter() - started
    counts = tuple(job.price_ranges.tolist())
    return Summary(target, passport.name, passport.version, job.rows, counts, job.rejected, seconds)


class _Job:
    """What happens to each batch, and the counts."""

    def __init__(
        self, predictor: Predictor, source: Path, target: Path, answers: Sink, rejects: Sink | None
    ) -> None:
        self._predictor = predictor
        self._source = source
        self._answers = answers
        self._rejects = rejects
        self._numbers_from_text = table.format_of(source) == "csv" and table.format_of(target) != "csv"
        self.rows = 0
        self.rejected = 0
        self.price_ranges: npt.NDArray[np.int64] = np.zeros(len(LABELS), np.int64)

    def run(self, batch: pa.RecordBatch) -> None:
        """Check a batch, reject or refuse its bad rows, answer the others."""
        verdict = table.judge(batch)
        phones, rows = batch, verdict.rows
        bad = np.flatnonzero(~verdict.valid).tolist()
        if bad:
            if self._rejects is None:
                raise BadRowError(self._source, self.rows + bad[0] + 1, verdict.detail(bad[0]))
            reasons = {row: verdict.detail(row) for row in bad}
            self._rejects.write(with_reasons(batch, self.rows + 1, reasons))
            phones, rows = batch.filter(pa.array(verdict.valid)), rows[verdict.valid]
        if self._numbers_from_text:
            phones = with_numbers(phones)
        prediction = self._predictor.predict(rows)
        self._answers.write(with_answers(phones, prediction))
        self.rows += batch.num_rows
        self.rejected += len(bad)
        self.price_ranges += np.bincount(prediction.price_range, minlength=len(LABELS))


def _require_place(source: Path, target: Path) -> None:
    if target.is_dir():
        raise TargetError(target, "it is a folder")
    if not target.parent.is_dir():
        raise TargetError(target, f"the folder {target.parent} does not exist")
    if target.exists() and source.exists() and target.samefile(source):
        raise TargetError(target, "it is the file to be read")
