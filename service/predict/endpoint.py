"""`POST /predict`: bytes to a row, the row to the model, arrays to bytes."""

from typing import Annotated, NamedTuple

import numpy as np
import orjson
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from pricerange.bundle import Bundle
from pricerange.phone import LABELS, Phone, Problem
from service.errors import InvalidInputError
from service.http.body import JSON, media_type_of
from service.http.openapi import compressed_body_of, problem_responses
from service.http.reply import Reply
from service.http.request_state import RequestState
from service.model.batcher import Batcher, PhoneAnswer
from service.model.decoded import whole
from service.model.sets import PARAMETER, SETS_PARAMETER, AskedSets, SetsOfAnswer, sets_json
from service.model.time_slices import TimeSlices
from service.model.unknown import PARAMETER as UNKNOWN
from service.model.unknown import UNKNOWN_PARAMETER, is_asked, unknown_json
from service.model.write import ROW_BEGINS, ApplicabilityOfPhone, ModelName, model_json
from service.predict.averaged import predict_averaged

PATH = "/predict"
MOST_PHONE_BYTES = 65_536
"""A phone is about 400 bytes; a longer body is invalid, and naming all that is wrong with it costs time."""


_MOST_SHOWN = 40


class _Asked(NamedTuple):
    """What the query of a request asks for beside the answer."""

    sets: AskedSets | None = None
    unknown: bool = False


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
    sets: SetsOfAnswer | None = None
    unknown: list[str] | None = Field(None, description="Features that were null; with `unknown` only")
    model: ModelName


class PredictEndpoint:
    """Answers one phone a request."""

    def __init__(self, batcher: Batcher, slices: TimeSlices, version: Bundle, max_body_bytes: int) -> None:
        self.limit = min(max_body_bytes, MOST_PHONE_BYTES)
        self.batcher = batcher
        self._slices = slices
        self._version = version
        self._end = b',"model":%b}' % model_json(version)

    async def predict(self, request: Request) -> Response:
        """Answer a request. One without Content-Type is taken at its word."""
        media_type_of(RequestState.of(request.scope).head.by_name, (JSON,))
        asked = self._asked(request)
        body = await whole(request, self.limit, self._slices)
        if asked.unknown:
            answer, unknown = await predict_averaged(self.batcher, body)
        else:
            answer, unknown = await self.batcher.predict_phone(body), None
        members = b""
        if asked.sets is not None:
            probabilities = np.array([orjson.loads(b"[%b]" % answer[1])], np.float32)
            (prediction_set,) = sets_json(asked.sets.of(probabilities, unknown))
            members = b',"prediction_set":%b,"sets":%b' % (prediction_set, asked.sets.promise)
        if unknown is not None:
            members += b',"unknown":%b' % unknown_json(unknown)[0]
        return Reply(self.write(answer, members))

    def _asked(self, request: Request) -> _Asked:
        """Read the query. Raises `InvalidInputError`."""
        given = request.query_params.multi_items()
        asked = dict(given)
        if len(asked) < len(given) or not asked.keys() <= {PARAMETER, UNKNOWN}:
            expected, found = "sets=LEVEL or unknown=average", str(request.url.query)[:_MOST_SHOWN]
            raise InvalidInputError([Problem(f"expected the parameters {expected}, found {found!r}", "")], 1)
        sets = AskedSets(self._version, asked[PARAMETER]) if PARAMETER in asked else None
        return _Asked(sets, is_asked(asked.get(UNKNOWN), self._version))

    def write(self, answer: PhoneAnswer, members: bytes = b"") -> bytes:
        """Write the JSON of an `Answer`, with more members where there are any."""
        price_range, probabilities, applicability = answer
        told = b'],"applicability":' if applicability else b"]"
        return b"".join((ROW_BEGINS[price_range], probabilities, told, applicability, members, self._end))


def add_predict(router: APIRouter, endpoint: PredictEndpoint) -> None:
    """Add the route to a router."""
    router.add_api_route(
        PATH,
        endpoint.predict,
        methods=["POST"],
        summary="Price range of one phone",
        responses={200: {"model": Answer}, **problem_responses(400, 408, 413, 415, 422, 503, 504)},
        openapi_extra={**compressed_body_of(Phone), "parameters": [SETS_PARAMETER, UNKNOWN_PARAMETER]},
    )
