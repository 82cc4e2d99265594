"""The cells of a column as JSON, and values of JSON as the text of cells, many at once.

What JSON has no value for, as a date, is text. NaN and infinity are null.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import orjson

from pricerange.tables.errors import BrokenBlockError

if TYPE_CHECKING:
    import pyarrow as pa


def json_of(column: "pa.Array") -> list[bytes]:
    """Return a column's cells as JSON. Raises `BrokenBlockError` for what can be no text."""
    import pyarrow as pa
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if types.is_floating(kind):
        if types.is_float16(kind):
            column = column.cast(pa.float32())
        # float32 in the digits that it has; NaN and infinity are null
        numbers = orjson.dumps(column.to_numpy(zero_copy_only=False), option=orjson.OPT_SERIALIZE_NUMPY)
        return numbers[1:-1].split(b",") if len(column) else []
    if types.is_nested(kind):
        return _nested(column)
    texts = texts_of(column)
    if types.is_integer(kind) or types.is_boolean(kind):
        return [b"null" if text is None else text.encode() for text in texts]
    return list(map(orjson.dumps, texts))


def texts_of(column: "pa.Array") -> list[str | None]:
    """Return a column's cells as text, None for null. Raises `BrokenBlockError` for what can be none."""
    import pyarrow as pa

    try:
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        text = column.cast(pa.string())
        # several times as fast as `to_pylist`
        texts: list[str | None] = text.to_numpy(zero_copy_only=False).tolist()
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise _unwritable(column) from error
    return texts


def text_of_json(cell: bytes) -> str | None:
    """Return a value of JSON as text: what a text says, anything else as it stands there; None for null."""
    if cell == b"null":
        return None
    if cell.startswith(b'"'):
        text: str = msgspec.json.decode(cell)
        return text
    return cell.decode()


def text_column(cells: Sequence[bytes]) -> "pa.StringArray":
    """Return what `text_of_json` says of a column's values."""
    import pyarrow as pa

    joined = b"\n".join(cells)
    if b"\\" in joined:
        return pa.array(map(text_of_json, cells), pa.string())
    if b'"' in joined or b"null" in joined:
        # a value has quotes around it or is no text
        cells = [cell[1:-1] if cell[:1] == b'"' else None if cell == b"null" else cell for cell in cells]  # type: ignore[misc]
    return pa.array(cells, pa.string())


def _nested(column: "pa.Array") -> list[bytes]:
    try:
        return [orjson.dumps(value, default=_as_text) for value in column.to_pylist()]
    except (TypeError, ValueError) as error:
        raise _unwritable(column) from error


def _as_text(value: object) -> str:
    if isinstance(value, bytes):
        raise TypeError
    return str(value)


def _unwritable(column: "pa.Array") -> BrokenBlockError:
    return BrokenBlockError(None, f"a column of {column.type} cannot be written as text")
