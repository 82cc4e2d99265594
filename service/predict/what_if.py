"""`POST /predict/what-if`: the smallest changes that would move a phone to another price range."""

from typing import Annotated

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from pricerange.answer.change.lattice import Rows, Within, plain
from pricerange.answer.change.what_if import NOTE, Change
from pricerange.phone import FEATURE_NAMES, FEATURES, LABELS
from service.http.openapi import compressed_body_of, problem_responses
from service.http.reply import Reply
from service.http.request_state import RequestState
from service.model import searches
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

PATH = "/predict/what-if"

_SEARCH_BYTES = 2 << 20
"""Memory of a search over all features: the lines that it follows, and the block that is asked about."""


class WhatIfQuestion(Question):
    """What would move this phone to that price range?"""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"phone": EXAMPLE, "price_range": 2, "features": ["ram", "battery_power"]}]
        }
    )

    price_range: Annotated[int, Field(strict=True, ge=0, lt=len(LABELS)), OR_AS_NUMBER] = Field(
        description="The price range that is wanted: 0 low to 3 very high cost"
    )
    features: Annotated[list[FeatureName], Field(max_length=len(FEATURES))] | None = Field(
        None, description="The features that may change; all that can change an answer if it is left out"
    )


class ChangedFeature(BaseModel):
    """One feature of a changed phone."""

    feature: str
    value: float = Field(description="As it is")
    changed_to: float


class ChangeOfPhone(AnswerOfPhone):
    """A changed phone, and the answer to it: that of `/predict`, to the last bit."""

    size: float = Field(
        description="In spreads of the feature in the training rows; of two features the Euclidean norm"
    )
    within: Within = Field(description="Where the new values lie; the limits only if the range has none")
    features: list[ChangedFeature]


class ChangesOfPhone(BaseModel):
    """The smallest change of one feature, and of two; null where none was found."""

    one: ChangeOfPhone | None
    two: ChangeOfPhone | None


class Wanted(BaseModel):
    """The price range that is wanted."""

    price_range: int
    label: str


class WhatIfAnswer(AnswerOfPhone):
    """The answer to the phone as it is, and what would change it."""

    wanted: Wanted
    changes: ChangesOfPhone = Field(description="Without features, and of size 0, where it is so already")
    searched: list[str] = Field(description="The allowed features that can change an answer")
    inactive: list[str] = Field(description="The allowed features that the model gives no weight")
    note: str
    model: ModelName


class WhatIfEndpoint:
    """Looks for changes, each block of phones that it asks about in a time slice."""

    def __init__(self, batcher: Batcher, slices: TimeSlices, limit: int) -> None:
        self._batcher = batcher
        self._slices = slices
        self._limit = limit

    async def answer(self, request: Request) -> Response:
        """Answer a request."""
        state = RequestState.of(request.scope)
        asked = await question.read(request, WhatIfQuestion, self._limit, self._slices)
        phone, answer, served = await question.answered(asked.phone, self._batcher, state)
        state.hold(_SEARCH_BYTES)
        search = served.what_if.search(phone, asked.price_range, asked.features)
        changes = await searches.run(search, served.predictor, self._slices, state)
        version = served.bundle
        told = {
            **answer_to(phone, answer, served, self._batcher),
            "wanted": {"price_range": asked.price_range, "label": LABELS[asked.price_range]},
            "changes": {
                "one": self._told(phone, changes.one, served),
                "two": self._told(phone, changes.two, served),
            },
            "searched": changes.searched,
            "inactive": changes.inactive,
            "note": NOTE,
            "model": {"name": version.name, "version": version.version},
        }
        return Reply(orjson.dumps(told, option=orjson.OPT_SERIALIZE_NUMPY))

    def _told(self, phone: Rows, change: Change | None, served: Served) -> dict[str, object] | None:
        if change is None:
            return None
        return {
            **answer_to(change.phone, change.answer, served, self._batcher),
            "size": float(f"{change.size:.6g}"),
            "within": change.within,
            "features": [
                {
                    "feature": FEATURE_NAMES[place],
                    "value": plain(place, phone[place]),
                    "changed_to": plain(place, change.phone[place]),
                }
                for place in change.places
            ],
        }


def add_what_if(router: APIRouter, endpoint: WhatIfEndpoint) -> None:
    """Add the route to a router."""
    router.add_api_route(
        PATH,
        endpoint.answer,
        methods=["POST"],
        summary="What would move one phone to another price range",
        responses={200: {"model": WhatIfAnswer}, **problem_responses(*PROBLEMS)},
        openapi_extra=compressed_body_of(WhatIfQuestion),
    )
