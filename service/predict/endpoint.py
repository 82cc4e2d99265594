"""`POST /predict`: bytes to a row, the row to the model, arrays to bytes."""

from typing import Annotated

import numpy as np
import numpy.typing as npt
import orjson
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from pricerange.answer.prediction_sets import abstains
from pricerange.bundle import Bundle
from pricerange.phone import LABELS, Phone, Problem
from service.errors import InvalidInputError
from service.http.body import JSON, media_type_of
from service.http.openapi import compressed_body_of, problem_responses
from service.http.reply import Reply
from service.http.request_state import RequestState
from service.model.batcher import Batcher, PhoneAnswer
from service.model.decisions import TRUTH, DecisionOnPhone, decisions_json
from service.model.decoded import whole
from service.model.sets import PARAMETER, SETS_PARAMETER, AskedSets, SetsOfAnswer, sets_json
from service.model.time_slices import TimeSlices
from service.model.write import ROW_BEGINS, ApplicabilityOfPhone, ModelName, model_json

PATH = "/predict"
MOST_PHONE_BYTES = 65_536
"""A phone is about 400 bytes; a longer body is invalid, and naming all that is wrong with it costs time."""


_MOST_SHOWN = 40


class Answer(BaseModel):
    """The answer to one phone."""

    price_range: int = Field(ge=0, lt=len(LABELS), description="0 low to 3 very high cost")
    label: str
    probabilities: Annotated[
        list[float],
        Field(
            min_length=len(LABELS),
            max_length=len(LABELS),
            description="Probability of each price range",
        ),
    ]
    applicability: ApplicabilityOfPhone | None = Field(
        None, description="Left out where the setting out_of_range is answer or refuse"
    )
    prediction_set: list[int] | None = Field(None, description="Price ranges side by side; with `sets` only")
    abstain: bool | None = Field(
        None, description="Whether the set leaves the price range open; where the setting abstain is on"
    )
    sets: SetsOfAnswer | None = None
    decision: DecisionOnPhone | None = Field(None, description="Where the setting cost_matrix is set")
    model: ModelName


class PredictEndpoint:
    """Answers one phone a request."""

    def __init__(self, batcher: Batcher, slices: TimeSlices, version: Bundle, max_body_bytes: int) -> None:
        self.limit = min(max_body_bytes, MOST_PHONE_BYTES)
        self.batcher = batcher
        self._slices = slices
        self._version = version
        self._costs = batcher.deciding.costs
        self._abstain = batcher.deciding.abstain
        self._end = b',"model":%b}' % model_json(version)

    async def predict(self, request: Request) -> Response:
        """Answer a request. One without Content-Type is taken at its word."""
        media_type_of(RequestState.of(request.scope).head.by_name, (JSON,))
        sets = self._asked_sets(request)
        body = await whole(request, self.limit, self._slices)
        answer = await self.batcher.predict_phone(body)
        if sets is None:
            return Reply(self.write(answer))
        found = sets.of(_read(answer))
        (prediction_set,) = sets_json(found)
        members = b',"prediction_set":%b' % prediction_set
        if self._abstain:
            members += b',"abstain":%b' % TRUTH[bool(abstains(found)[0])]
        return Reply(self.write(answer, b'%b,"sets":%b' % (members, sets.promise)))

    def _asked_sets(self, request: Request) -> AskedSets | None:
        """Read the query. Raises `InvalidInputError`."""
        asked = request.query_params.multi_items()
        if not asked:
            return None
        (name, level), *more = asked
        if more or name != PARAMETER:
            found = str(request.url.query)[:_MOST_SHOWN]
            raise InvalidInputError([Problem(f"expected the parameter sets=LEVEL, found {found!r}", "")], 1)
        return AskedSets(self._version, level)

    def write(self, answer: PhoneAnswer, members: bytes = b"") -> bytes:
        """Write the JSON of an `Answer`, with more members where there are any."""
        price_range, probabilities, applicability = answer
        if self._costs is not None:
            (decision,) = decisions_json(self._costs.decide(_read(answer)))
            members += b',"decision":%b' % decision
        told = b'],"applicability":' if applicability else b"]"
        return b"".join((ROW_BEGINS[price_range], probabilities, told, applicability, members, self._end))


def _read(answer: PhoneAnswer) -> npt.NDArray[np.float32]:
    """Return the probabilities of an answer, float32 [1, 4]: their text reads back as they were."""
    return np.array([orjson.loads(b"[%b]" % answer[1])], np.float32)


def add_predict(router: APIRouter, endpoint: PredictEndpoint) -> None:
    """Add the route to a router."""
    router.add_api_route(
        PATH,
        endpoint.predict,
        methods=["POST"],
        summary="Price range of one phone",
        responses={200: {"model": Answer}, **problem_responses(400, 408, 413, 415, 422, 503, 504)},
        openapi_extra={**compressed_body_of(Phone), "parameters": [SETS_PARAMETER]},
    )
