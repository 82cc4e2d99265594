"""Phones as a table, an input for each feature: as clients send a data frame (MLServer's PandasCodec)."""

import struct
from itertools import chain

import numpy as np
import numpy.typing as npt

from pricerange.phone import FEATURE_NAMES
from service.errors import InferenceInputError, TooManyRowsError
from service.v2.messages import InputTensor
from service.v2.tensors import COLUMNS, INPUT, bytes_behind, kind_of, refuse_inadmissible, with_nan

_TYPES = {
    **{"FP32": "<f4", "FP64": "<f8"},
    **{"INT8": "<i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8"},
    **{"UINT8": "<u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8"},
}
"""What a column may be made of, as NumPy names it: those of a data frame's numbers."""


def rows_from_columns(
    inputs: list[InputTensor], text: bytes, behind: bytes, max_rows: int, *, unknown: bool = False
) -> npt.NDArray[np.float32]:
    """Read n rows of inputs [n] or [n, 1], in any order; `text` is their JSON, `behind` what follows it.

    Features may be `unknown`, null or NaN, where that is asked for.

    Raises `InferenceInputError` or `TooManyRowsError`.
    """
    places = _places(inputs)
    count = _row_count(inputs)
    if count > max_rows:
        raise TooManyRowsError(max_rows)
    values = np.empty((count, COLUMNS))
    begin = 0
    for index, column in enumerate(inputs):
        pointer = f"/inputs/{index}"
        dtype = _dtype(column, pointer)
        size = bytes_behind(column, count * dtype.itemsize, pointer)
        if column.data is not None:
            numbers = _numbers(column, count, text, pointer, unknown)
        elif begin + size <= len(behind):
            numbers = np.frombuffer(behind, dtype, count, begin)
        else:
            numbers = np.zeros(count)  # too few bytes, which is said of all columns together
        values[:, FEATURE_NAMES.index(column.name)] = numbers
        begin += size
    if begin != len(behind):
        raise InferenceInputError.expected("after the JSON object", f"{begin} bytes", len(behind))

    def place(row: int, feature: int) -> str:
        index = places[FEATURE_NAMES[feature]]
        return f"/inputs/{index}" + (f"/data/{row}" if inputs[index].data is not None else "")

    refuse_inadmissible(values, place, unknown=unknown)
    return values.astype(np.float32)


def _places(inputs: list[InputTensor]) -> dict[str, int]:
    """Return which input each feature is."""
    places = {column.name: index for index, column in enumerate(inputs)}
    if len(inputs) != COLUMNS or places.keys() != set(FEATURE_NAMES):
        names = sorted((column.name[:40] for column in inputs), key=FEATURE_NAMES.__contains__)
        found = f"{len(inputs)}: {', '.join(names[:4])}"
        expected = f"one named {INPUT} of the shape [n, {COLUMNS}], or one for each of the {COLUMNS} features"
        raise InferenceInputError.expected("inputs", expected, found, "/inputs")
    return places


def _row_count(inputs: list[InputTensor]) -> int:
    count = inputs[0].shape[0] if inputs[0].shape else 0
    for index, column in enumerate(inputs):
        if column.shape not in ([count], [count, 1]) or count < 0:
            expected = f"[{count}] or [{count}, 1]" if index else "[n] or [n, 1]"
            found = str(column.shape)[:100]
            pointer = f"/inputs/{index}/shape"
            raise InferenceInputError.expected(f"shape of {column.name}", expected, found, pointer)
    return count


def _dtype(column: InputTensor, pointer: str) -> np.dtype[np.number]:
    name = _TYPES.get(column.datatype)
    if name is None:
        found = repr(column.datatype[:40])
        expected = f"one of {', '.join(_TYPES)}"
        raise InferenceInputError.expected(
            f"datatype of {column.name}", expected, found, f"{pointer}/datatype"
        )
    return np.dtype(name)


def _numbers(
    column: InputTensor, count: int, text: bytes, pointer: str, unknown: bool
) -> npt.NDArray[np.float64]:
    """Read n JSON numbers, flat or each in a list of its own; as in `features` they are what is written."""
    data = column.data
    if not isinstance(data, list):
        raise InferenceInputError.expected(column.name, "a list of numbers", kind_of(data), f"{pointer}/data")
    if data and all(isinstance(cell, list) and len(cell) == 1 for cell in data):
        data = list(chain.from_iterable(data))
    if unknown:
        data = with_nan(data)
    if len(data) != count:
        expected = f"{count} numbers for the shape {column.shape}"
        raise InferenceInputError.expected(column.name, expected, len(data), f"{pointer}/data")
    try:
        packed = struct.Struct(f"{count}d").pack(*data)
    except (struct.error, TypeError):
        packed = None
    # struct takes true for 1
    if packed is None or ((b"true" in text or b"false" in text) and bool in set(map(type, data))):
        row = next(row for row, value in enumerate(data) if type(value) not in (int, float))
        raise InferenceInputError.expected(
            f"row {row + 1}: {column.name}", "a JSON number", kind_of(data[row]), f"{pointer}/data/{row}"
        )
    return np.frombuffer(packed)
