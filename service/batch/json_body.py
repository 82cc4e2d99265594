"""A body in JSON, as one block of rows: it is bounded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeGuard

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from pricerange.phone import FEATURES, Phone, Problem, features_of
from pricerange.tables import json_phones
from pricerange.tables.table import sentence
from service.batch.rows import OnBadRow, of_row
from service.errors import InvalidInputError, TooManyRowsError


@dataclass(frozen=True, slots=True)
class JsonRows:
    """The n rows of a body after the check, and what each was made of: why one is invalid is found out again.

    Of many bad rows the reasons are larger than the body, and take longer.
    """

    rows: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]
    phones: Sequence[object]

    def problems(self, row: int) -> Iterator[Problem]:
        """Yield what is wrong with a row, value by value; the pointers begin at the row."""
        yield from _refusal(self.phones[row]).problems

    def detail(self, row: int) -> str:
        """Say what is wrong with a row in one sentence."""
        found = _refusal(self.phones[row])
        return sentence((problem.detail for problem in found.problems), found.count)


class JsonReader:
    """Reads bodies of at most `max_rows` phones."""

    def __init__(self, max_rows: int) -> None:
        self._max_rows = max_rows
        bound = Field(max_length=max_rows)
        self._anything = create_model(
            "Anything", __base__=_Anything, phones=(Annotated[list[Any], bound], ...)
        )

    def rows_of(self, body: bytes | bytearray, on_bad_row: OnBadRow) -> JsonRows:
        """Check a body: all phones at once, and one by one where that fails, to find out why.

        Raises `TooManyRowsError`; and `InvalidInputError` for a body that holds no list, or, where a bad row
        fails, for the first one.
        """
        table = json_phones.rows_of_list(body, self._max_rows)
        if table is not None:
            return JsonRows(table.astype(np.float32), np.ones(len(table), np.bool_), ())
        try:
            phones = self._anything.model_validate_json(body).phones
        except ValidationError as error:
            raise self._no_list(error) from None
        values = []
        for row, phone in enumerate(phones):
            values.append(_values(phone))
            if values[-1] is None and on_bad_row == "fail":
                raise _bad_row(row, phone)
        valid = np.array([value is not None for value in values], np.bool_)
        rows = np.array([value or _NO_PHONE for value in values], np.float32).reshape(-1, len(FEATURES))
        return JsonRows(rows, valid, phones)

    def _no_list(self, error: ValidationError) -> InvalidInputError | TooManyRowsError:
        if error.error_count() == 1 and error.errors()[0]["type"] == "too_long":
            return TooManyRowsError(self._max_rows)
        return InvalidInputError.of(error)


class _Anything(BaseModel):
    model_config = ConfigDict(extra="forbid")

    phones: list[Any]


_MOST_FIELDS = 1_000
"""To say of each field of a larger object that it is unknown takes 300 MB."""
_NO_PHONE = [0.0] * len(FEATURES)


def _values(phone: object) -> list[float] | None:
    """Return a phone's values, None where it is none."""
    if _is_overfull(phone):
        return None
    try:
        return features_of(Phone.model_validate(phone))
    except ValidationError:
        return None


def _refusal(phone: object) -> InvalidInputError:
    """Say what is wrong with a phone that is none; the pointers begin at the phone."""
    if _is_overfull(phone):
        detail = f"expected the {len(FEATURES)} fields of a phone, found {len(phone)}"
        return InvalidInputError([Problem(detail, "")], 1)
    try:
        Phone.model_validate(phone)
    except ValidationError as error:
        return InvalidInputError.of(error)
    raise AssertionError("it is a phone")


def _bad_row(row: int, phone: object) -> InvalidInputError:
    found = _refusal(phone)
    return InvalidInputError(of_row(row, found.problems, "/phones"), found.count)


def _is_overfull(phone: object) -> TypeGuard[dict[str, object]]:
    return isinstance(phone, dict) and len(phone) > _MOST_FIELDS
