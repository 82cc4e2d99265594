"""Bodies of one phone each, checked together: what `Phone` does one by one, at a third of its cost."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from pricerange.phone import FEATURES, PartialPhone, Phone, features_of, known_features_of
from pricerange.tables.json.phones import PLAIN, Body
from service.errors import InvalidInputError

_FEW = 3
"""Fewer bodies than this are read sooner one by one."""


def rows_of(bodies: Sequence[Body]) -> tuple[npt.NDArray[np.float32], Mapping[int, InvalidInputError]]:
    """Return n phones as float32 [n, 20], and of each body that holds none, 0 throughout, what is wrong."""
    suspects: Sequence[int] = range(len(bodies))
    if len(bodies) < _FEW:
        rows = np.zeros((len(bodies), len(FEATURES)), np.float32)
    else:
        table, valid = PLAIN.rows(bodies)
        if valid.all():
            return table.astype(np.float32), {}
        rows = np.where(valid[:, np.newaxis], table, 0).astype(np.float32)
        suspects = np.flatnonzero(~valid).tolist()
    errors = {}
    for place in suspects:
        try:
            rows[place] = features_of(Phone.model_validate_json(bodies[place]))
        except ValidationError as error:
            errors[place] = InvalidInputError.of(error)
    return rows, errors


def partial_row_of(body: Body) -> npt.NDArray[np.float32]:
    """Return one phone as float32 [1, 20], NaN where a feature is null. Raises `InvalidInputError`."""
    try:
        return np.array([known_features_of(PartialPhone.model_validate_json(body))], np.float32)
    except ValidationError as error:
        raise InvalidInputError.of(error) from None
