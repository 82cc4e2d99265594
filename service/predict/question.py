"""Questions about one phone that hold more than the phone: `{"phone": {...}, ...}`."""

import json
from typing import Any, Literal, TypeVar

import numpy as np
import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import Request

from pricerange.answer.change.lattice import Rows
from pricerange.phone import (
    FEATURE_NAMES,
    FEATURES,
    LABELS,
    Phone,
    Problem,
    features_of,
    first_problems,
    json_pointer,
    shown,
)
from pricerange.predictor import Prediction
from service.errors import MOST_PROBLEMS, InvalidInputError, OutOfRangeError
from service.http.body import JSON, media_type_of
from service.http.keys.key import charge
from service.http.request_state import RequestState
from service.model.batcher import Batcher
from service.model.decisions import decisions_json
from service.model.decoded import whole
from service.model.time_slices import TimeSlices
from service.versions.served import Served

EXAMPLE: dict[str, Any] = {feature.name: feature.example for feature in FEATURES}
FeatureName = Literal[FEATURE_NAMES]  # type: ignore[valid-type]
PROBLEMS = (400, 408, 413, 415, 422, 503, 504)
"""Statuses of rejections."""
_MOST_SHOWN = 40


def _as_whole(value: object) -> object:
    """Take 3.0 for 3, as JSON Schema does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


OR_AS_NUMBER = BeforeValidator(_as_whole)
"""Of a strict whole number: it may be written as any number is."""


class Question(BaseModel):
    """A phone, and what else a model of a body adds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    phone: Phone


Q = TypeVar("Q", bound=Question)


async def read(request: Request, question: type[Q], limit: int, slices: TimeSlices) -> Q:
    """Read the body of a request that has no parameters.

    Raises `InvalidInputError`, `MediaTypeError` and what `whole` raises.
    """
    state = RequestState.of(request.scope)
    media_type_of(state.head.by_name, (JSON,))
    if request.url.query:
        found = request.url.query[:_MOST_SHOWN]
        raise InvalidInputError([Problem(f"expected no parameters, found {found!r}", "")], 1)
    body = await whole(request, limit, slices)
    charge(state, 1)
    try:
        return question.model_validate_json(body)
    except ValidationError as error:
        raise _invalid(error, question) from None


async def answered(phone: Phone, batcher: Batcher, state: RequestState) -> tuple[Rows, Prediction, Served]:
    """Return a phone as float32 [20], the model's answer to it, and which version that is from.

    Raises `OutOfRangeError` where it is refused, and what `Batcher.predict` raises.
    """
    rows = np.array([features_of(phone)], np.float32)
    choice = batcher.versions.live.of_request(rows, state)
    if batcher.out_of_range == "refuse":
        _require_in_range(rows, batcher, choice.served)
    answers = await batcher.predict(rows, choice)
    state.answerer = answers.served.seat
    return rows[0], answers.prediction, answers.served


def answer_to(phone: Rows, answer: Prediction, served: Served, batcher: Batcher) -> dict[str, object]:
    """Return an `AnswerOfPhone` as orjson writes it, to a phone float32 [20]."""
    price_range = int(answer.price_range[0])
    told: dict[str, object] = {
        "price_range": price_range,
        "label": LABELS[price_range],
        "probabilities": answer.probabilities[0],
    }
    if batcher.out_of_range == "flag":
        found = served.region.of(phone[np.newaxis])
        told["applicability"] = served.region.details(found, 0, phone)
    if batcher.deciding.costs is not None:
        (decision,) = decisions_json(batcher.deciding.costs.decide(answer.probabilities))
        told["decision"] = orjson.Fragment(decision)
    return told


def _require_in_range(rows: Rows, batcher: Batcher, served: Served) -> None:
    found = batcher.judge(rows, served)
    if not found.in_range[0]:
        problems = [
            Problem(problem.detail, f"/phone{problem.pointer}")
            for problem in served.region.problems(found, 0, rows[0])
        ]
        raise OutOfRangeError(problems, len(problems))


def _invalid(error: ValidationError, question: type[Question]) -> InvalidInputError:
    """Name the rules that a body broke: those of phones in the table's words, the others in such as these."""
    found = first_problems(error, MOST_PROBLEMS)
    if found.count < error.error_count():
        return InvalidInputError(found.problems, found.count)
    details = error.errors(include_url=False, include_context=False)
    problems = [
        problem if _is_of_phone(one) else _of_question(one, question)
        for one, problem in zip(details, found.problems, strict=False)
    ]
    return InvalidInputError(problems, found.count)


def _is_of_phone(error: ErrorDetails) -> bool:
    """Whether a rule is one of phones, or of JSON."""
    place = error["loc"]
    return not place or (place[0] == "phone" and (len(place) > 1 or error["type"] != "missing"))


def _of_question(error: ErrorDetails, question: type[Question]) -> Problem:
    pointer = json_pointer(error["loc"])
    name = pointer[1:]
    match error["type"]:
        case "extra_forbidden":
            expected = ", ".join(question.model_fields)
            detail = f"{json.dumps(name[:_MOST_SHOWN])} is not a known field: expected one of {expected}"
        case "missing":
            detail = f"{name} is missing"
        case _:
            detail = f"{name}: {error['msg']}, got {shown(error['input'])}"
    return Problem(detail, pointer)
