"""`POST /predict/curve`: how the answer to a phone runs over the values of one feature, for a slider."""

from functools import partial
from typing import Annotated

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from pricerange.answer.change.curve import Curve
from pricerange.answer.change.lattice import Within, plain
from pricerange.phone import FEATURE_NAMES, LABELS
from service.http.openapi import compressed_body_of, problem_responses
from service.http.reply import Reply
from service.http.request_state import RequestState
from service.model.batcher import Batcher
from service.model.time_slices import TimeSlices
from service.model.write import AnswerOfPhone
from service.predict import question
from service.predict.question import (
    EXAMPLE,
    OR_AS_NUMBER,
    PROBLEMS,
    FeatureName,
    Question,
    answer_to,
)
from service.versions.names import ModelName
from service.versions.served import Served

PATH = "/predict/curve"
MOST_POINTS = 500
"""More than a slider has pixels between two values, and asked about in one time slice."""


class CurveQuestion(Question):
    """How does the answer to this phone run over the values of a feature?"""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"phone": EXAMPLE, "feature": "ram", "points": 50}]}
    )

    feature: FeatureName
    points: Annotated[int, Field(strict=True, ge=2, le=MOST_POINTS), OR_AS_NUMBER] = Field(
        50, description="How many values, evenly spread; fewer where the feature has not as many"
    )
    within: Within = Field("training_range", description="From end to end of what")


class PointOfCurve(BaseModel):
    """The answer to the phone with another value of the feature."""

    value: float
    price_range: int = Field(ge=0, lt=len(LABELS))
    probabilities: list[float] = Field(min_length=len(LABELS), max_length=len(LABELS))
    in_range: bool | None = Field(
        None, description="Left out where the setting out_of_range is answer; refused points are left out"
    )


class CurveAnswer(AnswerOfPhone):
    """The answer to the phone as it is, and to the phone with other values of one feature."""

    feature: str
    value: float = Field(description="As it is")
    active: bool = Field(description="Whether the feature can change an answer")
    curve: list[PointOfCurve] = Field(description="The smallest value first")
    model: ModelName


class CurveEndpoint:
    """Answers curves, each in a time slice."""

    def __init__(self, batcher: Batcher, slices: TimeSlices, limit: int) -> None:
        self._batcher = batcher
        self._slices = slices
        self._limit = limit

    async def answer(self, request: Request) -> Response:
        """Answer a request."""
        asked = await question.read(request, CurveQuestion, self._limit, self._slices)
        state = RequestState.of(request.scope)
        phone, answer, served = await question.answered(asked.phone, self._batcher, state)
        place = FEATURE_NAMES.index(asked.feature)
        curve = Curve.of(phone, place, served.lattices[asked.within], asked.points)
        version = served.bundle
        told = {
            **answer_to(phone, answer, served, self._batcher),
            "feature": asked.feature,
            "value": plain(place, phone[place]),
            "active": asked.feature in version.passport.active_features,
            "curve": await self._slices.run(partial(self._points, curve, place, served)),
            "model": {"name": version.name, "version": version.version},
        }
        return Reply(orjson.dumps(told, option=orjson.OPT_SERIALIZE_NUMPY))

    def _points(self, curve: Curve, place: int, served: Served) -> list[dict[str, object]]:
        answer = served.predictor.predict(curve.phones)
        in_range = served.region.of(curve.phones).in_range.tolist()
        points: list[dict[str, object]] = [
            {"value": plain(place, value), "price_range": price_range, "probabilities": probabilities}
            for value, price_range, probabilities in zip(
                curve.values, answer.price_range.tolist(), answer.probabilities, strict=True
            )
        ]
        match self._batcher.out_of_range:
            case "answer":
                return points
            case "flag":
                return [{**point, "in_range": one} for point, one in zip(points, in_range, strict=True)]
            case "refuse":
                return [point for point, one in zip(points, in_range, strict=True) if one]


def add_curve(router: APIRouter, endpoint: CurveEndpoint) -> None:
    """Add the route to a router."""
    router.add_api_route(
        PATH,
        endpoint.answer,
        methods=["POST"],
        summary="Answers to one phone over the values of one feature",
        responses={200: {"model": CurveAnswer}, **problem_responses(*PROBLEMS)},
        openapi_extra=compressed_body_of(CurveQuestion),
    )
