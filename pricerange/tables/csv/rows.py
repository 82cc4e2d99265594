"""A block of CSV rows as columns: of text, or straight of numbers; and where such a block is broken."""

import csv
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pricerange.foreign import named
from pricerange.tables.csv.blocks import ends_inside_quotes
from pricerange.tables.errors import BrokenBlockError

if TYPE_CHECKING:
    import pyarrow as pa

_OPEN_QUOTE = "a quote is not closed"
_LONG_CELL = f"a cell has more than {csv.field_size_limit()} characters; is a closing quote missing?"
_OTHER_MARKS = {";": "semicolons", "\t": "tabs"}
_MOST_QUOTED = 80
_SEPARATOR_LINES = (["sep=", ""], ["sep=,"])
"""A first line by which Excel is told that commas separate cells."""


def split_header(block: bytes) -> tuple[list[str], bytes]:
    """Return the names in the first row that is not blank, none where all are, and the rows after it.

    A line `sep=,` before them is passed over.

    Raises `BrokenBlockError` without a row where no header can be read.
    """
    if found := named(block):
        raise BrokenBlockError(None, f"it is no CSV: it is {found.what}, {found.file}")
    try:
        header, end = next((row for row in _rows(block) if row[0] not in _SEPARATOR_LINES), ([], len(block)))
    except UnicodeDecodeError as error:
        raise BrokenBlockError(None, f"not valid CSV in UTF-8: {error}") from error
    except csv.Error as error:
        raise BrokenBlockError(None, f"the header: {_LONG_CELL}") from error
    if ends_inside_quotes(block[:end]):
        raise BrokenBlockError(None, f"the header: {_OPEN_QUOTE}")
    for mark, name in _OTHER_MARKS.items():
        if len(header) == 1 and mark in header[0]:
            raise BrokenBlockError(None, f"columns must be separated by commas, but the header has {name}")
    return header, block[end:]


def parse(block: bytes, header: Sequence[str]) -> "pa.RecordBatch":
    """Return a block's n rows as n x columns of text, as it stands there; blank lines are not rows.

    Raises `BrokenBlockError` for the first row that is not UTF-8 or has not as many cells as the header.
    """
    import pyarrow as pa

    try:
        columns = _columns(block, len(header), dict.fromkeys(range(len(header)), pa.string()))
    except pa.ArrowInvalid as error:
        raise _first_fault(block, header) or BrokenBlockError(None, str(error)) from error
    if ends_inside_quotes(block):
        raise BrokenBlockError(len(columns[0]) - 1, _OPEN_QUOTE)
    return pa.RecordBatch.from_arrays(columns, names=list(header))


def doubles(block: bytes, width: int, wanted: Sequence[int]) -> npt.NDArray[np.float64] | None:
    """Return the wanted ones of `width` columns as float64 [n, wanted], where all their cells are numbers.

    A text becomes the double nearest to it, also `nan` and `inf`. None where a cell is not a number and where
    the block is broken: then `parse` tells.
    """
    import pyarrow as pa

    columns = _whole_columns(block, width, dict.fromkeys(wanted, pa.float64()))
    return None if columns is None else _side_by_side(columns)


def doubles_and_texts(
    block: bytes, width: int, wanted: Sequence[int], kept: Sequence[int]
) -> "tuple[npt.NDArray[np.float64], list[pa.Array]] | None":
    """Return some columns as `doubles` does, and others as text; None also where one column is to be both."""
    import pyarrow as pa

    kinds = dict.fromkeys(wanted, pa.float64()) | dict.fromkeys(kept, pa.string())
    columns = _whole_columns(block, width, kinds) if len(kinds) == len(wanted) + len(kept) else None
    if columns is None:
        return None
    return _side_by_side(columns[: len(wanted)]), columns[len(wanted) :]


def typed(block: bytes, header: Sequence[str], numbers: Container[str]) -> "pa.RecordBatch | None":
    """Return a block's n rows as n x columns, those called `numbers` as doubles and the others as text.

    None where `doubles` returns it.
    """
    import pyarrow as pa

    kinds = {place: pa.float64() if name in numbers else pa.string() for place, name in enumerate(header)}
    columns = _whole_columns(block, len(header), kinds)
    return None if columns is None else pa.RecordBatch.from_arrays(columns, names=list(header))


def _side_by_side(columns: "Sequence[pa.Array]") -> npt.NDArray[np.float64]:
    values = np.empty((len(columns), len(columns[0])))
    for place, column in enumerate(columns):
        values[place] = column.to_numpy()
    return values.T


def _whole_columns(block: bytes, width: int, kinds: "Mapping[int, pa.DataType]") -> "list[pa.Array] | None":
    """Read the columns, None where a cell is not of its column's type and where the block is broken."""
    import pyarrow as pa

    if not _is_utf8(block) or ends_inside_quotes(block):
        return None
    try:
        return _columns(block, width, kinds)
    except pa.ArrowInvalid:
        return None


def _columns(block: bytes, width: int, kinds: "Mapping[int, pa.DataType]") -> "list[pa.Array]":
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
        arrow_csv.ParseOptions(newlines_in_values=True),
        arrow_csv.ConvertOptions(column_types=types, include_columns=list(types), null_values=[]),
    ) as reader:
        columns: list[pa.Array] = reader.read_next_batch().columns
    return columns


def _is_utf8(block: bytes) -> bool:
    try:
        return block.isascii() or bool(block.decode())
    except UnicodeDecodeError:
        return False


def _first_fault(block: bytes, header: Sequence[str]) -> BrokenBlockError | None:
    """Find the row that stopped Arrow, which names none: read the block again, slowly."""
    number, width = -1, len(header)
    try:
        for number, (cells, end) in enumerate(_rows(block)):
            if len(cells) != width:
                cut = end == len(block) and ends_inside_quotes(block)
                found = f"expected {width} cells, found {len(cells)}"
                if 2 * width <= len(cells):
                    quoted = ",".join(header)[:_MOST_QUOTED]
                    found += f"; the header is {quoted!r}: the names of the columns must come first"
                return BrokenBlockError(number, _OPEN_QUOTE if cut else found)
    except UnicodeDecodeError as error:
        return BrokenBlockError(number + 1, f"not valid UTF-8: byte 0x{error.object[error.start]:02x}")
    except csv.Error:
        return BrokenBlockError(number + 1, _LONG_CELL)
    return None


def _rows(block: bytes) -> Iterator[tuple[list[str], int]]:
    """Yield the rows that are not blank, and where each ends."""
    end = 0

    def lines() -> Iterator[str]:
        nonlocal end
        for line in block.splitlines(keepends=True):
            end += len(line)
            yield line.decode()

    for cells in csv.reader(lines()):
        if cells:
            yield cells, end
