"""One column of a table, whatever its type, as the numbers that its feature allows."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pricerange.phone import Feature
from pricerange.tables.csv.dialect import BLANK, PLAIN, Dialect
from pricerange.tables.errors import BrokenBlockError

if TYPE_CHECKING:
    import pyarrow as pa

TRUTH = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}
"""What texts in small letters count as in a yes/no feature."""
_LONG = 1_000
"""Bytes of a text that are looked at to tell what it is, and of the longest that views may share."""


def numbers(feature: Feature, column: "pa.Array", dialect: Dialect = PLAIN) -> npt.NDArray[np.float64]:
    """Return a column's n cells as float64 [n], NaN where a cell is not a number.

    Text is a number where it is decimal (`5`, `-0.5`, `1e3`), blanks around it aside, and becomes the double
    nearest to it. Text `true`, `false`, `yes` and `no` of any case, and truth values, count as 1 and 0 in a
    yes/no feature only. All else, as `0x10`, `1_000` and the empty text, is none, and so is `1,5` where the
    dialect knows no decimal commas. Raises `BrokenBlockError` for texts that are long and may be stored once
    for many cells.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import types

    if isinstance(column.type, pa.BaseExtensionType):
        column = column.storage
    if types.is_floating(column.type) or types.is_integer(column.type):
        # what Arrow makes of nulls is NaN; its own cast takes ten times as long
        with np.errstate(invalid="ignore"):  # a signalling NaN becomes a quiet one
            return np.asarray(column.to_numpy(zero_copy_only=False), np.float64)
    if types.is_dictionary(column.type):
        return _look_up(column, partial(numbers, feature, dialect=dialect), np.nan)
    if types.is_run_end_encoded(column.type):
        return _repeat(column, partial(numbers, feature, dialect=dialect))
    column = _plain(feature, column)
    kind = column.type
    truth_values = types.is_boolean(kind) and feature.kind == "yes/no"
    if not (truth_values or types.is_string(kind) or types.is_large_string(kind)):
        return np.full(len(column), np.nan)
    if truth_values or dialect.has_plain_numbers:
        if not truth_values and pc.any(is_empty := pc.equal(pc.binary_length(column), 0)).as_py():
            # Arrow would make an error of each, in ten times the time
            column = pc.if_else(is_empty, pa.scalar(None, kind), column)
        with suppress(pa.ArrowInvalid):
            doubles: npt.NDArray[np.float64] = column.cast("float64", safe=False).to_numpy(
                zero_copy_only=False
            )
            return doubles
    return _parse_each(feature, column, dialect)


