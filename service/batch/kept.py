"""Columns of a body that are handed through to the answer, in front of the answer's own (`?columns=id,sku`).

A cell stays what it is as far as the form of the answer has it: text in CSV exactly, types in Arrow, values
in JSON. Between forms, text of CSV is text, and what JSON has no value for, as a date, is text too.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from pricerange.phone import FEATURE_NAMES, Problem
from pricerange.tables.errors import BrokenBlockError, DuplicateColumnError
from pricerange.tables.json.cells import json_of, text_of_json, texts_of
from pricerange.tables.renamed import renamed
from service.errors import InvalidInputError
from service.http.framing import encoding

if TYPE_CHECKING:
    import pyarrow as pa

MOST_KEPT = 50
"""Columns that one request may name."""
MOST_BLOCK_BYTES = 1 << 22
"""Bytes of the kept cells of a block, spelled out: 4 KB a row."""
TIMES_WRITTEN = 8
"""How many times their size a block's cells take while they are written: JSON makes six bytes of some."""
_MOST_NAMED = 20
_NEEDS_QUOTES = re.compile(r'[",\r\n]')
_LONGEST_NUMBER = 40
"""Bytes of a cell that is not text, written as text."""


class Cells(Protocol):
    """The cells of n rows in the columns that are kept; `size` bytes at most, spelled out."""

    @property
    def size(self) -> int:
        """Bytes of all of the cells, at most."""

    def in_json(self) -> Sequence[Sequence[bytes]]:
        """Return the cells of each column as JSON."""

    def in_csv(self) -> Sequence[Sequence[bytes]]:
        """Return the cells of each column as they stand in a CSV row."""

    def in_arrow(self) -> "Sequence[pa.Array]":
        """Return each column."""


class Kept:
    """The columns that a request keeps, and how much they may hold.

    `types` are those of their columns in an Arrow answer, known once the schema of an Arrow body is.
    """

    def __init__(self, names: Sequence[str], taken: Sequence[str]) -> None:
        """Keep columns of these names; in the answer `taken` are those of others."""
        self.names = tuple(names)
        self.renamed = renamed(names, taken)
        self.types: Sequence[pa.DataType] | None = None
        self._bytes = 0

    def places(self, present: Sequence[str]) -> list[int]:
        """Return where the columns stand in a table. Raises `InvalidInputError` or `DuplicateColumnError`."""
        known = set(present)
        missing = [name for name in self.names if name not in known]
        if missing:
            others = [name for name in present if name not in FEATURE_NAMES]
            found = ", ".join(repr(name[:40]) for name in others[:_MOST_NAMED]) or "no other columns"
            more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
            what = f"the table lacks {', '.join(missing)}, which the parameter columns names"
            raise InvalidInputError([Problem(f"{what}; beside the features it has {found}{more}", "")], 1)
        repeated = [name for name in self.names if present.count(name) > 1]
        if repeated:
            raise DuplicateColumnError(repeated)
        return [present.index(name) for name in self.names]

    def count(self, cells: Cells, received: int) -> None:
        """Bound what is kept by the bytes of the body that have come. Raises `BrokenBlockError`."""
        self._bytes += cells.size
        most = encoding.FREE_BYTES + encoding.TIMES * received
        if cells.size > MOST_BLOCK_BYTES:
            raise BrokenBlockError(
                None,
                f"the columns to keep hold {cells.size} bytes in a block, at most {MOST_BLOCK_BYTES} may",
            )
        if self._bytes > most:
            raise BrokenBlockError(
                None,
                f"the columns to keep hold more than {most} bytes in the first {received} of the body, "
                "which is as much as they may: send them less compressed",
            )


class JsonCells:
    """Cells that were read as JSON: n rows of texts."""

    def __init__(self, rows: Sequence[Sequence[bytes]], width: int) -> None:
        self._columns: Sequence[Sequence[bytes]] = list(zip(*rows, strict=True)) if rows else [()] * width
        self.size = sum(sum(map(len, column)) for column in self._columns)

    def in_json(self) -> Sequence[Sequence[bytes]]:
        """Return the cells of each column as JSON: as they stand there."""
        return self._columns

    def in_csv(self) -> Sequence[Sequence[bytes]]:
        """Return the cells of each column as they stand in a CSV row."""
        return [_csv([text_of_json(cell) or "" for cell in column]) for column in self._columns]

    def in_arrow(self) -> "Sequence[pa.Array]":
        """Return each column, as text: JSON has no types for a whole column."""
        import pyarrow as pa

        return [pa.array(map(text_of_json, column), pa.string()) for column in self._columns]


@dataclass(frozen=True, slots=True)
class ArrowCells:
    """Cells that Arrow has read, from CSV as text."""

    columns: "Sequence[pa.Array]"

    @property
    def size(self) -> int:
        """Bytes of all of the cells, at most."""
        return sum(map(_spelled_out, self.columns))

    def in_json(self) -> Sequence[Sequence[bytes]]:
        """Return the cells of each column as JSON."""
        return [json_of(column) for column in self.columns]

    def in_csv(self) -> Sequence[Sequence[bytes]]:
        """Return the cells of each column as they stand in a CSV row."""
        return [_csv([text or "" for text in texts_of(column)]) for column in self.columns]

    def in_arrow(self) -> "Sequence[pa.Array]":
        """Return each column, of the type that it has."""
        return self.columns


def keepable(field: "pa.Field") -> bool:
    """Return whether a column can be kept: numbers, text, truth values, times, and dictionaries of such."""
    from pyarrow import types

    kind = field.type.value_type if types.is_dictionary(field.type) else field.type
    if types.is_float16(kind) or types.is_interval(kind):
        return False
    texts = (types.is_string, types.is_large_string, types.is_boolean, types.is_null)
    numbers = (types.is_integer, types.is_floating, types.is_decimal, types.is_temporal)
    return any(is_kind(kind) for is_kind in (*texts, *numbers))


def _csv(texts: Sequence[str]) -> list[bytes]:
    if _NEEDS_QUOTES.search("".join(texts)):
        return list(map(csv_cell, texts))
    return list(map(str.encode, texts))


def csv_cell(text: str) -> bytes:
    """Write a text as a cell of CSV."""
    if _NEEDS_QUOTES.search(text):
        text = '"' + text.replace('"', '""') + '"'
    return text.encode()


def _spelled_out(column: "pa.Array") -> int:
    """Return the bytes of a column's cells, each as long as it is, however they are stored."""
    from pyarrow import types

    if types.is_dictionary(column.type):
        lengths = _lengths(column.dictionary)
        return int(lengths[column.indices.drop_null().to_numpy(zero_copy_only=False)].sum())
    return int(_lengths(column).sum())


def _lengths(column: "pa.Array") -> npt.NDArray[np.int64]:
    import pyarrow.compute as pc
    from pyarrow import types

    if not (types.is_string(column.type) or types.is_large_string(column.type)):
        return np.full(len(column), _LONGEST_NUMBER, np.int64)
    lengths: npt.NDArray[np.int64] = pc.binary_length(column).fill_null(0).cast("int64").to_numpy()
    return lengths
