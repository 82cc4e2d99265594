"""Prediction sets as a request asks for them, `sets=0.9`, and as JSON has them."""

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import BaseModel, Field

from pricerange.answer import columns
from pricerange.phone import Problem
from service.errors import InvalidInputError
from service.versions.served import Served

PARAMETER = "sets"
SETS_PARAMETER = {
    "name": PARAMETER,
    "in": "query",
    "description": "Answer with prediction sets that hold the true price range of this share of phones",
    "schema": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
}
"""How OpenAPI describes it."""
SETS_HEADER = "X-Prediction-Sets"
"""Header of the answer to a batch that says what its sets promise: most forms have no other place for it."""
_MOST_SHOWN = 40


class SetsOfAnswer(BaseModel):
    """What prediction sets promise."""

    level: float = Field(description="Share of phones whose set holds the true price range, whichever it is")
    calibration: str = Field(description="What they were made by: the first digits of its sha256")


def level_of(text: str) -> float:
    """Read a level as a request writes it. Raises `InvalidInputError`."""
    try:
        level = float(text)
    except ValueError:
        level = 0.0
    if not 0 < level < 1:
        raise _refused(f"expected a number between 0 and 1, found {text[:_MOST_SHOWN]!r}")
    return level


class AskedSets:
    """Prediction sets of one level."""

    def __init__(self, served: Served, level: float) -> None:
        """Raise `InvalidInputError` where the version has no sets."""
        known = served.bundle.passport.prediction_sets
        if served.sets is None or known is None:
            raise _refused(f"version {served.version} was not calibrated for prediction sets")
        self._level = level
        self._sets = served.sets
        self.promise = orjson.dumps({"level": self._level, "calibration": known.calibration})
        self.header = f"level={self._level}; calibration={known.calibration}".encode()

    def of(
        self, probabilities: npt.NDArray[np.float32], unknown: npt.NDArray[np.bool_] | None = None
    ) -> npt.NDArray[np.bool_]:
        """Return which price ranges are in the set of each of n phones, bool [n, 4].

        `unknown` bool [n, 20] says which features were averaged over, if any were.
        """
        return self._sets.of(probabilities, self._level, unknown)


def sets_json(sets: npt.NDArray[np.bool_]) -> list[bytes]:
    """Write sets bool [n, 4], each as `[2,3]`."""
    return [_TEXTS[code] for code in columns.codes(sets)]


_TEXTS = list(map(orjson.dumps, columns.SETS))


def _refused(reason: str) -> InvalidInputError:
    return InvalidInputError([Problem(f"the parameter {PARAMETER}: {reason}", "")], 1)
