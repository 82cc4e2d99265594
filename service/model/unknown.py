"""Unknown features as a request asks for them, `unknown=average`, and as JSON has them."""

import numpy as np
import numpy.typing as npt
import orjson

from pricerange.phone import FEATURE_NAMES, Problem
from service.errors import InvalidInputError
from service.versions.served import Served

PARAMETER = "unknown"
UNKNOWN_PARAMETER = {
    "name": PARAMETER,
    "in": "query",
    "description": (
        "Features may be null (NaN in Arrow): the answer is then the average of the answers to phones with "
        "these features of training phones, and says what was `unknown`"
    ),
    "schema": {"enum": ["average"]},
}
"""How OpenAPI describes it."""
_MOST_SHOWN = 40


def is_asked(value: str | None) -> bool:
    """Whether a request with this value of the parameter asks for averages. Raises `InvalidInputError`."""
    if value is None:
        return False
    if value != "average":
        raise _refused(f"expected average, found {value[:_MOST_SHOWN]!r}")
    return True


def require_averages(served: Served) -> None:
    """Raise `InvalidInputError` where a version cannot average."""
    if served.averages is None:
        raise _refused(lacks_background(served))


def lacks_background(served: Served) -> str:
    """Say of a version that it cannot average."""
    return f"version {served.version} keeps no background rows to average over"


def unknown_json(unknown: npt.NDArray[np.bool_]) -> list[bytes]:
    """Write the names of the features that are unknown of each of n phones, bool [n, 20]."""
    return [
        orjson.dumps([FEATURE_NAMES[place] for place in np.flatnonzero(row)]) if row.any() else b"[]"
        for row in unknown
    ]


def _refused(reason: str) -> InvalidInputError:
    return InvalidInputError([Problem(f"the parameter {PARAMETER}: {reason}", "")], 1)
