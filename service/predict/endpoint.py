"""`POST /predict`: bytes to a row, the row to the model, arrays to bytes."""

from typing import Annotated

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from pricerange.bundle import Bundle
from pricerange.phone import LABELS, Phone
from service.http.body import read_json
from service.http.openapi import body_of, problem_responses
from service.http.reply import Reply
from service.model.batcher import Gatherer, PhoneAnswer

MOST_PHONE_BYTES = 65_536
"""A phone is about 400 bytes; a longer body is no phone, and naming all that is wrong with it costs time."""


class ModelName(BaseModel):
    """The model version that answered."""

    name: str
    version: str


class RowAnswer(BaseModel):
    """A phone's price range."""

    price_range: int = Field(ge=0, lt=len(LABELS), description="0 low to 3 very high cost")
    label: str
    probabilities: Annotated[
        list[float],
        Field(min_length=len(LABELS), max_length=len(LABELS), description="Of price ranges 0 to 3"),
    ]


class Answer(RowAnswer):
    """The answer to one phone."""

    model: ModelName


class Single:
    """Answers one phone a request."""

    def __init__(self, gatherer: Gatherer, version: Bundle, max_body_bytes: int) -> None:
        self.limit = min(max_body_bytes, MOST_PHONE_BYTES)
        self.gatherer = gatherer
        self._begins = [
            b'{"price_range":%d,"label":"%b","probabilities":[' % (price_range, label.encode())
            for price_range, label in enumerate(LABELS)
        ]
        self._end = b'],"model":%b}' % orjson.dumps({"name": version.name, "version": version.version})

    async def predict(self, request: Request) -> Response:
        """Answer a request."""
        body = await read_json(request, self.limit)
        return Reply(self.write(await self.gatherer.predict_phone(body)))

    def write(self, answer: PhoneAnswer) -> bytes:
        """Write the JSON of an `Answer`."""
        return self._begins[answer.price_range] + answer.probabilities + self._end


def add_single(router: APIRouter, single: Single) -> None:
    """Add the route to a router."""
    router.add_api_route(
        "/predict",
        single.predict,
        methods=["POST"],
        summary="Price range of one phone",
        responses={200: {"model": Answer}, **problem_responses(400, 408, 413, 415, 422, 503, 504)},
        openapi_extra=body_of(Phone),
    )