def nothing(feature: Feature, column: "pa.Array", dialect: Dialect = PLAIN) -> npt.NDArray[np.bool_]:
    """Return which of a column's n cells hold nothing: nulls, NaN, and texts that stand for nothing.

    Text `nan` is a text like any other. Raises `BrokenBlockError` as `numbers` does.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import types

    if isinstance(column.type, pa.BaseExtensionType):
        column = column.storage
    if types.is_dictionary(column.type):
        return _look_up(column, partial(nothing, feature, dialect=dialect), True)
    if types.is_run_end_encoded(column.type):
        return _repeat(column, partial(nothing, feature, dialect=dialect))
    if types.is_floating(column.type):
        return np.isnan(numbers(feature, column, dialect))
    column = _plain(feature, column)
    found: npt.NDArray[np.bool_] = column.is_null().to_numpy(zero_copy_only=False)
    if types.is_string(column.type) or types.is_large_string(column.type):
        # by bytes: a Parquet file may hold text that is none
        texts = pc.ascii_trim(column, BLANK)
        nulls = pa.array(["", *dialect.null_values], column.type)
        found |= pc.is_in(texts, nulls).to_numpy(zero_copy_only=False)
    return found


def content(feature: Feature, column: "pa.Array", row: int, dialect: Dialect = PLAIN) -> object:
    """Return what a cell holds, as JSON would have it: a number, a truth value, a text; None for nothing.

    Of a long text it is the beginning.
    """
    from pyarrow import types

    cell = _stored(column.slice(row, 1))
    kind = cell.type
    if cell.null_count:
        return None
    if types.is_nested(kind):
        return {} if types.is_struct(kind) or types.is_map(kind) else []
    if types.is_temporal(kind):
        return _written(cell)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return _read(feature, _beginning(cell).decode(errors="replace"), dialect)
    if types.is_decimal(kind):
        return float(cell[0].as_py())
    return cell[0].as_py() if types.is_primitive(kind) else _beginning(cell)


def contents(
    feature: Feature, column: "pa.Array", rows: npt.NDArray[np.intp], dialect: Dialect = PLAIN
) -> list[object]:
    """Return what many cells hold, each as `content` says it."""
    from pyarrow import types

    if types.is_integer(column.type) or types.is_floating(column.type):
        numbers: list[object] = column.take(rows).to_pylist()
        return numbers
    if types.is_string(column.type) and column.nbytes < _LONG * len(column):
        # a Parquet file may hold text that is none
        texts = column.take(rows).cast("binary")
        known = {
            text: None if text is None else _read(feature, text[:_LONG].decode(errors="replace"), dialect)
            for text in texts.unique().to_pylist()
        }
        return [known[text] for text in texts.to_pylist()]
    return [content(feature, column, row, dialect) for row in rows.tolist()]


def _written(date: "pa.Array") -> str:
    """Write a date, a time or a duration; Arrow does not know every time zone: then it is the type."""
    import pyarrow as pa

    try:
        return str(date.cast("string")[0])
    except pa.ArrowException:
        return str(date.type)


def _beginning(text: "pa.Array") -> bytes:
    import pyarrow.compute as pc

    if text.nbytes > _LONG:  # which each look at the cell would copy
        text = pc.binary_slice(text.cast("large_binary"), 0, _LONG)
    beginning: bytes = text[0].as_buffer().to_pybytes()
    return beginning


def _read(feature: Feature, text: str, dialect: Dialect) -> float | str | None:
    number = _parse(feature, text, dialect)
    if np.isnan(number):
        return None if dialect.is_null(text.strip(BLANK)) else text
    return number


def _stored(cell: "pa.Array") -> "pa.Array":
    """Return an array of one cell without what is only a way to store it."""
    import pyarrow as pa
    from pyarrow import types

    if isinstance(cell.type, pa.BaseExtensionType):
        return _stored(cell.storage)
    if types.is_dictionary(cell.type):
        place = cell.indices[0].as_py()
        return pa.nulls(1) if place is None else _stored(cell.dictionary.slice(place, 1))
    if types.is_run_end_encoded(cell.type):
        return _stored(cell.values.slice(cell.find_physical_offset(), 1))
    return cell


def _plain(feature: Feature, column: "pa.Array") -> "pa.Array":
    """Return decimals and views as text. A long text may be in all of the views: it would fill the memory."""
    from pyarrow import types

    kind = column.type
    if types.is_string_view(kind) or types.is_binary_view(kind):
        # the first four of a view's 16 bytes tell its length
        views = column.buffers()[1] if len(column) else b""
        lengths = np.frombuffer(views, np.int32)[::4][column.offset : column.offset + len(column)]
        if lengths.max(initial=0) > _LONG:
            found = f"found {lengths.max()} bytes"
            raise BrokenBlockError(None, f"{feature.name}: expected at most {_LONG} bytes per cell, {found}")
    return column.cast("string") if types.is_decimal(kind) or types.is_string_view(kind) else column


def _look_up(
    column: "pa.DictionaryArray", read: "Callable[[pa.Array], npt.NDArray[Any]]", of_null: float
) -> npt.NDArray[Any]:
    """Read the values that occur, each once: spelled out in every cell, a long text would fill the memory."""
    import pyarrow as pa
    import pyarrow.compute as pc

    used = column.indices.unique().drop_null()
    try:
        occurring = column.dictionary.take(used)
    except pa.ArrowNotImplementedError:  # of views and runs
        cells = [column.dictionary.slice(place, 1) for place in used.to_pylist()]
        occurring = pa.concat_arrays([column.dictionary.slice(0, 0), *cells])
    read_once = read(occurring)
    values = np.append(read_once, read_once.dtype.type(of_null))
    places: npt.NDArray[np.int32] = pc.index_in(column.indices, used).fill_null(len(used)).to_numpy()
    return values[places]


def _repeat(
    column: "pa.RunEndEncodedArray", read: "Callable[[pa.Array], npt.NDArray[Any]]"
) -> npt.NDArray[Any]:
    """Read the value of each run once."""
    begin, count = column.find_physical_offset(), column.find_physical_length()
    values = read(column.values.slice(begin, count))
    ends = column.run_ends.to_numpy()[begin : begin + count].astype(np.int64) - column.offset
    return np.repeat(values, np.diff(ends.clip(max=len(column)), prepend=0))


def _parse_each(feature: Feature, column: "pa.Array", dialect: Dialect) -> npt.NDArray[np.float64]:
    """Parse the distinct texts one by one: phones repeat their values, so those are few."""
    encoded = column.dictionary_encode()
    # a Parquet file may hold text that is none
    texts = [text.decode(errors="replace") for text in encoded.dictionary.cast("large_binary").to_pylist()]
    parsed = np.array([*(_parse(feature, text, dialect) for text in texts), np.nan])
    places: npt.NDArray[np.int32] = encoded.indices.fill_null(len(texts)).to_numpy()
    return parsed[places]


def _parse(feature: Feature, text: str, dialect: Dialect) -> float:
    text = text.strip(BLANK)
    if dialect.is_null(text):
        return np.nan
    number = dialect.number(text)
    if number is not None:
        return number
    return TRUTH.get(text.lower(), np.nan) if feature.kind == "yes/no" else np.nan
