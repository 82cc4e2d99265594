"""One block of rows and the model's answers to it: what is done to each, in any order, on any machine."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pricerange.answer import columns as answer_columns
from pricerange.answer.applicability import TrainingRegion
from pricerange.answer.columns import Worth
from pricerange.answer.prediction_sets import PredictionSets, abstains
from pricerange.answer.unknown import Averages
from pricerange.errors import NoBackgroundError, UncalibratedError
from pricerange.phone import FEATURE_NAMES, LABELS
from pricerange.predictor import Predictor
from pricerange.tables import table
from pricerange.tables.csv import rows as csv_rows
from pricerange.tables.csv.dialect import PLAIN, Dialect
from pricerange.tables.csv.file import TextBlock
from pricerange.tables.errors import DuplicateColumnError, MissingColumnError
from pricerange.tables.json import columns as json_columns
from pricerange.tables.json.file import LineBlock
from pricerange.tables.names import by_place, selected
from pricerange.tables.source.blocks import Content
from pricerange.tables.table import Reason
from scoring.errors import BadBlockRowError, UnknownColumnError
from scoring.job.job import FLAGGED, OnBadRow, WorthAsked
from scoring.job.tally import Tally
from scoring.target import columns
from scoring.target.sink import Encoded, Form
from scoring.work.explaining import Explaining
from scoring.work.rows import Columns, CsvLines, JsonLines, Rows, Taken
from scoring.work.within_range import Judged, WithinRange

_MOST_REASON = 700
"""Characters of what is said in every row of a table that lacks columns: it may quote names of any length."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Rows that are not valid phones: n of them, their numbers in the block, from 0, and the reasons."""

    taken: Taken
    rows: list[int]
    reasons: list[str]

    def written(self, places: slice, file: str, numbers: Sequence[int]) -> Encoded:
        """Write some of them, of one file, where they have these numbers, from 1."""
        return self.taken.written(places, file, numbers, self.reasons[places])


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a block's rows: `rejected` where rows without an answer go elsewhere."""

    tally: Tally
    answers: Encoded
    rejected: Rejected | None


