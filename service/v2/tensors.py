"""The tensor of phones, a row each, as JSON numbers."""

import math
import struct
from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from pricerange.phone import FEATURES
from service.errors import InferenceInputError
from service.open_inference.tensors import COLUMNS, INPUT, refuse_inadmissible
from service.v2.messages import InputTensor

_DATA = "/inputs/0/data"
_ROW = struct.Struct(f"{COLUMNS}d")


def rows_from_numbers(
    data: object, count: int, text: bytes, *, unknown: bool = False
) -> npt.NDArray[np.float32]:
    """Read n rows of JSON numbers, nested or flat; `text` is the JSON that they came in.

    Features may be `unknown`, null and read as NaN, where that is asked for. Raises `InferenceInputError`.
    """
    if not isinstance(data, list):
        raise InferenceInputError.expected(INPUT, "a list of numbers", kind_of(data), _DATA)
    nested = bool(data) and isinstance(data[0], list)
    if unknown:
        data = [with_nan(row) if isinstance(row, list) else row for row in data] if nested else with_nan(data)
    try:
        packed = _pack_rows(data, count) if nested else struct.Struct(f"{count * COLUMNS}d").pack(*data)
    except (struct.error, TypeError):
        _refuse_shape(data, count, nested)
        _refuse_other_than_numbers(data, nested)
        raise
    # struct takes true for 1, and to ask every number for its type costs as much as to pack them all;
    # from the end it is searched in half the time
    if max(text.rfind(b"true"), text.rfind(b"false")) >= 0 and bool in _types(data, nested):
        _refuse_other_than_numbers(data, nested)
    values = np.frombuffer(packed).reshape(count, COLUMNS)
    refuse_inadmissible(values, partial(_place, nested), unknown=unknown)
    return values.astype(np.float32)


def with_nan(data: list[Any]) -> list[Any]:
    """Return JSON values with NaN in place of null."""
    return [math.nan if value is None else value for value in data]


def _pack_rows(data: list[Any], count: int) -> bytes:
    if len(data) != count:
        raise TypeError
    return b"".join([_ROW.pack(*row) for row in data])


def bytes_behind(tensor: InputTensor, size: int, pointer: str) -> int:
    """Return how many bytes behind the JSON object are a tensor's: all its `size`, or none.

    Raises `InferenceInputError` where it has neither data nor bytes, both, or another number of bytes.
    """
    announced = tensor.parameters.binary_data_size if tensor.parameters else None
    name = tensor.name[:40]
    if (announced is None) == (tensor.data is None):
        found = "neither" if announced is None else "both"
        raise InferenceInputError.expected(name, "either data or binary_data_size", found, pointer)
    if announced is not None and announced != size:
        expected = f"{size} bytes for the shape {tensor.shape}"
        place = f"{pointer}/parameters/binary_data_size"
        raise InferenceInputError.expected("binary_data_size", expected, announced, place)
    return announced or 0


def _refuse_shape(data: list[Any], count: int, nested: bool) -> None:
    length, unit = (count, "rows") if nested else (count * COLUMNS, "numbers")
    if len(data) != length:
        expected = f"{length} {unit} for the shape [{count}, {COLUMNS}]"
        raise InferenceInputError.expected(INPUT, expected, len(data), _DATA)
    for index, row in enumerate(data if nested else ()):
        found = len(row) if isinstance(row, list) else kind_of(row)
        if found != COLUMNS:
            raise InferenceInputError.expected(
                f"row {index + 1}", f"{COLUMNS} numbers", found, f"{_DATA}/{index}"
            )


def _refuse_other_than_numbers(data: list[Any], nested: bool) -> None:
    """Name the first value that is not a number; the shape is right."""
    for row, column, value in _cells(data, nested):
        if type(value) not in (int, float):
            name = f"row {row + 1}: {FEATURES[column].name}"
            raise InferenceInputError.expected(
                name, "a JSON number", kind_of(value), _place(nested, row, column)
            )


def _types(data: list[Any], nested: bool) -> set[type]:
    return set(map(type, chain.from_iterable(data) if nested else data))


def _cells(data: list[Any], nested: bool) -> Iterator[tuple[int, int, object]]:
    if nested:
        return (
            (row, column, value) for row, values in enumerate(data) for column, value in enumerate(values)
        )
    return ((*divmod(index, COLUMNS), value) for index, value in enumerate(data))


def _place(nested: bool, row: int, column: int) -> str:
    return f"{_DATA}/{row}/{column}" if nested else f"{_DATA}/{row * COLUMNS + column}"


def kind_of(value: object) -> str:
    """Name a JSON value that is not a number."""
    words: dict[type, str] = {str: "a string", list: "a list", dict: "an object", bool: str(value).lower()}
    return words.get(type(value), "a number" if value is not None else "null")
