"""Labelled phones: the table to learn from, read and checked."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pricerange import synthetic
from pricerange.phone import FEATURE_NAMES, LABELS, Feature, refusal
from pricerange.tables import cells, table
from training.errors import (
    ColumnsError,
    DataSourceError,
    DuplicateRowError,
    EmptyTableError,
    InvalidLabelError,
    InvalidPhoneError,
)

_KNOWN = {
    "287c5f67d302254327959da9e9360bc1adae607c3bbb40d682bb34b83dc6c4da": (
        "the public data set “Mobile Price Classification”, as published"
    ),
}
"""Files that their sha256 recognises."""

LABEL = Feature("price_range", "whole number", "", 0, len(LABELS) - 1, 1, "Price range")


@dataclass(frozen=True, slots=True)
class LabelledPhones:
    """Phones whose price range is known.

    `features` float32 [n, 20] in the table's order; `price_range` int64 [n]; `sha256` of the whole file;
    `source` is its name without the folder, or `synthetic:ROWS`.
    """

    features: npt.NDArray[np.float32]
    price_range: npt.NDArray[np.int64]
    source: str
    sha256: str

    @property
    def origin(self) -> str:
        """Where they come from, in words."""
        if self.source.startswith("synthetic:"):
            return "generated phones with a known rule"
        return _KNOWN.get(self.sha256, "a table of the user's own")


def load(data: str) -> LabelledPhones:
    """Read the file of that name, or generate phones where it says `synthetic` or `synthetic:ROWS`.

    Raises what `read` raises, or `DataSourceError`.
    """
    name, colon, rows = data.partition(":")
    if name != "synthetic":
        return read(Path(data))
    if colon and not (rows.isdecimal() and int(rows) > 0):
        raise DataSourceError(data)
    return generate(int(rows) if colon else synthetic.ROWS)


def generate(rows: int) -> LabelledPhones:
    """Generate phones by the rule of `pricerange.synthetic`."""
    features, price_range = synthetic.phones(rows)
    sha256 = hashlib.sha256(synthetic.as_csv(features, price_range).encode()).hexdigest()
    return LabelledPhones(features.astype(np.float32), price_range, f"synthetic:{rows}", sha256)


def read(path: Path) -> LabelledPhones:
    """Read a CSV or Parquet file with the 20 features and `price_range`, in any order of columns.

    Raises an error of `pricerange.tables.table` where the file cannot be read at all, `ColumnsError`,
    `InvalidPhoneError`, `InvalidLabelError`, `DuplicateRowError` or `EmptyTableError`.
    """
    features: list[npt.NDArray[np.float32]] = []
    price_range: list[npt.NDArray[np.int64]] = []
    rows = 0
    for batch in table.read(path):
        _check_columns(path, batch.schema.names)
        verdict = table.judge(batch)
        if not verdict.valid.all():
            bad = int(verdict.valid.argmin())
            raise InvalidPhoneError(path, rows + bad + 1, verdict.detail(bad))
        features.append(verdict.rows)
        price_range.append(_labels(path, rows, batch.column(LABEL.name)))
        rows += batch.num_rows
    if rows == 0:
        raise EmptyTableError(path)
    phones = LabelledPhones(np.concatenate(features), np.concatenate(price_range), path.name, _sha256(path))
    _check_duplicates(path, phones.features)
    return phones


def _check_columns(path: Path, names: list[str]) -> None:
    expected, found = Counter([*FEATURE_NAMES, LABEL.name]), Counter(names)
    if expected != found:
        raise ColumnsError(path, list(expected - found), list(found - expected))


def _labels(path: Path, rows_before: int, column: pa.Array) -> npt.NDArray[np.int64]:
    """Return a batch's labels as int64 [n]."""
    numbers = cells.numbers(LABEL, column)
    wrong = ~np.isin(numbers, np.arange(len(LABELS)))
    if wrong.any():
        row = int(wrong.argmax())
        detail = refusal(LABEL, cells.content(LABEL, column, row))
        raise InvalidLabelError(path, rows_before + row + 1, detail)
    return numbers.astype(np.int64)


def _check_duplicates(path: Path, features: npt.NDArray[np.float32]) -> None:
    """Refuse a phone that stands there twice: it could be learned from and tested on at once."""
    _, first, of_row = np.unique(features, axis=0, return_index=True, return_inverse=True)
    earlier = first[of_row]
    repeated = np.flatnonzero(earlier < np.arange(len(features)))
    if len(repeated):
        row = int(repeated[0])
        raise DuplicateRowError(path, row + 1, int(earlier[row]) + 1)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
