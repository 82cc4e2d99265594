"""A body in JSON, as one block of rows: it is bounded."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from pricerange.phone import FEATURES, Problem, Problems
from pricerange.tables.json.phones import PhoneReader, reader_of
from pricerange.tables.table import sentence
from service.batch.bodies.rows import Block, OnBadRow, of_row
from service.batch.kept import JsonCells, Kept
from service.errors import InvalidInputError, TooManyRowsError


@dataclass(frozen=True, slots=True)
class JsonRows:
    """The n rows of a body after the check, and what each was made of: why one is invalid is found out again.

    Of many bad rows the reasons are larger than the body, and take longer.
    """

    rows: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]
    phones: Sequence[object]
    reader: PhoneReader

    def problems(self, row: int) -> Iterator[Problem]:
        """Yield what is wrong with a row, value by value; the pointers begin at the row."""
        yield from self._refusal(row).problems

    def detail(self, row: int) -> str:
        """Say what is wrong with a row in one sentence."""
        found = self._refusal(row)
        return sentence((problem.detail for problem in found.problems), found.count)

    def _refusal(self, row: int) -> Problems:
        found = self.reader.checked(self.phones[row])
        assert isinstance(found, Problems)
        return found


class JsonReader:
    """Reads bodies of at most `max_rows` phones."""

    def __init__(self, max_rows: int) -> None:
        self._max_rows = max_rows
        bound = Field(max_length=max_rows)
        self._anything = create_model(
            "Anything", __base__=_Anything, phones=(Annotated[list[Any], bound], ...)
        )

    def block_of(
        self, body: bytes | bytearray, on_bad_row: OnBadRow, kept: Kept | None, unknown: bool = False
    ) -> Block:
        """Check a body: all phones at once, and one by one where that fails, to find out why.

        Features may be `unknown`, where that is asked for.

        Raises `TooManyRowsError`; and `InvalidInputError` for a body that holds no list, or, where a bad row
        fails, for the first one.
        """
        reader = reader_of(kept.names if kept else (), unknown=unknown)
        table = reader.rows_of_list(body, self._max_rows)
        if table is not None:
            rows = JsonRows(table.astype(np.float32), np.ones(len(table), np.bool_), (), reader)
        else:
            rows = self._one_by_one(body, on_bad_row, reader)
        return Block(rows, _cells(body, rows, kept) if kept else None)

    def _one_by_one(self, body: bytes | bytearray, on_bad_row: OnBadRow, reader: PhoneReader) -> JsonRows:
        try:
            phones = self._anything.model_validate_json(body).phones
        except ValidationError as error:
            raise self._no_list(error) from None
        values: list[list[float] | None] = []
        for row, phone in enumerate(phones):
            found = reader.checked(phone)
            if not isinstance(found, Problems):
                values.append(found)
                continue
            if on_bad_row == "fail":
                raise InvalidInputError(of_row(row, found.problems, "/phones"), found.count)
            values.append(None)
        valid = np.array([value is not None for value in values], np.bool_)
        table = np.array([value or _NO_PHONE for value in values], np.float32).reshape(-1, len(FEATURES))
        return JsonRows(table, valid, phones, reader)

    def _no_list(self, error: ValidationError) -> InvalidInputError | TooManyRowsError:
        if error.error_count() == 1 and error.errors()[0]["type"] == "too_long":
            return TooManyRowsError(self._max_rows)
        return InvalidInputError.of(error)


class _Anything(BaseModel):
    model_config = ConfigDict(extra="forbid")

    phones: list[Any]


_NO_PHONE = [0.0] * len(FEATURES)


def _cells(body: bytes | bytearray, rows: JsonRows, kept: Kept) -> JsonCells:
    """Return the fields that are kept, as they stand there."""
    try:
        read = rows.reader.kept_of_valid_list if rows.valid.all() else rows.reader.kept_of_list
        cells = read(body)
    except ValueError:  # NaN or the like in one of the phones
        cells = rows.reader.kept([json.dumps(phone).encode() for phone in rows.phones], valid=False)
    return JsonCells(cells, len(kept.names))
