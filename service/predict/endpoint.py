"""`POST /predict` and `/predict/explain`: bytes to a row, the row to the model, arrays to bytes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import orjson
from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from pricerange.answer.prediction_sets import abstains
from pricerange.phone import PartialPhone, Phone, Problem
from service.errors import InvalidInputError
from service.http.body import JSON, media_type_of
from service.http.keys.key import charge
from service.http.openapi import compressed_body_of, problem_responses
from service.http.reply import Reply
from service.http.request_state import RequestState
from service.model.batcher import Batcher, PhoneAnswer
from service.model.decisions import TRUTH, decisions_json
from service.model.decoded import whole
from service.model.explaining import Explanation
from service.model.explanation import (
    EXPLAIN_PARAMETER,
    ExplanationOfAnswer,
    asked_to_explain,
    explanations_json,
)
from service.model.explanation import PARAMETER as EXPLAIN
from service.model.parse import rows_of
from service.model.sets import PARAMETER as SETS
from service.model.sets import SETS_PARAMETER, AskedSets, SetsOfAnswer, level_of, sets_json
from service.model.time_slices import TimeSlices
from service.model.unknown import PARAMETER as UNKNOWN
from service.model.unknown import UNKNOWN_PARAMETER, is_asked, unknown_json
from service.model.write import ROW_BEGINS, AnswerOfPhone
from service.predict.averaged import predict_averaged
from service.versions.names import ModelName

PATH = "/predict"
MOST_PHONE_BYTES = 65_536
"""A phone is about 400 bytes; a longer body is invalid, and naming all that is wrong with it costs time."""
_MOST_SHOWN = 40
_VALUES = {SETS: "LEVEL", UNKNOWN: "average", EXPLAIN: "true"}


class Answer(AnswerOfPhone):
    """The answer to one phone, and what is told beside it."""

    prediction_set: list[int] | None = Field(None, description="Price ranges side by side; with `sets` only")
    abstain: bool | None = Field(
        None, description="Whether the set leaves the price range open; where the setting abstain is on"
    )
    sets: SetsOfAnswer | None = None
    explanation: ExplanationOfAnswer | None = Field(None, description="With `explain=true` only")
    unknown: list[str] | None = Field(None, description="Features that were null; with `unknown` only")
    model: ModelName


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for beside the answer: sets of a level, and the like."""

    level: float | None = None
    explain: bool = False
    unknown: bool = False


_NOTHING = Asked()


class PredictEndpoint:
    """Answers one phone a request."""

    def __init__(
        self,
        batcher: Batcher,
        slices: TimeSlices,
        max_body_bytes: int,
        explanation: Explanation,
    ) -> None:
        self.limit = min(max_body_bytes, MOST_PHONE_BYTES)
        self.batcher = batcher
        self._slices = slices
        self._costs = batcher.deciding.costs
        self._abstain = batcher.deciding.abstain
        self._explanation = explanation

    async def predict(self, request: Request) -> Response:
        """Answer a request. One without Content-Type is taken at its word."""
        return await self._answer(request, self._asked(request, (SETS, UNKNOWN, EXPLAIN)))

    async def explain(self, request: Request) -> Response:
        """Answer a request, and say why."""
        return await self._answer(request, replace(self._asked(request, (SETS, UNKNOWN)), explain=True))

    async def _answer(self, request: Request, asked: Asked) -> Response:
        state = RequestState.of(request.scope)
        media_type_of(state.head.by_name, (JSON,))
        body = await whole(request, self.limit, self._slices)
        charge(state, 1)
        phone: npt.NDArray[np.float32] | None = None
        if asked.unknown:
            answer, phone = await predict_averaged(self.batcher, body, state)
        else:
            answer = await self.batcher.predict_phone(body, state)
        served = answer[3]
        unknown = None if phone is None else np.isnan(phone)
        members = b""
        if asked.level is not None:
            members += self._with_set(AskedSets(served, asked.level), answer, unknown)
        if asked.explain:
            explaining = self._explanation.of(served)
            # read once more, in a hundredth of the time that it takes to explain
            phones = rows_of([body])[0] if phone is None else phone
            found = await explaining.one(phones[0], answer[0])
            (explanation,) = explanations_json(found, phones, explaining.background_rows)
            members += b',"explanation":%b' % explanation
        if unknown is not None:
            members += b',"unknown":%b' % unknown_json(unknown)[0]
        return Reply(self.write(answer, members))

    def _asked(self, request: Request, known: Sequence[str]) -> Asked:
        """Read the query, of some known parameters. Raises `InvalidInputError`."""
        query: bytes = request.scope["query_string"]
        if not query:
            return _NOTHING
        asked = dict[str, str]()
        for name, value in request.query_params.multi_items():
            if name in asked or name not in known:
                expected = " and ".join(f"{one}={_VALUES[one]}" for one in known)
                found = query.decode("latin-1")[:_MOST_SHOWN]
                raise InvalidInputError(
                    [Problem(f"expected the parameters {expected}, found {found!r}", "")], 1
                )
            asked[name] = value
        return Asked(
            level_of(asked[SETS]) if SETS in asked else None,
            asked_to_explain(asked[EXPLAIN]) if EXPLAIN in asked else False,
            is_asked(asked.get(UNKNOWN)),
        )

    def _with_set(self, sets: AskedSets, answer: PhoneAnswer, unknown: npt.NDArray[np.bool_] | None) -> bytes:
        found = sets.of(_read(answer), unknown)
        (prediction_set,) = sets_json(found)
        abstain = b',"abstain":%b' % TRUTH[bool(abstains(found)[0])] if self._abstain else b""
        return b',"prediction_set":%b%b,"sets":%b' % (prediction_set, abstain, sets.promise)

    def write(self, answer: PhoneAnswer, members: bytes = b"") -> bytes:
        """Write the JSON of an `Answer`, with more members where there are any."""
        price_range, probabilities, applicability, served = answer
        if self._costs is not None:
            (decision,) = decisions_json(self._costs.decide(_read(answer)))
            members += b',"decision":%b' % decision
        told = b'],"applicability":' if applicability else b"]"
        return b"".join((ROW_BEGINS[price_range], probabilities, told, applicability, members, served.end))


def _read(answer: PhoneAnswer) -> npt.NDArray[np.float32]:
    """Return the probabilities of an answer, float32 [1, 4]: their text reads back as they were."""
    return np.array([orjson.loads(b"[%b]" % answer[1])], np.float32)


def add_predict(router: APIRouter, endpoint: PredictEndpoint) -> None:
    """Add the routes to a router."""
    of_both = [SETS_PARAMETER, UNKNOWN_PARAMETER]
    routes = (
        (PATH, endpoint.predict, "Price range of one phone", [*of_both, EXPLAIN_PARAMETER]),
        (PATH + "/explain", endpoint.explain, "Price range of one phone, and why", of_both),
    )
    for path, answer, summary, parameters in routes:
        router.add_api_route(
            path,
            answer,
            methods=["POST"],
            summary=summary,
            responses={200: {"model": Answer}, **problem_responses(400, 408, 413, 415, 422, 503, 504)},
            openapi_extra={**compressed_body_of(Phone, PartialPhone), "parameters": parameters},
        )
