"""What answers are written beside, and what is rejected: rows as columns, as lines of CSV or of JSON."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pricerange.tables.csv import rows as csv_rows
from pricerange.tables.csv.blocks import lines
from pricerange.tables.csv.file import TextBlock
from scoring.target import columns, csv_text, json_text
from scoring.target.sink import Encoded, Form, encoded

Valid = npt.NDArray[np.bool_]
"""Which of n rows are phones."""


class Taken(Protocol):
    """Rows that were rejected."""

    def written(self, places: slice, file: str, rows: Sequence[int], reasons: Sequence[str]) -> Encoded:
        """Write some of them, with their file, their numbers in it, from 1, and why."""


class Rows(Protocol):
    """The n rows of a block."""

    def beside(self, answers: pa.RecordBatch, valid: Valid, *, of_all: bool) -> Encoded:
        """Write answers behind the rows: those `of_all` rows, or those of the `valid` ones, behind these."""

    def taken(self, bad: Sequence[int]) -> Taken:
        """Take rows out to be rejected."""


@dataclass(frozen=True, slots=True)
class TakenColumns:
    """Rejected rows as columns."""

    batch: pa.RecordBatch
    form: Form

    def written(self, places: slice, file: str, rows: Sequence[int], reasons: Sequence[str]) -> Encoded:
        """Write some of them, with their file, their numbers in it, from 1, and why."""
        batch = self.batch.slice(places.start, places.stop - places.start)
        return encoded(columns.with_reasons(batch, file, rows, reasons), self.form)


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows as columns: `kept` are those of the result, `source` returns all that rejected rows are given."""

    kept: pa.RecordBatch
    source: Callable[[Sequence[int]], pa.RecordBatch]
    form: Form

    def beside(self, answers: pa.RecordBatch, valid: Valid, *, of_all: bool) -> Encoded:
        """Write answers behind the rows: those `of_all` rows, or those of the `valid` ones, behind these."""
        # without columns Arrow counts no rows, and lines that are no objects have none
        all_stay = of_all or not self.kept.num_columns
        kept = self.kept if all_stay else self.kept.filter(pa.array(valid))
        return encoded(columns.beside(kept, answers), self.form)

    def taken(self, bad: Sequence[int]) -> TakenColumns:
        """Take rows out to be rejected."""
        return TakenColumns(self.source(bad), self.form)


@dataclass(frozen=True, slots=True)
class CsvLines:
    """Rows of CSV for CSV: they stay as they are."""

    block: TextBlock

    def beside(self, answers: pa.RecordBatch, valid: Valid, *, of_all: bool) -> Encoded:
        """Write answers behind the rows: those `of_all` rows, or those of the `valid` ones, behind these."""
        rows = lines(self.block.text, self.block.dialect)
        names = columns.names_beside(self.block.header, answers)
        return csv_text.continued(rows if of_all else rows.filter(pa.array(valid)), names, answers)

    def taken(self, bad: Sequence[int]) -> TakenColumns:
        """Take rows out to be rejected."""
        parsed = csv_rows.parse(self.block.text, self.block.header, self.block.dialect)
        return TakenColumns(parsed.take(pa.array(bad)), "csv")


@dataclass(frozen=True, slots=True)
class JsonLines:
    """Lines of JSON for NDJSON: their fields stay as they are, those called `kept`, all where it is None.

    Rejected ones are given those called `read`.
    """

    texts: list[bytes]
    kept: Sequence[str] | None
    read: Sequence[str] | None

    def beside(self, answers: pa.RecordBatch, valid: Valid, *, of_all: bool) -> Encoded:
        """Write answers behind the rows: those `of_all` rows, or those of the `valid` ones, behind these."""
        texts = self.texts if of_all else list(compress(self.texts, valid))
        phones = valid if of_all else valid[valid]
        return json_text.answered(texts, phones, self.kept, answers)

    def taken(self, bad: Sequence[int]) -> "TakenLines":
        """Take rows out to be rejected."""
        return TakenLines([self.texts[row] for row in bad], self.read)


@dataclass(frozen=True, slots=True)
class TakenLines:
    """Rejected lines of JSON, for NDJSON."""

    texts: list[bytes]
    read: Sequence[str] | None

    def written(self, places: slice, file: str, rows: Sequence[int], reasons: Sequence[str]) -> Encoded:
        """Write some of them, with their file, their numbers in it, from 1, and why."""
        return json_text.rejected(self.texts[places], self.read, columns.reasons_of(file, rows, reasons))
