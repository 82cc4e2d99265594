"""Rows as CSV (RFC 4180, UTF-8, newline ends a row): quotes where a value needs them, nothing for null."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from pricerange.errors import ColumnTypeError


@dataclass(frozen=True, slots=True)
class CsvText:
    """Rows, each with its newline, and the names of their columns."""

    names: list[str]
    rows: pa.Buffer

    def header(self) -> bytes:
        """Return the first line of a file of such rows."""
        names: bytes = _text([_quoted(pa.array([name], pa.string())) for name in self.names]).to_pybytes()
        return names


def written(batch: pa.RecordBatch) -> CsvText:
    """Write n rows. Raises `ColumnTypeError`."""
    columns = [
        _writable(name, column) for name, column in zip(batch.schema.names, batch.columns, strict=True)
    ]
    try:
        rows = _unquoted(columns)
    except pa.ArrowInvalid:  # a value needs quotes: Arrow would quote every text
        rows = _text([_cells(column) for column in columns])
    return CsvText(batch.schema.names, rows)


def continued(lines: pa.StringArray, names: list[str], batch: pa.RecordBatch) -> CsvText:
    """Append cells to n lines that are CSV rows already; `names` are those of all columns."""
    return CsvText(names, _text([lines, *(_cells(column) for column in batch.columns)]))


def _unquoted(columns: list[pa.Array]) -> pa.Buffer:
    """Return the rows' text; raises `ArrowInvalid` where a value needs quotes."""
    rows = pa.RecordBatch.from_arrays(columns, names=[""] * len(columns))
    text = pa.BufferOutputStream()
    csv.write_csv(rows, text, csv.WriteOptions(include_header=False, quoting_style="none"))
    return text.getvalue()


def _text(cells: Sequence[pa.StringArray]) -> pa.Buffer:
    """Return the text of rows, each column's n cells given as they are to stand there."""
    if not len(cells[0]):
        return pa.py_buffer(b"")
    separated = [cells[0]]
    for column in cells[1:]:
        separated += [",", column]
    rows = pc.binary_join_element_wise(*separated, "\n", "")
    _, offsets, text = rows.buffers()
    ends = memoryview(offsets).cast("i")
    return text.slice(ends[rows.offset], ends[rows.offset + len(rows)] - ends[rows.offset])


def _cells(column: pa.Array) -> pa.StringArray:
    """Return a column's cells as they stand in a file."""
    text = pc.fill_null(column.cast(pa.string()), "")
    return _quoted(text) if pa.types.is_string(column.type) else text


def _quoted(texts: pa.StringArray) -> pa.StringArray:
    needed = pc.match_substring_regex(texts, '[",\\r\\n]')
    if not pc.any(needed).as_py():
        return texts
    inside = pc.replace_substring(texts, '"', '""')
    return pc.if_else(needed, pc.binary_join_element_wise('"', inside, '"', ""), texts)


def _writable(name: str, column: pa.Array) -> pa.Array:
    """Return a column that Arrow's CSV writer takes; it takes text, truth values and numbers as they are."""
    kind = column.type
    types = pa.types
    if types.is_string(kind):
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            raise ColumnTypeError(name, "string, with bytes that are not UTF-8") from error
    if types.is_string(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
        return column
    try:
        return column.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
        raise ColumnTypeError(name, str(kind)) from error
