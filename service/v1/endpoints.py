"""The endpoints of the protocol: which models there are, their predictions and explanations."""

from collections.abc import Iterable
from functools import partial
from itertools import repeat

import numpy as np
import numpy.typing as npt
import orjson
from starlette.requests import Request
from starlette.responses import Response

from pricerange.phone import Problem
from service.errors import InvalidInputError, OutOfRangeError, UnknownModelError
from service.http.body import JSON, media_type_of
from service.http.keys.key import charge
from service.http.lifecycle import Lifecycle
from service.http.reply import Reply
from service.http.request_state import RequestState
from service.model.batcher import Answers, Batcher
from service.model.decisions import decisions_json
from service.model.decoded import whole
from service.model.explaining import Explanation
from service.model.explanation import explanations_json
from service.model.time_slices import TimeSlices
from service.model.write import IN_RANGE, ROW_BEGINS, applicability_json, probabilities_json
from service.settings import Settings
from service.v1.instances import InstancesReader, of_instance
from service.versions.live import Choice

_JSON_TIMES = 12
"""How many times its size a body takes once it is parsed."""
_MOST_SHOWN = 40

_Rows = npt.NDArray[np.float32]


class ModelEndpoints:
    """The endpoints of the one model that is served."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        batcher: Batcher,
        slices: TimeSlices,
        settings: Settings,
        explanation: Explanation,
    ) -> None:
        self._name = batcher.versions.name
        self._lifecycle = lifecycle
        self._batcher = batcher
        self._slices = slices
        self._max_body_bytes = settings.max_body_bytes
        self._reader = InstancesReader(settings.max_rows)
        self._explanation = explanation

    async def models(self, request: Request) -> Response:
        """Answer `GET /v1/models`."""
        return Reply(orjson.dumps({"models": [self._name]}))

    async def ready(self, request: Request) -> Response:
        """Answer `GET` of the model itself. Raises `NotReadyError`."""
        self._lifecycle.require_ready()
        self._batcher.versions.require_loaded()
        return Reply(orjson.dumps({"name": self._name, "ready": True}))

    async def predict(self, request: Request) -> Response:
        """Answer n phones."""
        rows, choice = await self._rows(request)
        answers = await self._answers(request, rows, choice)
        return Reply(b'{"predictions":[%b]}' % await self._written(answers, rows))

    async def explain(self, request: Request) -> Response:
        """Answer n phones, and say why. Raises `TooManyRowsError` where they are too many for that."""
        rows, choice = await self._rows(request)
        explaining = self._explanation.of(choice.served)
        explaining.require_few(len(rows))
        answers = await self._answers(request, rows, choice)
        if answers.served is not choice.served:
            explaining = self._explanation.of(answers.served)
        state = RequestState.of(request.scope)
        found = await explaining.many(state, rows, answers.prediction.price_range)
        write = partial(explanations_json, found, rows, explaining.background_rows)
        explanations = b",".join(await self._slices.run(write, begun=True))
        predictions = await self._written(answers, rows)
        return Reply(b'{"predictions":[%b],"explanations":[%b]}' % (predictions, explanations))

    async def _answers(self, request: Request, rows: _Rows, choice: Choice) -> Answers:
        answers = await self._batcher.predict(rows, choice)
        state = RequestState.of(request.scope)
        state.answerer = answers.served.seat
        self._batcher.log("v1", state, rows, answers.prediction, answers.served)
        return answers

    async def other_model(self, request: Request) -> Response:
        """Refuse what is asked of any other model. Raises `UnknownModelError`."""
        raise UnknownModelError(self._name, request.path_params["model_name"])

    async def _rows(self, request: Request) -> tuple[_Rows, Choice]:
        """Read a body of JSON, whatever is not said of its type, and choose who answers it.

        Raises `InvalidInputError` and the like.
        """
        state = RequestState.of(request.scope)
        media_type_of(state.head.by_name, (JSON,))
        query: bytes = request.scope["query_string"]
        if query:
            found = query.decode("latin-1")[:_MOST_SHOWN]
            raise InvalidInputError([Problem(f"expected no parameters, found {found!r}", "")], 1)
        body = await whole(request, self._max_body_bytes, self._slices)
        state.hold(_JSON_TIMES * len(body))
        rows, choice = await self._slices.run(partial(self._read, body, state))
        charge(state, len(rows))
        return rows, choice

    def _read(self, body: bytes | bytearray, state: RequestState) -> tuple[_Rows, Choice]:
        rows = self._reader.rows_of(body)
        choice = self._batcher.versions.live.of_request(rows, state)
        if self._batcher.out_of_range == "refuse":
            region = choice.served.region
            found = self._batcher.judge(rows, choice.served)
            for row in np.flatnonzero(~found.in_range)[:1].tolist():
                problems = of_instance(row, list(region.problems(found, row, rows[row])))
                raise OutOfRangeError(problems, len(problems))
        return rows, choice

    async def _written(self, answers: Answers, rows: _Rows) -> bytes:
        return await self._slices.run(partial(self._predictions, answers, rows), begun=True)

    def _predictions(self, answers: Answers, rows: _Rows) -> bytes:
        """Write n answers, each with the members of an answer of `/predict` but for the model."""
        price_range, probabilities = answers.prediction.price_range, answers.prediction.probabilities
        ends = self._ends(answers, rows)
        answered = zip(price_range.tolist(), probabilities_json(probabilities), ends, strict=True)
        return b",".join([ROW_BEGINS[k] + text + end for k, text, end in answered])

    def _ends(self, answers: Answers, rows: _Rows) -> Iterable[bytes]:
        """Yield what stands behind each answer's probabilities."""
        found, costs = answers.applicability, self._batcher.deciding.costs
        ends: Iterable[bytes] = repeat(b"]", len(rows))
        if self._batcher.out_of_range == "flag":
            # nothing was found where all are in range
            of_rows = (
                repeat(IN_RANGE, len(rows))
                if found is None
                else applicability_json(answers.served.region, found, rows)
            )
            ends = map(b'],"applicability":%b'.__mod__, of_rows)
        if costs is not None:
            decided = decisions_json(costs.decide(answers.prediction.probabilities))
            ends = map(b'%b,"decision":%b'.__mod__, zip(ends, decided, strict=True))
        return map(b"%b}".__mod__, ends)