class Answerer:
    """Answers blocks; safe to be called by many threads."""

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        predictor: Predictor,
        on_bad_row: OnBadRow,
        kept: Sequence[str] | None,
        form: Form,
        asked: WorthAsked = FLAGGED,
        cores: int = 1,
    ) -> None:
        """Keep the columns called `kept`, all where it is None, and write `form`; explain on so many cores.

        Raises `UncalibratedError` where sets are asked for that the version does not know,
        `NoBackgroundError` where it has no phones to explain or to average by, or `GoldenReasonsError`.
        """
        self._unknown = asked.unknown is not None
        self._ask: Predictor | Averages = _averages(predictor) if self._unknown else predictor
        self._on_bad_row = on_bad_row
        self._asked = asked
        self._sets = _sets(predictor, asked)
        self._explaining = Explaining(predictor, cores) if asked.explain else None
        self._kept = kept
        self._form = form
        self._region = TrainingRegion.of_version(predictor.bundle.passport)

    def close(self) -> None:
        """Leave what takes long, and is not done."""
        if self._explaining:
            self._explaining.close()

    def answer(self, content: Content) -> Answered:
        """Judge n rows, answer the phones among them and encode what a sink has to write.

        Raises `BadBlockRowError`, `MissingColumnError` or `DuplicateColumnError` where a bad row shall end
        the job, `UnknownColumnError`, `ColumnTypeError` or `BrokenBlockError`.
        """
        match content:
            case TextBlock():
                return self._answer_csv(content)
            case LineBlock():
                return self._answer_ndjson(content)
            case _:
                judged = self._judge(content, unknown=self._unknown)
                return self._answer_columns(content, judged, self._selected(content))

    def _answer_csv(self, block: TextBlock) -> Answered:
        if self._form == "csv":
            # with commas between their cells, lines can stay as they are
            stay = self._kept is None and block.dialect.delimiter == ","
            return self._answer_lines(block) if stay else self._answer_text(block)
        batch = csv_rows.typed(block.text, block.header, by_place(block.header), block.dialect)
        if batch is not None and (judged := self._judge(batch)).valid.all():
            return self._answer_columns(batch, judged, self._numbers(self._selected(batch)))
        # the words about a bad row quote its text, which also tells whether a cell holds nothing
        return self._answer_text(block)

    def _answer_text(self, block: TextBlock) -> Answered:
        """Answer rows of CSV, whatever their cells hold."""
        text = csv_rows.parse(block.text, block.header, block.dialect)
        if self._form == "csv":
            return self._answer_columns(text, self._judge_text(block), self._selected(text))
        kept = self._numbers(self._selected(columns.with_numbers(text, block.dialect)))
        return self._answer_columns(text, self._judge(text, block.dialect, self._unknown), kept)

    def _answer_lines(self, block: TextBlock) -> Answered:
        """Answer rows of CSV for CSV: they stay as they are, and the answers are written behind them."""
        return self._answer(self._judge_text(block), CsvLines(block))

    def _answer_ndjson(self, block: LineBlock) -> Answered:
        """Answer lines of JSON; for NDJSON their fields stay as they are."""
        kept = self._kept_of(block.columns) if block.texts else block.columns
        if self._form == "ndjson":
            read = None if self._kept is None else self._read_of(block.columns)
            rows = JsonLines(block.texts, None if self._kept is None else kept, read)
            return self._answer(json_columns.judged(block.texts, unknown=self._unknown), rows)
        others, numbers = self._kept is not None, self._form == "parquet"
        verdict, batch = json_columns.judged_columns(
            block.texts, kept, others=others, numbers=numbers, unknown=self._unknown
        )
        if numbers:
            batch = columns.with_numbers(batch)

        def source(bad: Sequence[int]) -> pa.RecordBatch:
            read = self._read_of(block.columns)
            return json_columns.rejected([block.texts[row] for row in bad], read, with_lines=not others)

        return self._answer(verdict, Columns(batch, source, self._form))

    def _answer_columns(self, source: pa.RecordBatch, judged: Judged, kept: pa.RecordBatch) -> Answered:
        """Answer rows whose answers stand beside the columns `kept`; rejects are taken from `source`."""

        def taken(bad: Sequence[int]) -> pa.RecordBatch:
            return self._read(source.take(pa.array(bad)))

        return self._answer(judged, Columns(kept, taken, self._form))

    def _answer(self, judged: Judged, rows: Rows) -> Answered:
        if self._asked.out_of_range == "refuse":
            judged = WithinRange(judged, self._region)
        valid = judged.valid
        bad = np.flatnonzero(~valid).tolist()
        phones = judged.rows[valid] if bad else judged.rows
        if bad and self._on_bad_row == "fail":
            (reason,) = judged.explained(bad[:1])
            raise BadBlockRowError(bad[0], reason.detail)
        prediction = self._ask.predict(phones)
        unknown = np.isnan(phones) if self._unknown else None
        found = self._region.of(phones) if self._asked.out_of_range == "flag" else None
        sets = None
        if self._sets and self._asked.sets:
            sets = self._sets.of(prediction.probabilities, self._asked.sets, unknown)
        abstain = abstains(sets) if sets is not None and self._asked.abstain else None
        costs = self._asked.costs
        decisions = costs.decide(prediction.probabilities) if costs else None
        why = self._explaining.explain(phones, prediction.price_range) if self._explaining else None
        worth = Worth(found, sets, abstain, decisions, why, unknown)
        answers = answer_columns.answers(prediction, worth=worth, as_text=self._form == "csv")
        reasons = list(judged.explained(bad))
        details = [reason.detail for reason in reasons]
        rejects = self._on_bad_row == "reject" and bool(bad)
        if self._on_bad_row == "null":
            answers = columns.with_errors(answers, valid, details)
        tally = Tally(
            len(valid),
            np.bincount(prediction.price_range, minlength=len(LABELS)),
            _count(found.outside if found else self._region.outside(phones)),
            Counter(reason.cause for reason in reasons),
        )
        rejected = Rejected(rows.taken(bad), bad, details) if rejects else None
        return Answered(tally, rows.beside(answers, valid, of_all=not rejects), rejected)

    def _judge_text(self, block: TextBlock) -> Judged:
        try:
            return table.judge_csv(block.text, block.header, block.dialect, unknown=self._unknown)
        except (MissingColumnError, DuplicateColumnError) as error:
            return self._none(error, len(csv_rows.parse(block.text, block.header, block.dialect)))

    def _judge(self, batch: pa.RecordBatch, dialect: Dialect = PLAIN, unknown: bool = False) -> Judged:
        try:
            return table.judge(batch, dialect, unknown=unknown)
        except (MissingColumnError, DuplicateColumnError) as error:
            return self._none(error, batch.num_rows)

    def _none(self, error: MissingColumnError | DuplicateColumnError, count: int) -> "_NoPhones":
        """Take all rows of a table without the right columns for bad ones, unless such a row ends the job."""
        if self._on_bad_row == "fail":
            raise error
        return _NoPhones(error, count)

    def _selected(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        names = self._kept_of(batch.schema.names)
        return batch if self._kept is None else _columns_of(batch, names)

    def _kept_of(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return which columns of a table are kept. Raises `UnknownColumnError`."""
        if self._kept is None:
            return tuple(names)
        unknown = [name for name in self._kept if name not in names]
        if unknown:
            raise UnknownColumnError(unknown)
        return tuple(name for name in names if name in self._kept)

    def _numbers(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the features of CSV as the numbers that the form of the result has."""
        return columns.with_whole_numbers(batch) if self._form == "ndjson" else batch

    def _read(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return of rejected rows what is read at all."""
        return batch if self._kept is None else _columns_of(batch, (*self._kept, *FEATURE_NAMES))

    def _read_of(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return which columns of a table are read at all: the features and those that are kept."""
        if self._kept is None:
            return tuple(names)
        return tuple(name for name in names if name in {*self._kept, *FEATURE_NAMES})


def _sets(predictor: Predictor, asked: WorthAsked) -> PredictionSets | None:
    if asked.sets is None:
        return None
    sets = PredictionSets.of_version(predictor.bundle.passport)
    if sets is None:
        raise UncalibratedError(predictor.bundle.version)
    return sets


def _averages(predictor: Predictor) -> Averages:
    averages = Averages.of_version(predictor)
    if averages is None:
        raise NoBackgroundError("--unknown", predictor.bundle.version)
    return averages


def _count(outside: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    counts: npt.NDArray[np.int64] = np.count_nonzero(outside, axis=0).astype(np.int64)
    return counts


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
