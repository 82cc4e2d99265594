"""One block of rows and the model's answers to it: what is done to each, in any order, on any machine."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pricerange.answer import columns as answer_columns
from pricerange.phone import FEATURE_NAMES, LABELS
from pricerange.predictor import Predictor
from pricerange.tables import table
from pricerange.tables.csv import rows as csv_rows
from pricerange.tables.csv.blocks import lines
from pricerange.tables.csv.dialect import PLAIN, Dialect
from pricerange.tables.csv.file import TextBlock
from pricerange.tables.errors import DuplicateColumnError, MissingColumnError
from pricerange.tables.names import by_place, selected
from pricerange.tables.table import Reason
from scoring.errors import BadBlockRowError, UnknownColumnError
from scoring.job.job import OnBadRow
from scoring.job.tally import Tally, TrainingRange
from scoring.target import columns
from scoring.target.csv_text import continued
from scoring.target.sink import Encoded, Form, encoded

_MOST_REASON = 700
"""Characters of what is said in every row of a table that lacks columns: it may quote names of any length."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Rows that are not valid phones: n of them, their numbers in the block, from 0, and the reasons."""

    batch: pa.RecordBatch
    rows: list[int]
    reasons: list[str]


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a block's rows: `rejected` where rows without an answer go elsewhere."""

    tally: Tally
    answers: Encoded
    rejected: Rejected | None


class _Judged(Protocol):
    """Which rows are phones, and why the others are none; `pricerange.tables.table.Verdict` is one."""

    @property
    def rows(self) -> npt.NDArray[np.float32]: ...

    @property
    def valid(self) -> npt.NDArray[np.bool_]: ...

    def explained(self, rows: Sequence[int]) -> Iterable[Reason]: ...


