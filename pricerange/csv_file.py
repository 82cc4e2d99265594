"""A CSV file as a stream of batches of text, and where such a file is broken."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pricerange.errors import BrokenRowError, UnreadableTableError

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_BYTES = 1 << 20
"""Bytes of a block, some 16,000 phones; Arrow reads several ahead."""


def read(path: Path) -> "Iterator[pa.RecordBatch]":
    """Stream a CSV file (RFC 4180, UTF-8, with a header) in batches whose columns are all text.

    At least one batch comes, so that the columns are always known. Raises `UnreadableTableError`, or
    `BrokenRowError` with the first row that is not UTF-8 or has not as many cells as the header.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    header, has_rows = _look(path)
    schema = pa.schema([(name, pa.string()) for name in header])
    if not has_rows:
        yield pa.RecordBatch.from_pylist([], schema=schema)
        return
    try:
        reader = arrow_csv.open_csv(
            path,
            arrow_csv.ReadOptions(block_size=BLOCK_BYTES),
            arrow_csv.ParseOptions(newlines_in_values=True),
            arrow_csv.ConvertOptions(column_types=schema),
        )
        if reader.schema != schema:
            raise UnreadableTableError(path, f"its header reads as {reader.schema.names} and as {header}")
        rows, last_cell = 0, ""
        with reader:
            for batch in reader:
                yield batch
                if batch.num_rows:
                    rows += batch.num_rows
                    last_cell = batch.columns[-1][-1].as_py()
        if "\n" in last_cell and not _ends_with_quote(path):
            # Arrow lets a last cell take in the rest of the file
            raise BrokenRowError(path, rows, "a quote is never closed")
    except pa.ArrowInvalid as error:
        raise _first_fault(path) or UnreadableTableError(path, str(error)) from error


def estimated_rows(path: Path) -> int:
    """Return about how many rows a CSV file has, judged by the length of its first lines."""
    with path.open("rb") as file:
        sample = file.read(1 << 20)
    return path.stat().st_size * sample.count(b"\n") // max(len(sample), 1)


def _look(path: Path) -> tuple[list[str], bool]:
    """Return the header and whether a row follows it."""
    rows = _rows(path)
    try:
        header = next(rows, None)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableTableError(path, f"no UTF-8 text in CSV form: {error}") from error
    if header is None:
        raise UnreadableTableError(path, "it is empty, a header of column names was expected")
    try:
        return header, next(rows, None) is not None
    except (UnicodeDecodeError, csv.Error):
        # a broken row is a row
        return header, True


def _ends_with_quote(path: Path) -> bool:
    """Return whether a quote is all that stands before the line ends at the end of a file."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        return file.read().rstrip(b"\r\n").endswith(b'"')


def _first_fault(path: Path) -> BrokenRowError | None:
    """Find the row that stopped Arrow, which names none: read the file again, slowly."""
    rows = _rows(path)
    width = len(next(rows))
    number = 0
    try:
        for number, cells in enumerate(rows, start=1):
            if len(cells) != width:
                return BrokenRowError(path, number, f"expected {width} cells, found {len(cells)}")
    except UnicodeDecodeError as error:
        return BrokenRowError(path, number + 1, f"not UTF-8: the byte 0x{error.object[error.start]:02x}")
    except csv.Error as error:
        return BrokenRowError(path, number + 1, f"{error}; is a quote never closed?")
    return None


def _rows(path: Path) -> Iterator[list[str]]:
    """Yield the rows that are not blank, header first."""
    with path.open("rb") as file:
        start = file.read(3)
        file.seek(len(start) if start == b"\xef\xbb\xbf" else 0)
        for cells in csv.reader(line.decode() for line in file):
            if cells:
                yield cells
