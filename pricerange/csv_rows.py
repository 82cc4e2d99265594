"""A block of CSV rows as columns: of text, or straight of numbers; and where such a block is broken."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pricerange.csv_blocks import ends_inside_quotes
from pricerange.errors import BrokenBlockError

if TYPE_CHECKING:
    import pyarrow as pa


def split_header(block: bytes) -> tuple[list[str], bytes]:
    """Return the names in the first row that is not blank, none where all are, and the rows after it.

    Raises `BrokenBlockError` without a row where no header can be read.
    """
    lines = io.BytesIO(block)
    try:
        header = next(_rows(lines), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise BrokenBlockError(None, f"no UTF-8 text in CSV form: {error}") from error
    return header, block[lines.tell() :]


def parse(block: bytes, header: Sequence[str]) -> "pa.RecordBatch":
    """Return a block's n rows as n x columns of text, as it stands there; blank lines are no rows.

    Raises `BrokenBlockError` for the first row that is not UTF-8 or has not as many cells as the header.
    """
    import pyarrow as pa

    try:
        columns = _columns(block, len(header), range(len(header)), pa.string())
    except pa.ArrowInvalid as error:
        raise _first_fault(block, len(header)) or BrokenBlockError(None, str(error)) from error
    if ends_inside_quotes(block):
        raise BrokenBlockError(len(columns[0]) - 1, "a quote is never closed")
    return pa.RecordBatch.from_arrays(columns, names=list(header))


def doubles(block: bytes, width: int, wanted: Sequence[int]) -> npt.NDArray[np.float64] | None:
    """Return the wanted ones of `width` columns as float64 [n, wanted], where all their cells are numbers.

    A text becomes the double nearest to it, also `nan` and `inf`. None where a cell is no number and where
    the block is broken: then `parse` tells.
    """
    import pyarrow as pa

    if not _is_utf8(block) or ends_inside_quotes(block):
        return None
    try:
        columns = _columns(block, width, wanted, pa.float64())
    except pa.ArrowInvalid:
        return None
    values = np.empty((len(wanted), len(columns[0])))
    for place, column in enumerate(columns):
        values[place] = column.to_numpy()
    return values.T


def _columns(block: bytes, width: int, wanted: Sequence[int], kind: "pa.DataType") -> "list[pa.Array]":
    """Let Arrow read a block's columns as of one type. Raises `ArrowInvalid`."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    if not block.strip(b"\r\n"):
        return [pa.array([], kind)] * len(wanted)
    names = [str(place) for place in range(width)]
    of_interest = [names[place] for place in wanted]
    # in less time than `read_csv`, which begins with a thread
    with arrow_csv.open_csv(
        pa.BufferReader(block),
        # all of it in one block: where it is cut is decided before
        arrow_csv.ReadOptions(column_names=names, block_size=len(block) + 1, use_threads=False),
        arrow_csv.ParseOptions(newlines_in_values=True),
        arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(of_interest, kind), include_columns=of_interest, null_values=[]
        ),
    ) as reader:
        columns: list[pa.Array] = reader.read_next_batch().columns
    return columns


def _is_utf8(block: bytes) -> bool:
    try:
        return block.isascii() or bool(block.decode())
    except UnicodeDecodeError:
        return False


def _first_fault(block: bytes, width: int) -> BrokenBlockError | None:
    """Find the row that stopped Arrow, which names none: read the block again, slowly."""
    number = -1
    try:
        for number, cells in enumerate(_rows(io.BytesIO(block))):
            if len(cells) != width:
                return BrokenBlockError(number, f"expected {width} cells, found {len(cells)}")
    except UnicodeDecodeError as error:
        return BrokenBlockError(number + 1, f"not UTF-8: the byte 0x{error.object[error.start]:02x}")
    except csv.Error as error:
        return BrokenBlockError(number + 1, f"{error}; is a quote never closed?")
    return None


def _rows(lines: io.BytesIO) -> Iterator[list[str]]:
    """Yield the rows that are not blank, and take no line more than they have."""
    for cells in csv.reader(line.decode() for line in lines):
        if cells:
            yield cells
