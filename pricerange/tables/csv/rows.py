"""A block of CSV rows as columns: of text, or straight of numbers; and where such a block is broken."""

import csv
from collections.abc import Container, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pricerange.tables.csv.dialect import PLAIN, Dialect
from pricerange.tables.csv.header import LONG_CELL, OPEN_QUOTE
from pricerange.tables.csv.text import cells_of_rows, ends_inside_quotes
from pricerange.tables.errors import BrokenBlockError

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_QUOTED = 80


def parse(block: bytes, header: Sequence[str], dialect: Dialect = PLAIN) -> "pa.RecordBatch":
    """Return a block's n rows as n x columns of text, as it stands there; blank lines are not rows.

    Raises `BrokenBlockError` for the first row that is not UTF-8 or has not as many cells as the header.
    """
    import pyarrow as pa

    try:
        columns = _columns(block, len(header), dict.fromkeys(range(len(header)), pa.string()), dialect)
    except pa.ArrowInvalid as error:
        raise _first_fault(block, header, dialect) or BrokenBlockError(None, str(error)) from error
    if ends_inside_quotes(block, dialect.delimiter):
        raise BrokenBlockError(len(columns[0]) - 1, OPEN_QUOTE)
    return pa.RecordBatch.from_arrays(columns, names=list(header))


def doubles(
    block: bytes, width: int, wanted: Sequence[int], dialect: Dialect = PLAIN
) -> npt.NDArray[np.float64] | None:
    """Return the wanted ones of `width` columns as float64 [n, wanted], where all their cells are numbers.

    A text becomes the double nearest to it, also `nan` and `inf`; one that stands for nothing becomes NaN.
    None where a cell is not a number, where Arrow cannot tell, and where the block is broken: then `parse`
    tells.
    """
    import pyarrow as pa

    columns = _whole_columns(block, width, dict.fromkeys(wanted, pa.float64()), dialect)
    return None if columns is None else _side_by_side(columns)


def doubles_and_texts(
    block: bytes, width: int, wanted: Sequence[int], kept: Sequence[int], dialect: Dialect = PLAIN
) -> "tuple[npt.NDArray[np.float64], list[pa.Array]] | None":
    """Return some columns as `doubles` does, and others as text; None also where one column is to be both."""
    import pyarrow as pa

    kinds = dict.fromkeys(wanted, pa.float64()) | dict.fromkeys(kept, pa.string())
    if len(kinds) < len(wanted) + len(kept):
        return None
    columns = _whole_columns(block, width, kinds, dialect)
    if columns is None:
        return None
    return _side_by_side(columns[: len(wanted)]), columns[len(wanted) :]


def typed(
    block: bytes, header: Sequence[str], numbers: Container[int], dialect: Dialect = PLAIN
) -> "pa.RecordBatch | None":
    """Return a block's n rows as n x columns, those at the places `numbers` as doubles, the others as text.

    None where `doubles` returns it.
    """
    import pyarrow as pa

    kinds = {place: pa.float64() if place in numbers else pa.string() for place in range(len(header))}
    columns = _whole_columns(block, len(header), kinds, dialect)
    return None if columns is None else pa.RecordBatch.from_arrays(columns, names=list(header))


def _side_by_side(columns: "Sequence[pa.Array]") -> npt.NDArray[np.float64]:
    values = np.empty((len(columns), len(columns[0])))
    for place, column in enumerate(columns):
        values[place] = column.to_numpy(zero_copy_only=False)
    return values.T


def _whole_columns(
    block: bytes, width: int, kinds: "Mapping[int, pa.DataType]", dialect: Dialect
) -> "list[pa.Array] | None":
    """Read the columns, None where a cell is not of its column's type and where the block is broken."""
    import pyarrow as pa

    if not dialect.is_known_to_arrow or not _is_utf8(block) or ends_inside_quotes(block, dialect.delimiter):
        return None
    try:
        return _columns(block, width, kinds, dialect)
    except pa.ArrowInvalid:
        return None


def _columns(
    block: bytes, width: int, kinds: "Mapping[int, pa.DataType]", dialect: Dialect
) -> "list[pa.Array]":
    """Let Arrow read some of a block's columns, each as of a type. Raises `ArrowInvalid`."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    if not block.strip(b"\r\n"):
        return [pa.array([], kind) for kind in kinds.values()]
    names = [str(place) for place in range(width)]
    types = {names[place]: kind for place, kind in kinds.items()}
    # in less time than `read_csv`, which begins with a thread
    with arrow_csv.open_csv(
        pa.BufferReader(block),
        # all of it in one block: where it is cut is decided before
        arrow_csv.ReadOptions(column_names=names, block_size=len(block) + 1, use_threads=False),
        arrow_csv.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=True),
        arrow_csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=dialect.null_values,
            decimal_point=dialect.decimal,
        ),
    ) as reader:
        columns: list[pa.Array] = reader.read_next_batch().columns
    return columns


def _is_utf8(block: bytes) -> bool:
    try:
        return block.isascii() or bool(block.decode())
    except UnicodeDecodeError:
        return False


def _first_fault(block: bytes, header: Sequence[str], dialect: Dialect) -> BrokenBlockError | None:
    """Find the row that stopped Arrow, which names none: read the block again, slowly."""
    number, width = -1, len(header)
    try:
        for number, (cells, end) in enumerate(cells_of_rows(block, dialect.delimiter)):
            if len(cells) != width:
                cut = end == len(block) and ends_inside_quotes(block, dialect.delimiter)
                found = f"expected {width} cells, found {len(cells)}"
                if 2 * width <= len(cells):
                    quoted = dialect.delimiter.join(header)[:_MOST_QUOTED]
                    found += f"; the header is {quoted!r}: the names of the columns must come first"
                return BrokenBlockError(number, OPEN_QUOTE if cut else found)
    except UnicodeDecodeError as error:
        return BrokenBlockError(number + 1, f"not valid UTF-8: byte 0x{error.object[error.start]:02x}")
    except csv.Error:
        return BrokenBlockError(number + 1, LONG_CELL)
    return None
