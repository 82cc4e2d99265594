"""Many phones: which rows of a batch are phones, and which columns of a table are which.

pyarrow is imported when a table arrives, not before: it is larger than all that one phone needs.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from pricerange.phone import (
    FEATURES,
    Feature,
    Problem,
    admissible,
    all_admissible,
    fault,
    refusal,
)
from pricerange.tables import cells
from pricerange.tables.csv import rows as csv_rows
from pricerange.tables.csv.dialect import BLANK, PLAIN, Dialect
from pricerange.tables.names import feature_places

if TYPE_CHECKING:
    import pyarrow as pa

_NAMED_PROBLEMS = 4
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a row is not a valid phone: a sentence, and its first wrong feature, `ram: null`, to count by."""

    detail: str
    cause: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which of the n rows of a batch are phones; why one is none is looked up when it is asked for.

    `rows` float32 [n, 20] in the table's order, 0 throughout in an invalid row, and NaN where a feature is
    unknown and may be; `valid` bool [n];
    `good` bool [n, 20] says the same of each value; `columns` are the features' cells, `dialect` says how
    numbers stand there.
    """

    rows: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]
    good: npt.NDArray[np.bool_]
    columns: "Sequence[pa.Array]"
    dialect: Dialect = PLAIN

    @classmethod
    def of(
        cls, values: npt.NDArray[np.float64], columns: "Sequence[pa.Array]", dialect: Dialect = PLAIN
    ) -> Self:
        """Judge float64 [n, 20]: doubles decide, before they are rounded to float32."""
        return cls._judged(values, admissible(values), columns, dialect)

    @classmethod
    def of_unknown(
        cls, values: npt.NDArray[np.float64], columns: "Sequence[pa.Array]", dialect: Dialect = PLAIN
    ) -> Self:
        """Judge float64 [n, 20], where a cell that holds nothing is NaN and stands for an unknown feature."""
        good = admissible(values)
        for place in np.flatnonzero(np.isnan(values).any(axis=0)).tolist():
            good[:, place] |= cells.nothing(FEATURES[place], columns[place], dialect)
        return cls._judged(values, good, columns, dialect)

    @classmethod
    def _judged(
        cls,
        values: npt.NDArray[np.float64],
        good: npt.NDArray[np.bool_],
        columns: "Sequence[pa.Array]",
        dialect: Dialect,
    ) -> Self:
        valid: npt.NDArray[np.bool_] = np.logical_and.reduce(good, axis=1)
        if not valid.all():
            values = np.where(valid[:, np.newaxis], values, 0)
        return cls(values.astype(np.float32, order="C"), valid, good, columns, dialect)

    def problems(self, row: int) -> Iterator[Problem]:
        """Yield what is wrong with a row, value by value; the pointers begin at the row."""
        for k in np.flatnonzero(~self.good[row]).tolist():
            feature = FEATURES[k]
            content = cells.content(feature, self.columns[k], row, self.dialect)
            yield Problem(_refusal(feature, content, self.dialect), f"/{feature.name}")

    def detail(self, row: int) -> str:
        """Say what is wrong with a row in one sentence, which names the first few values."""
        return sentence(
            (problem.detail for problem in self.problems(row)), int(np.count_nonzero(~self.good[row]))
        )

    def explained(self, rows: Sequence[int]) -> Iterator[Reason]:
        """Yield why each of many rows is none: sooner than to ask for the `detail` of one after the other."""
        found: list[list[Reason]] = [[] for _ in rows]
        wrong = ~self.good[rows]
        for k in np.flatnonzero(wrong.any(axis=0)).tolist():
            places = np.flatnonzero(wrong[:, k])
            contents = cells.contents(FEATURES[k], self.columns[k], np.take(rows, places), self.dialect)
            # what is wrong is often the same
            known: dict[tuple[type, str], Reason] = {}
            for place, content in zip(places.tolist(), contents, strict=True):
                key = (type(content), str(content))
                if key not in known:
                    known[key] = _reason(FEATURES[k], content, self.dialect)
                found[place].append(known[key])
        for reasons in found:
            yield reasons[0] if len(reasons) == 1 else _all_of(reasons)


def judge(batch: "pa.RecordBatch", dialect: Dialect = PLAIN, *, unknown: bool = False) -> Verdict:
    """Tell the phones in a batch from what is none, by the rules and in the words that hold for one phone.

    Columns are found by name, others are ignored; the dialect is that of text. Features may be `unknown`:
    null, NaN or a text that stands for nothing, where that is asked for. Raises `MissingColumnError` or
    `DuplicateColumnError`.
    """
    columns = _features_of(batch)
    rows = np.empty((batch.num_rows, len(FEATURES)), np.float32)
    for place, (feature, column) in enumerate(zip(FEATURES, columns, strict=True)):
        values = cells.numbers(feature, column, dialect)
        if not all_admissible(feature, values):
            pairs = zip(FEATURES, columns, strict=True)
            stacked = np.column_stack([cells.numbers(feature, column, dialect) for feature, column in pairs])
            return (Verdict.of_unknown if unknown else Verdict.of)(stacked, columns, dialect)
        # while the column is in the core's cache
        rows[:, place] = values
    good = np.broadcast_to(np.True_, rows.shape)
    return Verdict(rows, good[:, 0], good, columns, dialect)


def judge_csv(
    block: bytes, header: Sequence[str], dialect: Dialect = PLAIN, *, unknown: bool = False
) -> Verdict:
    """Return what `judge` says of a block of CSV rows, sooner where all of its cells are numbers.

    Raises `MissingColumnError`, `DuplicateColumnError` or `BrokenBlockError`.
    """
    values = csv_rows.doubles(block, len(header), feature_places(header), dialect)
    verdict = None if values is None else Verdict.of(values, (), dialect)
    if verdict is not None and verdict.valid.all():
        return verdict
    batch = csv_rows.parse(block, header, dialect)
    if verdict is None or unknown:
        # where a cell became NaN, its text tells whether it holds nothing
        return judge(batch, dialect, unknown=unknown)
    # the words are about the cells as they stand there
    return replace(verdict, columns=_features_of(batch))


def judge_csv_beside(
    block: bytes,
    header: Sequence[str],
    kept: Sequence[int],
    dialect: Dialect = PLAIN,
    *,
    unknown: bool = False,
) -> "tuple[Verdict, list[pa.Array]]":
    """Return what `judge_csv` does, and the text of the columns at some places, as it stands there."""
    read = csv_rows.doubles_and_texts(block, len(header), feature_places(header), kept, dialect)
    if read is not None:
        values, texts = read
        verdict = Verdict.of(values, (), dialect)
        if verdict.valid.all():
            return verdict, texts
    batch = csv_rows.parse(block, header, dialect)
    return judge(batch, dialect, unknown=unknown), [batch.column(place) for place in kept]


def _refusal(feature: Feature, content: object, dialect: Dialect) -> str:
    """Refuse a value, with what to do where it looks like a number with a decimal comma."""
    words = refusal(feature, content)
    may_be_comma = dialect.decimal == "." and dialect.delimiter != "," and isinstance(content, str)
    if may_be_comma and _DECIMAL_COMMA.fullmatch(str(content).strip(BLANK)):
        return f"{words} (decimal commas are read with `--decimal ,`, over HTTP with `decimal=,`)"
    return words


def _reason(feature: Feature, content: object, dialect: Dialect) -> Reason:
    return Reason(_refusal(feature, content, dialect), f"{feature.name}: {fault(feature, content)}")


def _all_of(reasons: Sequence[Reason]) -> Reason:
    return Reason(sentence((reason.detail for reason in reasons), len(reasons)), reasons[0].cause)


def sentence(problems: Iterable[str], count: int) -> str:
    """Say what is wrong with a row in one sentence, which names the first few of `count` problems."""
    details = list(islice(problems, _NAMED_PROBLEMS))
    if count > len(details):
        details.append(f"and {count - len(details)} more")
    return "; ".join(details)


def _features_of(batch: "pa.RecordBatch") -> "list[pa.Array]":
    return [batch.column(place) for place in feature_places(batch.schema.names)]
