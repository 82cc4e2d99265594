"""One column of a table, whatever its type, as the numbers that its feature allows."""

import re
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pricerange.phone import Feature

if TYPE_CHECKING:
    import pyarrow as pa

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_BLANK = " \t"
_TRUTH = {"true": 1.0, "false": 0.0}


def numbers(feature: Feature, column: "pa.Array") -> npt.NDArray[np.float64]:
    """Return a column's n cells as float64 [n], NaN where a cell is no number.

    Text is a number where it is decimal (`5`, `-0.5`, `1e3`), blanks around it aside, and becomes the double
    nearest to it. Text `true` and `false` of any case, and truth values, count as 1 and 0 in a yes/no feature
    only. All else, as `0x10`, `1_000`, `1,5` and the empty text, is none.
    """
    import pyarrow as pa
    from pyarrow import types

    kind = column.type
    if types.is_floating(kind) or types.is_integer(kind):
        # what Arrow makes of nulls is NaN; its own cast takes ten times as long
        return np.asarray(column.to_numpy(zero_copy_only=False), np.float64)
    if types.is_dictionary(kind):
        return _look_up(feature, column)
    column = _plain(column)
    kind = column.type
    if types.is_boolean(kind) and feature.kind == "yes/no":
        return _as_doubles(column)
    if not (types.is_string(kind) or types.is_large_string(kind)):
        return np.full(len(column), np.nan)
    try:
        return _as_doubles(column)
    except pa.ArrowInvalid:
        return _parse_each(feature, column)


def content(feature: Feature, column: "pa.Array", row: int) -> object:
    """Return what a cell holds, as JSON would have it: a number, a truth value, a text; None for nothing."""
    from pyarrow import types

    if not types.is_string(column.type):
        column, row = _plain(column.slice(row, 1)), 0
    if types.is_nested(column.type):
        return {} if types.is_struct(column.type) or types.is_map(column.type) else []
    if types.is_temporal(column.type):
        column = column.cast("string")
    cell = column[row].as_py()
    if not isinstance(cell, str):
        return cell
    number = _parse(feature, cell)
    if np.isnan(number):
        return cell if cell.strip(_BLANK) else None
    return number


def _plain(column: "pa.Array") -> "pa.Array":
    """Return the column without what is only a way to store it."""
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if types.is_decimal(column.type) or types.is_string_view(column.type):
        column = column.cast("string")
    return column


def _as_doubles(column: "pa.Array") -> npt.NDArray[np.float64]:
    doubles: npt.NDArray[np.float64] = column.cast("float64", safe=False).to_numpy(zero_copy_only=False)
    return doubles


def _look_up(feature: Feature, column: "pa.DictionaryArray") -> npt.NDArray[np.float64]:
    """Read the values that occur, each once: spelled out in every cell, a long text would fill the memory."""
    import pyarrow.compute as pc

    used = column.indices.unique()
    values = numbers(feature, column.dictionary.take(used))
    places: npt.NDArray[np.int32] = pc.index_in(column.indices, used).to_numpy()
    return values[places]


def _parse_each(feature: Feature, column: "pa.Array") -> npt.NDArray[np.float64]:
    """Parse the distinct texts one by one: phones repeat their values, so those are few."""
    encoded = column.dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    parsed = np.array([*(_parse(feature, text) for text in texts), np.nan])
    places: npt.NDArray[np.int32] = encoded.indices.fill_null(len(texts)).to_numpy()
    return parsed[places]


def _parse(feature: Feature, text: str) -> float:
    text = text.strip(_BLANK)
    if _NUMBER.fullmatch(text):
        return float(text)
    return _TRUTH.get(text.lower(), np.nan) if feature.kind == "yes/no" else np.nan
