"""Where a stream of rows ends: a file of CSV, NDJSON or Parquet, begun with the first of them."""

import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypeAlias

import pyarrow as pa
from pyarrow import parquet

from pricerange.answer.columns import PROBABILITIES
from pricerange.errors import ColumnTypeError
from pricerange.tables import expanded
from pricerange.tables.renamed import distinct
from scoring.errors import ColumnsDifferError
from scoring.target import csv_text, json_text
from scoring.target.csv_text import CsvText
from scoring.target.json_text import JsonText

Form = Literal["csv", "ndjson", "parquet"]
_TEXTS: dict[str, Form] = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}
_CODECS = {"": None, ".gz": "gzip", ".zst": "zstd"}
FILES: dict[str, tuple[Form, str | None]] = {
    **{ending + end: (form, codec) for ending, form in _TEXTS.items() for end, codec in _CODECS.items()},
    ".parquet": ("parquet", None),
}
"""How names of files end that a sink can write: their form, and the compression of a text."""

Encoded: TypeAlias = "pa.RecordBatch | CsvText | JsonText"

Begin: TypeAlias = Callable[[], pa.NativeFile]
"""Opens the file of a sink, which closes it."""

ROW_GROUP_ROWS = 1 << 17
"""Rows of a Parquet row group: enough for a reader to skip through, few enough to hold in memory."""
ROW_GROUP_BYTES = 1 << 26
"""Bytes of a row group, spelled out, where its rows are long: twice those of as many phones."""


class Sink(Protocol):
    """A file that takes rows of the same columns. Without any there is no file."""

    def write(self, rows: Any) -> None:
        """Append rows, as `encoded` makes them for this form. Raises `ColumnsDifferError`."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def encoded(batch: pa.RecordBatch, form: Form) -> Encoded:
    """Return rows as a sink of that form takes them: work that needs no order, and may be done anywhere."""
    match form:
        case "csv":
            return csv_text.written(batch)
        case "ndjson":
            return json_text.written(batch)
        case "parquet":
            return batch


def sink(begin: Begin, form: Form, compression: str | None = None) -> Sink:
    """Return the sink of a form; `compression` is that of a text."""
    match form:
        case "csv":
            return CsvSink(begin, compression)
        case "ndjson":
            return NdjsonSink(begin, compression)
        case "parquet":
            return ParquetSink(begin)


def file_form(name: str) -> tuple[Form, str | None] | None:
    """Return the form and the compression that a file's name tells by its end, None where it tells none."""
    lower = name.lower()
    return next((found for ending, found in FILES.items() if lower.endswith(ending)), None)


class CsvSink:
    """A CSV file with a header."""

    def __init__(self, begin: Begin, compression: str | None = None) -> None:
        self._begin = begin
        self._compression = compression
        self._names: list[str] = []
        self._file: pa.NativeFile | None = None

    def write(self, rows: CsvText) -> None:
        """Append the rows; the header before the first."""
        if self._file is None:
            self._file = _begun(self._begin, self._compression)
            self._names = rows.names
            self._file.write(rows.header())
        if rows.names != self._names:
            raise ColumnsDifferError(self._names, rows.names)
        self._file.write(rows.rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


class NdjsonSink:
    """An NDJSON file; its rows may have different fields."""

    def __init__(self, begin: Begin, compression: str | None = None) -> None:
        self._begin = begin
        self._compression = compression
        self._file: pa.NativeFile | None = None

    def write(self, rows: JsonText) -> None:
        """Append the rows."""
        if self._file is None:
            self._file = _begun(self._begin, self._compression)
            _say_renamed("NDJSON", rows.names, distinct(rows.names))
        self._file.write(rows.rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def _begun(begin: Begin, compression: str | None) -> pa.NativeFile:
    file = begin()
    return pa.CompressedOutputStream(file, compression) if compression else file


class ParquetSink:
    """Parquet, in row groups of at least `ROW_GROUP_ROWS` rows or `ROW_GROUP_BYTES` but for the last."""

    def __init__(self, begin: Begin) -> None:
        self._begin = begin
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = self._pending_bytes = 0
        self._file: pa.NativeFile | None = None
        self._writer: parquet.ParquetWriter | None = None

    def write(self, rows: pa.RecordBatch) -> None:
        """Append the rows; columns whose names are empty, or there twice, get others."""
        names = rows.schema.names
        rows = _renamed(rows, distinct(names))
        if self._writer is None:
            _say_renamed("Parquet", names, rows.schema.names)
            # probabilities hardly repeat: a dictionary of them costs time and saves nothing
            repetitive = [name for name in rows.schema.names if name not in PROBABILITIES]
            _require_writable(rows.schema)
            self._file = self._begin()
            self._writer = parquet.ParquetWriter(self._file, rows.schema, use_dictionary=repetitive)
        if not rows.schema.equals(self._writer.schema):
            raise ColumnsDifferError(_described(self._writer.schema), _described(rows.schema))
        self._pending.append(rows)
        self._pending_rows += rows.num_rows
        self._pending_bytes += expanded.size(rows)
        if self._pending_rows >= ROW_GROUP_ROWS or self._pending_bytes >= ROW_GROUP_BYTES:
            self._write_pending()

    def _write_pending(self) -> None:
        if self._writer is not None and self._pending:
            self._writer.write_table(pa.Table.from_batches(self._pending, self._writer.schema))
            self._pending.clear()
            self._pending_rows = self._pending_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._file is None:
            return
        try:
            if kind is None and self._writer is not None:
                self._write_pending()
                self._writer.close()
        finally:
            # without its footer, a file that was cut short is none: a stream's reader would take it for whole
            self._file.close()
            if self._writer is not None:
                with suppress(OSError, ValueError):
                    self._writer.close()


def _renamed(rows: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
    fields = [field.with_name(name) for field, name in zip(rows.schema, names, strict=True)]
    return pa.RecordBatch.from_arrays(rows.columns, schema=pa.schema(fields, rows.schema.metadata))


def _say_renamed(form: str, names: Sequence[str], new: Sequence[str]) -> None:
    changed = [
        f"{place} ({name!r}) as {other}"
        for place, (name, other) in enumerate(zip(names, new, strict=True), 1)
        if name != other
    ]
    if changed:
        warnings.warn(
            f"{form} needs a name of its own for each column: column {', column '.join(changed)}",
            stacklevel=2,
        )


def _require_writable(schema: pa.Schema) -> None:
    """Raise `ColumnTypeError` where a Parquet file cannot hold a column."""
    for field in schema:
        empty = pa.record_batch([pa.nulls(0, field.type)], schema=pa.schema([field]))
        file = pa.BufferOutputStream()
        try:
            parquet.write_table(pa.Table.from_batches([empty]), file)
            parquet.ParquetFile(pa.BufferReader(file.getvalue())).read()
        except pa.ArrowException as error:
            raise ColumnTypeError(field.name, str(field.type), "Parquet") from error


def _described(schema: pa.Schema) -> list[str]:
    return [f"{field.name} ({field.type}{'' if field.nullable else ' not null'})" for field in schema]
