"""`POST /predict`: bytes to a row, the row to the model, arrays to bytes."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from pricerange.bundle import Bundle
from pricerange.phone import LABELS, Phone
from service.http.body import JSON, media_type_of
from service.http.openapi import compressed_body_of, problem_responses
from service.http.reply import Reply
from service.http.request_state import RequestState
from service.model.batcher import Batcher, PhoneAnswer
from service.model.decoded import whole
from service.model.time_slices import TimeSlices
from service.model.write import ROW_BEGINS, ModelName, model_json

PATH = "/predict"
MOST_PHONE_BYTES = 65_536
"""A phone is about 400 bytes; a longer body is invalid, and naming all that is wrong with it costs time."""


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
    model: ModelName


class PredictEndpoint:
    """Answers one phone a request."""

    def __init__(self, batcher: Batcher, slices: TimeSlices, version: Bundle, max_body_bytes: int) -> None:
        self.limit = min(max_body_bytes, MOST_PHONE_BYTES)
        self.batcher = batcher
        self._slices = slices
        self._end = b'],"model":%b}' % model_json(version)

    async def predict(self, request: Request) -> Response:
        """Answer a request. One without Content-Type is taken at its word."""
        media_type_of(RequestState.of(request.scope).head.by_name, (JSON,))
        body = await whole(request, self.limit, self._slices)
        return Reply(self.write(await self.batcher.predict_phone(body)))

    def write(self, answer: PhoneAnswer) -> bytes:
        """Write the JSON of an `Answer`."""
        price_range, probabilities = answer
        return ROW_BEGINS[price_range] + probabilities + self._end


def add_predict(router: APIRouter, endpoint: PredictEndpoint) -> None:
    """Add the route to a router."""
    router.add_api_route(
        PATH,
        endpoint.predict,
        methods=["POST"],
        summary="Price range of one phone",
        responses={200: {"model": Answer}, **problem_responses(400, 408, 413, 415, 422, 503, 504)},
        openapi_extra=compressed_body_of(Phone),
    )
