"""A table whose columns come as JSON numbers, or as bytes behind the JSON object."""

import struct
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from pricerange.phone import FEATURE_NAMES
from service.errors import InferenceInputError
from service.open_inference.columns import places_of_features, values_of_columns
from service.open_inference.tensors import refuse_inadmissible
from service.v2.messages import InputTensor
from service.v2.tensors import bytes_behind, kind_of, with_nan


def rows_from_columns(
    inputs: list[InputTensor], text: bytes, behind: bytes, max_rows: int, *, unknown: bool = False
) -> npt.NDArray[np.float32]:
    """Read n rows of inputs [n] or [n, 1], in any order; `text` is their JSON, `behind` what follows it.

    Features may be `unknown`, null or NaN, where that is asked for.

    Raises `InferenceInputError` or `TooManyRowsError`.
    """
    begin = 0

    def read(index: int, dtype: np.dtype[np.number], count: int) -> npt.NDArray[Any]:
        nonlocal begin
        column, pointer = inputs[index], f"/inputs/{index}"
        size = bytes_behind(column, count * dtype.itemsize, pointer)
        begin += size
        if column.data is not None:
            return _numbers(column, count, text, pointer, unknown)
        if begin <= len(behind):
            return np.frombuffer(behind, dtype, count, begin - size)
        return np.zeros(count)  # too few bytes, which is said of all columns together

    values = values_of_columns(inputs, read, max_rows)
    if begin != len(behind):
        raise InferenceInputError.expected("after the JSON object", f"{begin} bytes", len(behind))
    places = places_of_features(inputs)

    def place(row: int, feature: int) -> str:
        index = places[FEATURE_NAMES[feature]]
        return f"/inputs/{index}" + (f"/data/{row}" if inputs[index].data is not None else "")

    refuse_inadmissible(values, place, unknown=unknown)
    return values.astype(np.float32)


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
