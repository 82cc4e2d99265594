"""A body in JSON, as one block of rows: it is bounded."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError, create_model

from pricerange import json_phones
from pricerange.phone import FEATURES, Phone, Problem, features_of
from pricerange.table import sentence
from service.batch.rows import OnBadRow
from service.errors import InvalidInputError, TooManyRowsError


class Phones(BaseModel):
    """Many phones."""

    model_config = ConfigDict(extra="forbid")

    # what is wrong with the first bad phone is told, not with a thousand: that takes seconds and gigabytes
    phones: Annotated[list[Phone], FailFast()]


@dataclass(frozen=True, slots=True)
class JsonRows:
    """The n rows of a body after the check; `errors` says of a row why it is no phone."""

    rows: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]
    errors: Mapping[int, ValidationError]

    def problems(self, row: int) -> Iterator[Problem]:
        """Yield what is wrong with a row, value by value; the pointers begin at the row."""
        yield from InvalidInputError.of(self.errors[row]).problems

    def detail(self, row: int) -> str:
        """Say what is wrong with a row in one sentence."""
        found = InvalidInputError.of(self.errors[row])
        return sentence(found.problems, found.count)


class JsonReader:
    """Reads bodies of at most `max_rows` phones."""

    def __init__(self, max_rows: int) -> None:
        self._max_rows = max_rows
        bound = Field(max_length=max_rows)
        self._phones = create_model(
            "Bounded", __base__=Phones, phones=(Annotated[list[Phone], FailFast(), bound], ...)
        )
        self._anything = create_model(
            "Anything", __base__=_Anything, phones=(Annotated[list[Any], bound], ...)
        )

    def rows_of(self, body: bytes | bytearray, on_bad_row: OnBadRow) -> JsonRows:
        """Check a body: all phones at once, and one by one where that fails, to find out why.

        Raises `TooManyRowsError`; and `InvalidInputError` for a body that holds no list, or, where a bad row
        fails, no phones.
        """
        rows = self._all_at_once(body, on_bad_row)
        if rows is not None:
            return JsonRows(rows, np.ones(len(rows), np.bool_), {})
        try:
            phones = self._phones.model_validate_json(body).phones
        except ValidationError as error:
            if on_bad_row == "null":
                return self._each(body)
            raise self._refusal(error) from None
        return JsonRows(_rows([features_of(phone) for phone in phones]), np.ones(len(phones), np.bool_), {})

    def _all_at_once(self, body: bytes | bytearray, on_bad_row: OnBadRow) -> npt.NDArray[np.float32] | None:
        try:
            asked = orjson.loads(body)
        except orjson.JSONDecodeError:
            return None
        match asked:
            case {"phones": [*phones], **others} if not others and len(phones) <= self._max_rows:
                # from the end a body is searched in half the time
                truth_values = max(body.rfind(b"true"), body.rfind(b"false")) >= 0
                table = json_phones.rows(phones, truth_values)
                if table is not None:
                    return table.astype(np.float32)
                if on_bad_row == "fail":
                    _refuse_overfull(phones)
        return None

    def _each(self, body: bytes | bytearray) -> JsonRows:
        try:
            things = self._anything.model_validate_json(body).phones
        except ValidationError as error:
            raise self._refusal(error) from None
        values, errors = [], {}
        for row, thing in enumerate(things):
            try:
                values.append(features_of(Phone.model_validate(thing)))
            except ValidationError as error:
                values.append(_NO_PHONE)
                errors[row] = error
        valid = np.ones(len(things), np.bool_)
        valid[list(errors)] = False
        return JsonRows(_rows(values), valid, errors)

    def _refusal(self, error: ValidationError) -> InvalidInputError | TooManyRowsError:
        if error.error_count() == 1 and error.errors()[0]["type"] == "too_long":
            return TooManyRowsError(self._max_rows)
        return InvalidInputError.of(error)


class _Anything(BaseModel):
    model_config = ConfigDict(extra="forbid")

    phones: list[Any]


def _refuse_overfull(phones: list[Any]) -> None:
    """Refuse a phone with a great many fields: to say of each that it is unknown takes 300 MB."""
    for row, phone in enumerate(phones):
        if isinstance(phone, dict) and len(phone) > _MOST_FIELDS:
            detail = f"row {row + 1}: expected the {len(FEATURES)} fields of a phone, found {len(phone)}"
            raise InvalidInputError([Problem(detail, f"/phones/{row}")], 1)


_MOST_FIELDS = 1_000
_NO_PHONE = [0.0] * len(FEATURES)


def _rows(values: list[list[float]]) -> npt.NDArray[np.float32]:
    return np.array(values, np.float32).reshape(-1, len(FEATURES))