class Answerer:
    """Answers blocks; safe to be called by many threads."""

    def __init__(
        self, predictor: Predictor, on_bad_row: OnBadRow, kept: Sequence[str] | None, form: Form
    ) -> None:
        """Keep the columns called `kept`, all where it is None, and write `form`."""
        self._predictor = predictor
        self._on_bad_row = on_bad_row
        self._kept = kept
        self._form = form
        self._training_range = TrainingRange(predictor.bundle.passport)

    def answer(self, content: pa.RecordBatch | TextBlock) -> Answered:
        """Judge n rows, answer the phones among them and encode what a sink has to write.

        Raises `BadBlockRowError`, `MissingColumnError` or `DuplicateColumnError` where a bad row shall end
        the job, `UnknownColumnError`, `ColumnTypeError` or `BrokenBlockError`.
        """
        if isinstance(content, pa.RecordBatch):
            return self._answer(content, self._judge(content), self._selected(content))
        if self._form == "csv":
            # with commas between their cells, lines can stay as they are
            stay = self._kept is None and content.dialect.delimiter == ","
            return self._answer_lines(content) if stay else self._answer_text(content)
        batch = csv_rows.typed(content.text, content.header, by_place(content.header), content.dialect)
        if batch is not None and (judged := self._judge(batch)).valid.all():
            return self._answer(batch, judged, self._selected(batch))
        # the words about a bad row quote its text
        return self._answer_text(content)

    def _answer_text(self, block: TextBlock) -> Answered:
        """Answer rows of CSV, whatever their cells hold."""
        text = csv_rows.parse(block.text, block.header, block.dialect)
        if self._form == "csv":
            kept = self._selected(text)
            return self._answer(text, self._judge_text(block), kept)
        kept = self._selected(columns.with_numbers(text, block.dialect))
        return self._answer(text, self._judge(text, block.dialect), kept)

    def _answer_lines(self, block: TextBlock) -> Answered:
        """Answer rows of CSV for CSV: they stay as they are, and the answers are written behind them."""
        judged = self._judge_text(block)
        rows = pa.RecordBatch.from_arrays([lines(block.text, block.dialect)], names=[""])
        rejects = self._on_bad_row == "reject" and not judged.valid.all()
        source = csv_rows.parse(block.text, block.header, block.dialect) if rejects else None
        return self._answer(source, judged, rows, block.header)

    def _answer(
        self,
        source: pa.RecordBatch | None,
        judged: _Judged,
        kept: pa.RecordBatch,
        header: list[str] | None = None,
    ) -> Answered:
        """Answer judged rows: `source` is what rejects are taken from, `kept` what the answers stand beside.

        Where there is a `header`, `kept` is one column of whole lines, and it names their columns.
        """
        valid = judged.valid
        bad = np.flatnonzero(~valid).tolist()
        phones = judged.rows[valid] if bad else judged.rows
        if bad and self._on_bad_row == "fail":
            (reason,) = judged.explained(bad[:1])
            raise BadBlockRowError(bad[0], reason.detail)
        prediction = self._predictor.predict(phones)
        answers = answer_columns.answers(prediction)
        reasons = list(judged.explained(bad))
        details = [reason.detail for reason in reasons]
        rejected = None
        if self._on_bad_row == "null":
            answers = columns.with_errors(answers, valid, details)
        elif source is not None and bad:
            rejected = Rejected(self._read(source.take(pa.array(bad))), bad, details)
            kept = kept.filter(pa.array(valid))
        tally = Tally(
            len(valid),
            np.bincount(prediction.price_range, minlength=len(LABELS)),
            self._training_range.outside(phones),
            Counter(reason.cause for reason in reasons),
        )
        if header is None:
            return Answered(tally, encoded(columns.beside(kept, answers), self._form), rejected)
        names = columns.names_beside(header, answers)
        return Answered(tally, continued(kept.column(0), names, answers), rejected)

    def _judge_text(self, block: TextBlock) -> _Judged:
        try:
            return table.judge_csv(block.text, block.header, block.dialect)
        except (MissingColumnError, DuplicateColumnError) as error:
            return self._none(error, len(csv_rows.parse(block.text, block.header, block.dialect)))

    def _judge(self, batch: pa.RecordBatch, dialect: Dialect = PLAIN) -> _Judged:
        try:
            return table.judge(batch, dialect)
        except (MissingColumnError, DuplicateColumnError) as error:
            return self._none(error, batch.num_rows)

    def _none(self, error: MissingColumnError | DuplicateColumnError, count: int) -> "_NoPhones":
        """Take all rows of a table without the right columns for bad ones, unless such a row ends the job."""
        if self._on_bad_row == "fail":
            raise error
        return _NoPhones(error, count)

    def _selected(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if self._kept is None:
            return batch
        unknown = [name for name in self._kept if name not in batch.schema.names]
        if unknown:
            raise UnknownColumnError(unknown)
        return _columns_of(batch, self._kept)

    def _read(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return of rejected rows what is read at all: the features and the columns that are kept."""
        if self._kept is None:
            return batch
        return _columns_of(batch, (*self._kept, *FEATURE_NAMES))


def _columns_of(batch: pa.RecordBatch, wanted: Sequence[str]) -> pa.RecordBatch:
    """Return the columns of these names, or of names like them, all of them where one is there twice."""
    found = selected(batch.schema.names, wanted)
    return batch.select([place for place, name in enumerate(batch.schema.names) if name in found])


class _NoPhones:
    """The n rows of a table that lacks a feature, or has one twice."""

    def __init__(self, error: MissingColumnError | DuplicateColumnError, count: int) -> None:
        self.rows: npt.NDArray[np.float32] = np.zeros((count, len(FEATURE_NAMES)), np.float32)
        self.valid: npt.NDArray[np.bool_] = np.zeros(count, np.bool_)
        cause = (
            f"{error.missing[0]}: missing column"
            if isinstance(error, MissingColumnError)
            else f"{error.names[0]}: more than one column"
        )
        detail = str(error)
        if isinstance(error, MissingColumnError) and len(detail) > _MOST_REASON:
            detail = str(replace(error, present=()))
        self._reason = Reason(detail, cause)

    def explained(self, rows: Sequence[int]) -> list[Reason]:
        """Say the same of each: which columns are wrong."""
        return [self._reason] * len(rows)
