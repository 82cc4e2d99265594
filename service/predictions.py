"""`POST /predict` and `POST /predict/batch`: bytes to rows, rows to the model, arrays to bytes."""

from typing import Annotated

import numpy as np
import orjson
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError, create_model
from starlette.requests import Request
from starlette.responses import Response

from pricerange.bundle import Bundle
from pricerange.phone import FEATURES, LABELS, Phone, features_of
from pricerange.predictor import Prediction
from service.body import read_json
from service.errors import InvalidInputError, TooManyRowsError
from service.gather import Gatherer
from service.openapi import body_of, problem_responses

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


class BatchAnswer(BaseModel):
    """The answers to many phones, in their order."""

    predictions: list[RowAnswer]
    model: ModelName


class Phones(BaseModel):
    """Many phones."""

    model_config = ConfigDict(extra="forbid")

    # what is wrong with the first bad phone is told, not with a thousand: that takes seconds and gigabytes
    phones: Annotated[list[Phone], FailFast()]


def add_predictions(
    router: APIRouter, gatherer: Gatherer, version: Bundle, max_body_bytes: int, max_rows: int
) -> None:
    """Add the two routes to a router."""
    bounded = create_model(
        "Bounded",
        __base__=Phones,
        phones=(Annotated[list[Phone], FailFast(), Field(max_length=max_rows)], ...),
    )
    model = orjson.Fragment(orjson.dumps({"name": version.name, "version": version.version}))

    @router.post(
        "/predict",
        summary="Price range of one phone",
        responses={200: {"model": Answer}, **problem_responses(413, 415, 422, 503)},
        openapi_extra=body_of(Phone),
    )
    async def predict(request: Request) -> Response:
        body = await read_json(request, min(max_body_bytes, MOST_PHONE_BYTES))
        try:
            phone = Phone.model_validate_json(body)
        except ValidationError as error:
            raise InvalidInputError.of(error) from None
        prediction = await gatherer.predict(np.array([features_of(phone)], np.float32))
        return _Json({**_row(prediction, 0), "model": model})

    @router.post(
        "/predict/batch",
        summary="Price ranges of many phones",
        responses={200: {"model": BatchAnswer}, **problem_responses(413, 415, 422, 503)},
        openapi_extra=body_of(Phones),
    )
    async def predict_batch(request: Request) -> Response:
        body = await read_json(request, max_body_bytes)
        try:
            phones = bounded.model_validate_json(body).phones
        except ValidationError as error:
            if error.error_count() == 1 and error.errors()[0]["type"] == "too_long":
                raise TooManyRowsError(max_rows) from None
            raise InvalidInputError.of(error) from None
        rows = np.array([features_of(phone) for phone in phones], np.float32)
        prediction = await gatherer.predict(rows.reshape(-1, len(FEATURES)))
        return _Json({"predictions": [_row(prediction, i) for i in range(len(phones))], "model": model})


def _row(prediction: Prediction, index: int) -> dict[str, object]:
    price_range = int(prediction.price_range[index])
    return {
        "price_range": price_range,
        "label": LABELS[price_range],
        # float32, written as the shortest decimal that reads back as the same float32
        "probabilities": prediction.probabilities[index],
    }


class _Json(Response):
    """A 200 whose two headers are known: Starlette would spend as long on them as the model on the row."""

    def __init__(self, content: object) -> None:
        self.status_code = 200
        self.background = None
        self.body = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
        length = str(len(self.body)).encode()
        self.raw_headers = [(b"content-length", length), (b"content-type", b"application/json")]
