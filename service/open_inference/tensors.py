"""The tensor of phones, a row each: bytes and values to checked rows."""

import sys
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pricerange.phone import FEATURES, Problem, admissible, admissible_or_unknown, refusal
from service.errors import MOST_PROBLEMS, InferenceInputError, TooManyRowsError

COLUMNS = len(FEATURES)
ROW_BYTES = 4 * COLUMNS

INPUT = "features"

TYPES = {
    **{"FP32": "<f4", "FP64": "<f8"},
    **{"INT8": "<i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8"},
    **{"UINT8": "<u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8"},
}
"""What an input may be made of, as NumPy names it: the types of a data frame's numbers."""


_IS_LITTLE = sys.byteorder == "little"
_DATATYPES: dict[np.dtype[Any], str] = {
    np.dtype(np.float32): "FP32",
    np.dtype(np.int64): "INT64",
    np.dtype(np.bool_): "BOOL",
}


class Tensor(Protocol):
    """A tensor that is sent, as far as what it says of itself goes."""

    @property
    def name(self) -> str:
        """Return its name."""

    @property
    def datatype(self) -> str:
        """Return the protocol's name of what it is made of."""

    @property
    def shape(self) -> Sequence[int]:
        """Return its shape, as it was sent."""


def require_type(tensor: Tensor, types: Sequence[str], pointer: str) -> np.dtype[np.number]:
    """Return what a tensor is made of. Raises `InferenceInputError` where that is none of the `types`."""
    if tensor.datatype not in types:
        found = repr(tensor.datatype[:40])
        expected = types[0] if len(types) == 1 else f"one of {', '.join(types)}"
        raise InferenceInputError.expected(
            f"datatype of {tensor.name[:40]}", expected, found, f"{pointer}/datatype"
        )
    return np.dtype(TYPES[tensor.datatype])


def row_count(features: Tensor, types: Sequence[str], max_rows: int) -> int:
    """Return n of the one input `features` [n, 20].

    Raises `InferenceInputError` for any other, and `TooManyRowsError`.
    """
    if features.name != INPUT:
        raise InferenceInputError.expected("input", INPUT, repr(features.name[:40]), "/inputs/0/name")
    require_type(features, types, "/inputs/0")
    shape = features.shape
    if len(shape) != 2 or shape[0] < 0 or shape[1] != COLUMNS:
        found = str(list(shape))[:100]
        raise InferenceInputError.expected("shape of features", f"[n, {COLUMNS}]", found, "/inputs/0/shape")
    count = shape[0]
    if count > max_rows:
        raise TooManyRowsError(max_rows)
    return count


def rows_from_bytes(data: bytes, *, unknown: bool = False) -> npt.NDArray[np.float32]:
    """Read rows of little-endian float32, NaN perhaps for `unknown`. Raises `InferenceInputError`."""
    values = unchecked_rows(data)
    require_phones(values, unknown=unknown)
    return values


def unchecked_rows(data: bytes) -> npt.NDArray[np.float32]:
    """Take bytes for rows of little-endian float32."""
    return np.frombuffer(data, "<f4").reshape(-1, COLUMNS)


def require_phones(values: npt.NDArray[np.float32], *, unknown: bool = False) -> None:
    """Raise `InferenceInputError` where rows float32 [n, 20] of bytes are not phones."""
    refuse_inadmissible(values, lambda row, column: "/inputs/0", unknown=unknown)


def refuse_inadmissible(
    values: npt.NDArray[Any], place: Callable[[int, int], str], *, unknown: bool = False
) -> None:
    """Raise `InferenceInputError` where values [n, 20] are not phones; `place` points to one of them.

    NaN is refused unless features may be `unknown`.
    """
    verdict = (admissible_or_unknown if unknown else admissible)(values)
    if verdict.all():
        return
    bad = np.argwhere(~verdict)
    problems = []
    for row, column in bad[:MOST_PROBLEMS].tolist():
        value = float(str(values[row, column]))  # 0.8 as float32 is shown as 0.8
        problems.append(Problem(f"row {row + 1}: {refusal(FEATURES[column], value)}", place(row, column)))
    raise InferenceInputError(problems, len(bad))


def datatype_of(array: npt.NDArray[Any]) -> str:
    """Return the protocol's name of what an output is made of."""
    return _DATATYPES[array.dtype]


def bytes_of(array: npt.NDArray[Any]) -> bytes:
    """Write an output row by row, little-endian."""
    if not _IS_LITTLE:
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return array.tobytes()
