"""How many bytes rows take once all of their cells are spelled out, found without spelling them out.

A dictionary, a run, a view or a list may store once what many rows hold: what they become when they are cast,
filtered or written has to be known before.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from pricerange.tables.errors import BrokenBlockError

BLOCK_BYTES = 1 << 22
"""Bytes of a block of Parquet or Arrow, as many as 16,384 rows of 32 doubles have; no row is longer.

Of each core some eight blocks are in memory at a time, and what is written of each is about as large.
"""
_LEAST = 8
"""Bytes of any cell: a number as text, a length, a validity bit, and what parts them from the next."""

_TYPES_OF_ONE_LENGTH = (
    *(pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32()),
    *(pa.uint64(), pa.float16(), pa.float32(), pa.float64(), pa.date32(), pa.date64(), pa.time32("s")),
    *(pa.time64("us"), pa.timestamp("s"), pa.duration("s"), pa.month_day_nano_interval()),
)
FIXED_BYTES: dict[int, int] = {kind.id: max(_LEAST, kind.bit_width // 8) for kind in _TYPES_OF_ONE_LENGTH}
"""Bytes of a cell by the id of its type, where all have the same and are stored as what they are."""

_Bytes: TypeAlias = "int | npt.NDArray[np.int64]"
"""Bytes of each of n cells, one number where all have the same."""


def cut(batch: pa.RecordBatch, rows: int) -> Iterator[pa.RecordBatch]:
    """Cut a batch into blocks of at most so many rows and `BLOCK_BYTES`; one without rows stays one.

    Where depends on the rows alone. Raises `BrokenBlockError` for a longer row, after those before it.
    """
    for first in range(0, max(batch.num_rows, 1), rows):
        piece = batch.slice(first, rows)
        each = _row_bytes(piece)
        if isinstance(each, int) and each * piece.num_rows <= BLOCK_BYTES:
            yield piece
            continue
        ends = np.cumsum(np.broadcast_to(np.asarray(each, np.int64), piece.num_rows))
        start, before = 0, 0
        while start < len(ends):
            stop = int(np.searchsorted(ends, before + BLOCK_BYTES, "right"))
            if stop == start:
                reason = f"the row has {ends[start] - before} bytes, expected at most {BLOCK_BYTES}"
                raise BrokenBlockError(0, f"{reason}; `--columns` leaves columns out")
            yield piece.slice(start, stop - start)
            start, before = stop, int(ends[stop - 1])
        if not len(ends):
            yield piece


def size(batch: pa.RecordBatch) -> int:
    """Return the bytes of all rows."""
    each = _row_bytes(batch)
    return each * batch.num_rows if isinstance(each, int) else int(each.sum())


def _row_bytes(batch: pa.RecordBatch) -> _Bytes:
    """Return the bytes of each row."""
    total: _Bytes = 0
    # a table of numbers costs as little as can be: there may be thousands of files of a few rows
    for place, kind in enumerate(batch.schema.types):
        fixed = FIXED_BYTES.get(kind.id)
        total = total + (_cell_bytes(batch.column(place)) if fixed is None else fixed)
    return total


def _cell_bytes(array: pa.Array) -> _Bytes:  # noqa: PLR0911 - one for each way to store cells
    kind = array.type
    if kind.id in FIXED_BYTES:
        return FIXED_BYTES[kind.id]
    if isinstance(kind, pa.BaseExtensionType):
        return _cell_bytes(array.storage)
    if types.is_dictionary(kind):
        return _looked_up(array)
    if types.is_run_end_encoded(kind):
        return _repeated(array)
    if types.is_struct(kind):
        return sum((_cell_bytes(array.field(place)) for place in range(kind.num_fields)), _LEAST)
    if types.is_union(kind):
        return max(
            (int(np.max(_cell_bytes(array.field(k)), initial=_LEAST)) for k in range(kind.num_fields)),
            default=_LEAST,
        )
    if types.is_nested(kind):
        return _of_lists(array)
    if types.is_string_view(kind) or types.is_binary_view(kind):
        return _of_views(array)
    if _is_text(kind):
        lengths: npt.NDArray[np.int64] = pc.binary_length(array).fill_null(0).to_numpy().astype(np.int64)
        return lengths + _LEAST
    return _LEAST if types.is_null(kind) else max(_LEAST, kind.bit_width // 8)


def _is_text(kind: pa.DataType) -> bool:
    is_one: tuple[Callable[[pa.DataType], bool], ...] = (
        types.is_string,
        types.is_binary,
        types.is_large_string,
        types.is_large_binary,
    )
    return any(of_kind(kind) for of_kind in is_one)


def _looked_up(array: pa.DictionaryArray) -> _Bytes:
    values = _cell_bytes(array.dictionary)
    if isinstance(values, int) or not len(values):
        return values if isinstance(values, int) else _LEAST
    valid = array.indices.is_valid().to_numpy(zero_copy_only=False)
    return np.where(valid, values[array.indices.fill_null(0).to_numpy()], _LEAST)


def _repeated(array: pa.RunEndEncodedArray) -> _Bytes:
    begin, count = array.find_physical_offset(), array.find_physical_length()
    values = _cell_bytes(array.values.slice(begin, count))
    if isinstance(values, int):
        return values
    ends = array.run_ends.to_numpy()[begin : begin + count].astype(np.int64) - array.offset
    return np.repeat(values, np.diff(ends.clip(max=len(array)), prepend=0))


def _of_views(array: pa.Array) -> _Bytes:
    if not len(array):
        return _LEAST
    # the first four of a view's 16 bytes tell its length
    views = np.frombuffer(array.buffers()[1], np.int32)[::4][array.offset : array.offset + len(array)]
    valid = array.is_valid().to_numpy(zero_copy_only=False)
    return np.where(valid, views, 0).astype(np.int64) + _LEAST


def _of_lists(array: pa.Array) -> _Bytes:
    kind = array.type
    if not len(array):
        return _LEAST
    if types.is_fixed_size_list(kind):
        width = int(kind.list_size)
        values = _cell_bytes(array.values.slice(array.offset * width, len(array) * width))
        if isinstance(values, int):
            return _LEAST + width * values
        sums: npt.NDArray[np.int64] = values.reshape(len(array), width).sum(axis=1) + _LEAST
        return sums
    offsets: npt.NDArray[np.int64] = array.offsets.to_numpy().astype(np.int64)
    if types.is_list_view(kind) or types.is_large_list_view(kind):
        begins, stops = offsets, offsets + array.sizes.to_numpy()
    else:
        begins, stops = offsets[:-1], offsets[1:]
    first = int(begins.min())
    values = _cell_bytes(array.values.slice(first, int(stops.max()) - first))
    lists: npt.NDArray[np.int64]
    if isinstance(values, int):
        lists = (stops - begins) * values
    else:
        ends = np.concatenate([[0], np.cumsum(values)])
        lists = ends[stops - first] - ends[begins - first]
    return lists + _LEAST
