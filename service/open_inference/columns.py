"""Phones as a table, an input for each feature: as clients send a data frame (MLServer's PandasCodec)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pricerange.phone import FEATURE_NAMES
from service.errors import InferenceInputError, TooManyRowsError
from service.open_inference.tensors import COLUMNS, INPUT, TYPES, Tensor, require_type

ReadColumn = Callable[[int, np.dtype[np.number], int], npt.NDArray[Any]]
"""What reads the numbers of an input: given its place, their type and how many there must be."""


def values_of_columns(inputs: Sequence[Tensor], read: ReadColumn, max_rows: int) -> npt.NDArray[np.float64]:
    """Return [n, 20] of inputs [n] or [n, 1], in any order, not yet checked whether they are phones.

    Raises `InferenceInputError`, `TooManyRowsError`, and what `read` raises.
    """
    places_of_features(inputs)
    count = _row_count(inputs)
    if count > max_rows:
        raise TooManyRowsError(max_rows)
    values = np.empty((count, COLUMNS))
    for index, column in enumerate(inputs):
        dtype = require_type(column, tuple(TYPES), f"/inputs/{index}")
        values[:, FEATURE_NAMES.index(column.name)] = read(index, dtype, count)
    return values


def places_of_features(inputs: Sequence[Tensor]) -> Mapping[str, int]:
    """Return which input each feature is. Raises `InferenceInputError` where they are not the features."""
    places = {column.name: index for index, column in enumerate(inputs)}
    if len(inputs) != COLUMNS or places.keys() != set(FEATURE_NAMES):
        names = sorted((column.name[:40] for column in inputs), key=FEATURE_NAMES.__contains__)
        found = f"{len(inputs)}: {', '.join(names[:4])}"
        expected = f"one named {INPUT} of the shape [n, {COLUMNS}], or one for each of the {COLUMNS} features"
        raise InferenceInputError.expected("inputs", expected, found, "/inputs")
    return places


def _row_count(inputs: Sequence[Tensor]) -> int:
    count = inputs[0].shape[0] if inputs[0].shape else 0
    for index, column in enumerate(inputs):
        if list(column.shape) not in ([count], [count, 1]) or count < 0:
            expected = f"[{count}] or [{count}, 1]" if index else "[n] or [n, 1]"
            found = str(list(column.shape))[:100]
            pointer = f"/inputs/{index}/shape"
            raise InferenceInputError.expected(f"shape of {column.name}", expected, found, pointer)
    return count
