"""Bodies of one phone each, checked together: what `Phone` does one by one, at a third of its cost."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import ValidationError

from pricerange.phone import FEATURES, Phone, features_of
from pricerange.tables import json_phones
from service.errors import InvalidInputError

Body = bytes | bytearray

_FEW = 4
"""Fewer bodies than this are read sooner one by one."""


def rows_of(bodies: Sequence[Body]) -> tuple[npt.NDArray[np.float32], Mapping[int, InvalidInputError]]:
    """Return n phones as float32 [n, 20], and of each body that holds none, 0 throughout, what is wrong."""
    table = _all_at_once(bodies) if len(bodies) >= _FEW else None
    if table is not None:
        return table.astype(np.float32), {}
    rows = np.zeros((len(bodies), len(FEATURES)), np.float32)
    errors = {}
    for place, body in enumerate(bodies):
        try:
            rows[place] = features_of(Phone.model_validate_json(body))
        except ValidationError as error:
            errors[place] = InvalidInputError.of(error)
    return rows, errors


def _all_at_once(bodies: Sequence[Body]) -> npt.NDArray[np.float64] | None:
    try:
        phones = list(map(orjson.loads, bodies))
    except orjson.JSONDecodeError:
        return None
    return json_phones.rows(phones)
