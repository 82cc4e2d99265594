"""Where a stream of batches ends: a CSV or a Parquet file, begun with the first batch."""

from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from pricerange.errors import ColumnTypeError
from pricerange.table import Format

ROW_GROUP_ROWS = 1 << 17
"""Rows of a Parquet row group: enough for a reader to skip through, few enough to hold in memory."""


class Sink(Protocol):
    """A file that takes batches of one schema. Without a batch there is no file."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Append the rows."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def sink(path: Path, form: Format, plain: frozenset[str] = frozenset()) -> Sink:
    """Return the sink of a format; `plain` names columns of distinct values, not worth a dictionary."""
    return CsvSink(path) if form == "csv" else ParquetSink(path, plain)


class CsvSink:
    """CSV (RFC 4180, UTF-8, newline ends a row): quotes only where a value needs them, nothing for null."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def write(self, batch: pa.RecordBatch) -> None:
        """Append the rows; the header before the first. Raises `ColumnTypeError`."""
        if self._file is None:
            self._file = self._path.open("xb")
            names = pa.array(batch.schema.names, pa.string())
            self._file.write(b",".join(_quoted(names).cast(pa.binary()).to_pylist()) + b"\n")
        columns = [_writable(name, batch.column(k)) for k, name in enumerate(batch.schema.names)]
        try:
            self._file.write(_unquoted_rows(columns))
        except pa.ArrowInvalid:
            self._file.write(_quoted_rows(columns))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


class ParquetSink:
    """Parquet, in row groups of at least `ROW_GROUP_ROWS` rows but for the last."""

    def __init__(self, path: Path, plain: frozenset[str]) -> None:
        self._path = path
        self._plain = plain
        self._pending: list[pa.RecordBatch] = []
        self._writer: parquet.ParquetWriter | None = None

    def write(self, batch: pa.RecordBatch) -> None:
        """Append the rows."""
        if self._writer is None:
            repetitive = [name for name in batch.schema.names if name not in self._plain]
            self._writer = parquet.ParquetWriter(self._path, batch.schema, use_dictionary=repetitive)
        self._pending.append(batch)
        if sum(map(len, self._pending)) >= ROW_GROUP_ROWS:
            self._write_pending()

    def _write_pending(self) -> None:
        if self._writer is not None:
            self._writer.write_table(pa.Table.from_batches(self._pending, self._writer.schema))
            self._pending.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._writer is None:
            return
        try:
            if kind is None and self._pending:
                self._write_pending()
        finally:
            self._writer.close()


def _writable(name: str, column: pa.Array) -> pa.Array:
    """Return a column that Arrow's CSV writer takes; it takes text, truth values and numbers as they are."""
    kind = column.type
    types = pa.types
    if types.is_string(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
        return column
    try:
        return column.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
        raise ColumnTypeError(name, str(kind)) from error


def _unquoted_rows(columns: list[pa.Array]) -> pa.Buffer:
    """Return the rows' text; raises `ArrowInvalid` where a value needs quotes."""
    rows = pa.RecordBatch.from_arrays(columns, names=[""] * len(columns))
    text = pa.BufferOutputStream()
    csv.write_csv(rows, text, csv.WriteOptions(include_header=False, quoting_style="none"))
    return text.getvalue()


def _quoted_rows(columns: list[pa.Array]) -> bytes:
    """Return the rows' text with quotes where they are needed: Arrow itself would quote every text."""
    cells = [pc.fill_null(_quoted(column.cast(pa.string())), "") for column in columns]
    rows = pc.binary_join_element_wise(*cells, ",").cast(pa.binary())
    return b"".join(row + b"\n" for row in rows.to_pylist())


def _quoted(texts: pa.Array) -> pa.Array:
    inside = pc.replace_substring(texts, '"', '""')
    quoted = pc.binary_join_element_wise('"', inside, '"', "")
    return pc.if_else(pc.match_substring_regex(texts, '[",\r\n]'), quoted, texts)
