"""`{"instances": [...]}`: phones as objects of the 20 features, or as lists of them in the table's order."""

import struct
from collections.abc import Sequence
from operator import itemgetter
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field, ValidationError, create_model

from pricerange.phone import FEATURE_NAMES, Phone, Problem, Problems, admissible, shown
from pricerange.tables.json.phones import PLAIN
from service.errors import InvalidInputError, TooManyRowsError

_COLUMNS = len(FEATURE_NAMES)
_ROW = struct.Struct(f"{_COLUMNS}d")
_in_order = itemgetter(*FEATURE_NAMES)


class InstancesRequest(BaseModel):
    """Many phones; other fields, as `signature_name`, are ignored."""

    instances: list[Phone | Annotated[list[float], Field(min_length=_COLUMNS, max_length=_COLUMNS)]] = Field(
        description="Objects of the 20 features, or lists of 20 numbers in the order of `FEATURES`"
    )


class InstancesReader:
    """Reads bodies of at most `max_rows` instances."""

    def __init__(self, max_rows: int) -> None:
        self._max_rows = max_rows
        bound = Field(max_length=max_rows)
        self._anything = create_model("Instances", instances=(Annotated[list[Any], bound], ...))

    def rows_of(self, body: bytes | bytearray) -> npt.NDArray[np.float32]:
        """Return n phones, float32 [n, 20]. Raises `InvalidInputError` or `TooManyRowsError`."""
        try:
            instances: list[Any] = self._anything.model_validate_json(body).instances  # type: ignore[attr-defined]
        except ValidationError as error:
            if error.error_count() == 1 and error.errors()[0]["type"] == "too_long":
                raise TooManyRowsError(self._max_rows) from None
            raise InvalidInputError.of(error) from None
        table = _plain_rows(instances)
        if table is None or b"true" in body or b"false" in body or not admissible(table).all():
            table = np.array([_values(row, one) for row, one in enumerate(instances)], np.float64)
        return table.reshape(-1, _COLUMNS).astype(np.float32)


def of_instance(row: int, problems: Sequence[Problem]) -> list[Problem]:
    """Return problems of an instance, which counts from 0, as those of the body."""
    return [
        Problem(f"instance {row + 1}: {problem.detail}", f"/instances/{row}{problem.pointer}")
        for problem in problems
    ]


def _plain_rows(instances: Sequence[Any]) -> npt.NDArray[np.float64] | None:
    """Return n rows that are numbers all over, and as many as they should be; truth values are some too."""
    try:
        packed = [
            _ROW.pack(*(one if isinstance(one, list) else _in_order(one)))
            for one in instances
            if len(one) == _COLUMNS
        ]
    except (struct.error, TypeError, KeyError):
        return None
    return np.frombuffer(b"".join(packed)).reshape(-1, _COLUMNS) if len(packed) == len(instances) else None


def _values(row: int, instance: object) -> list[float]:
    """Return the 20 values of an instance, one by one checked. Raises `InvalidInputError`."""
    found = PLAIN.checked(_named(row, instance))
    if not isinstance(found, Problems):
        return found
    problems = found.problems
    if isinstance(instance, list):
        places = {f"/{name}": f"/{place}" for place, name in enumerate(FEATURE_NAMES)}
        problems = [Problem(one.detail, places.get(one.pointer, one.pointer)) for one in problems]
    raise InvalidInputError(of_instance(row, problems), found.count)


def _named(row: int, instance: object) -> dict[str, object]:
    if isinstance(instance, dict):
        return instance
    if isinstance(instance, list) and len(instance) == _COLUMNS:
        return dict(zip(FEATURE_NAMES, instance, strict=True))
    found = f"a list of {len(instance)}" if isinstance(instance, list) else shown(instance)
    detail = f"expected an object or a list of {_COLUMNS} numbers, found {found}"
    raise InvalidInputError(of_instance(row, [Problem(detail, "")]), 1)
