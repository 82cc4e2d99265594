"""Many phones: a CSV or Parquet file as a stream of batches, and the rows of a batch that are phones.

pyarrow is imported when a table arrives, not before: it is larger than all that one phone needs.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from pricerange import cells, csv_file
from pricerange.errors import (
    DuplicateColumnError,
    MissingColumnError,
    TableFormatError,
    TableNotFoundError,
    UnreadableTableError,
)
from pricerange.phone import FEATURE_NAMES, FEATURES, admissible, refusal

if TYPE_CHECKING:
    import pyarrow as pa

Format = Literal["csv", "parquet"]

BATCH_ROWS = 65_536
"""Rows of a batch from a Parquet file."""
_FORMATS: dict[str, Format] = {".csv": "csv", ".parquet": "parquet"}
_NAMED_PROBLEMS = 4


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row is no phone: `row` counts from 0 in its batch, `detail` names the values that are wrong."""

    row: int
    detail: str


@dataclass(frozen=True, slots=True)
class Checked:
    """The n rows of a batch after the check.

    `rows` float32 [n, 20] in the table's order, 0 throughout where a row is no phone; `valid` bool [n];
    `problems` one for each row that is not valid, in order.
    """

    rows: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]
    problems: list[RowProblem]


def format_of(path: Path) -> Format:
    """Return the format that a file's name tells by its end, `.csv` or `.parquet`, in capitals or not.

    Raises `TableFormatError`.
    """
    found = _FORMATS.get(path.suffix.lower())
    if found is None:
        raise TableFormatError(path, tuple(_FORMATS))
    return found


def read(path: Path) -> "Iterator[pa.RecordBatch]":
    """Stream a table in batches, in constant memory; at least one, so that the columns are always known.

    The name tells the format. All columns of a CSV are text, as the file has them: a
    cell that is no number is a problem of its row, for `check` to name. Rows are numbered for people from 1,
    the first after the header; blank lines of a CSV are no rows.

    Raises `TableNotFoundError`, `TableFormatError`, `UnreadableTableError` or `BrokenRowError`.
    """
    batches = csv_file.read(path) if format_of(path) == "csv" else _read_parquet(path)
    try:
        yield from batches
    except FileNotFoundError as error:
        raise TableNotFoundError(path) from error
    except OSError as error:
        raise UnreadableTableError(path, error.strerror or str(error)) from error


def estimated_rows(path: Path) -> int:
    """Return about how many rows a table has that `read` can read: for a CSV, judged by its first lines."""
    if format_of(path) == "csv":
        return csv_file.estimated_rows(path)
    from pyarrow import parquet

    rows: int = parquet.read_metadata(path).num_rows
    return rows


def check(batch: "pa.RecordBatch") -> Checked:
    """Tell the phones in a batch from what is none, by the rules and in the words that hold for one phone.

    Columns are found by name, others are ignored. Doubles decide, before they are rounded to float32.
    Raises `MissingColumnError` or `DuplicateColumnError`.
    """
    columns = _features_of(batch)
    values = np.empty((batch.num_rows, len(FEATURES)))
    for place, (feature, column) in enumerate(zip(FEATURES, columns, strict=True)):
        values[:, place] = cells.numbers(feature, column)
    good = admissible(values)
    valid: npt.NDArray[np.bool_] = np.logical_and.reduce(good, axis=1)
    problems = [
        RowProblem(row, _detail(columns, row, np.flatnonzero(~good[row]).tolist()))
        for row in np.flatnonzero(~valid).tolist()
    ]
    values[~valid] = 0
    return Checked(values.astype(np.float32), valid, problems)


def _features_of(batch: "pa.RecordBatch") -> "list[pa.Array]":
    found = Counter(batch.schema.names)
    missing = [name for name in FEATURE_NAMES if name not in found]
    if missing:
        raise MissingColumnError(missing, [name for name in found if name not in FEATURE_NAMES])
    repeated = [name for name in FEATURE_NAMES if found[name] > 1]
    if repeated:
        raise DuplicateColumnError(repeated)
    return [batch.column(name) for name in FEATURE_NAMES]


def _detail(columns: "Sequence[pa.Array]", row: int, wrong: Sequence[int]) -> str:
    named = wrong[:_NAMED_PROBLEMS]
    details = [refusal(FEATURES[k], cells.content(FEATURES[k], columns[k], row)) for k in named]
    if len(wrong) > len(named):
        details.append(f"and {len(wrong) - len(named)} more")
    return "; ".join(details)


def _read_parquet(path: Path) -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            if file.metadata.num_rows == 0:
                yield pa.RecordBatch.from_pylist([], schema=file.schema_arrow)
            yield from file.iter_batches(batch_size=BATCH_ROWS)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise UnreadableTableError(path, str(error)) from error
