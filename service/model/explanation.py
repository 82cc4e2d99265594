"""Explanations as a request asks for them, `explain=true`, and as JSON has them."""

from collections.abc import Iterable
from itertools import repeat

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import BaseModel, Field

from pricerange.answer.reasons import Explanations
from pricerange.phone import FEATURE_NAMES, Problem
from service.errors import InvalidInputError

PARAMETER = "explain"
EXPLAIN_PARAMETER = {
    "name": PARAMETER,
    "in": "query",
    "description": "Say what each feature that the model uses adds to the answer",
    "schema": {"type": "boolean", "default": False},
}
"""How OpenAPI describes it."""
_MOST_SHOWN = 40
_Numbers = npt.NDArray[np.float32]
_ANSWERS = {"true": True, "false": False}


class Quantities(BaseModel):
    """What is explained."""

    score: float = Field(description="The expected price range: the sum of each times its probability")
    probability: float = Field(description="Of the price range that is answered")


class Reason(Quantities):
    """What a feature adds to the answer: its Shapley value."""

    feature: str
    value: float | None = Field(description="The phone's")
    error: Quantities | None = Field(None, description="Standard errors, where the reasons are not exact")


class ExplanationOfAnswer(BaseModel):
    """Why a phone is answered as it is: `base` and the reasons add up to `value`."""

    value: Quantities
    base: Quantities = Field(description="The mean over the background rows, phones in general")
    reasons: list[Reason] = Field(
        description="Of the features that the model uses, the one that adds most to the score, or takes most "
        "away, first; all others add nothing"
    )
    exact: bool = Field(description="Whether all coalitions of features were asked for, or a sample")
    background_rows: int


def asked_to_explain(text: str) -> bool:
    """Read the parameter. Raises `InvalidInputError`."""
    if text not in _ANSWERS:
        detail = f"the parameter {PARAMETER}: expected true or false, found {text[:_MOST_SHOWN]!r}"
        raise InvalidInputError([Problem(detail, "")], 1)
    return _ANSWERS[text]


def explanations_json(found: Explanations, phones: _Numbers, background_rows: int) -> list[bytes]:
    """Write the `ExplanationOfAnswer` of each of n phones float32 [n, 20]."""
    order = found.order()
    places = np.array([FEATURE_NAMES.index(name) for name in found.features], np.intp)
    contributions, errors = (
        np.take_along_axis(of_features, order[:, :, np.newaxis], axis=1)
        for of_features in (found.contributions, found.errors)
    )
    reasons = zip(
        [_FEATURES[place] for place in places[order].ravel().tolist()],
        [text.removesuffix(b".0") for text in _texts(np.take_along_axis(phones[:, places], order, axis=1))],
        _texts(contributions[:, :, 0]),
        _texts(contributions[:, :, 1]),
        _errors(errors, found.exact),
        strict=True,
    )
    of_features = list(map(_REASON.__mod__, reasons))
    width = len(places)
    whole = zip(
        *(_texts(side[:, quantity]) for side in (found.value, found.base) for quantity in (0, 1)),
        [b",".join(of_features[start : start + width]) for start in range(0, len(of_features), width)],
        [b"true" if exact else b"false" for exact in found.exact.tolist()],
        repeat(background_rows, len(phones)),
        strict=True,
    )
    return list(map(_EXPLANATION.__mod__, whole))


def _errors(errors: _Numbers, exact: npt.NDArray[np.bool_]) -> Iterable[bytes]:
    """Return what is said of standard errors float32 [n, k, 2], nothing of phones whose reasons are exact."""
    if exact.all():
        return repeat(b"", errors[:, :, 0].size)
    told = map(_ERROR.__mod__, zip(_texts(errors[:, :, 0]), _texts(errors[:, :, 1]), strict=True))
    is_exact = np.repeat(exact, errors.shape[1]).tolist()
    return [b"" if nothing else text for nothing, text in zip(is_exact, told, strict=True)]


def _texts(numbers: _Numbers) -> list[bytes]:
    """Write float32 of any shape, one after the other, each as the shortest that reads back; NaN is null."""
    if not numbers.size:
        return []
    return orjson.dumps(numbers.ravel(), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")


_FEATURES = [name.encode() for name in FEATURE_NAMES]
_QUANTITIES = b'"score":%b,"probability":%b'
_ERROR = b',"error":{%b}' % _QUANTITIES
_REASON = b'{"feature":"%%b","value":%%b,%b%%b}' % _QUANTITIES
_EXPLANATION = b'{"value":{%b},"base":{%b},"reasons":[%%b],"exact":%%b,"background_rows":%%d}' % (
    _QUANTITIES,
    _QUANTITIES,
)
