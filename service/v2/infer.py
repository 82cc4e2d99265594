"""The endpoint that answers phones: bytes to rows, rows to the model, arrays to bytes."""

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from starlette.requests import Request
from starlette.responses import Response

from pricerange.answer.columns import DECISION
from pricerange.answer.prediction_sets import PredictionSets
from pricerange.phone import Problem
from service.errors import MOST_PROBLEMS, InferenceInputError
from service.http.keys.key import charge
from service.http.request_state import RequestState
from service.model.batcher import Answers, Batcher
from service.model.decoded import whole
from service.model.in_pieces import predict_in_pieces
from service.model.time_slices import TimeSlices
from service.model.unknown import lacks_background
from service.v2.answer import answer
from service.v2.paths import VERSION
from service.v2.query import EXTRA_OUTPUTS, HEADER_LENGTH, SET, Query, read_query
from service.versions.live import Choice, Live
from service.versions.served import Served

_SMALL_BYTES = 8_192
"""A body that is no longer is read at once, without a time slice of its own."""
_JSON_TIMES = 8
"""How many times its size a body of nested lists of numbers takes once it is parsed."""
_HEADER_LENGTH = HEADER_LENGTH.lower().encode()


class InferEndpoint:
    """Answers tensors of phones."""

    def __init__(self, batcher: Batcher, slices: TimeSlices, max_body_bytes: int, max_rows: int) -> None:
        self._batcher = batcher
        self._slices = slices
        self._max_body_bytes = max_body_bytes
        self._max_rows = max_rows
        self._costs = batcher.deciding.costs
        self._extra_outputs = (*EXTRA_OUTPUTS, *(DECISION if self._costs else ()))

    async def infer(self, request: Request) -> Response:
        """Answer n phones. The type of the body is what the header says, whatever its Content-Type."""
        state = RequestState.of(request.scope)
        headers = state.head.by_name
        body = await whole(request, self._max_body_bytes, self._slices)
        state.hold(_JSON_TIMES * len(body))
        live, version = self._batcher.versions.live, request.path_params.get(VERSION)
        named = None if version is None else live.named(version)
        read = partial(self._query, body, state, live, named)
        query, choice = read() if len(body) <= _SMALL_BYTES else await self._slices.run(read)
        charge(state, len(query.rows))
        if query.unknown:
            found = await predict_in_pieces(self._batcher, query.rows, choice, unknown=True, patient=False)
            answers = Answers(found[0], None, found[1])
        else:
            answers = await self._batcher.predict(query.rows, choice)
        state.answerer = answers.served.seat
        self._batcher.log("v2", state, query.rows, answers.prediction, answers.served)
        arrays = partial(self._arrays, answers, query)
        # distances of phones with gaps take a while
        outputs = await self._slices.run(arrays, begun=True) if query.unknown else arrays()
        accepted = headers.get(b"accept-encoding", b"").decode("latin-1")
        return answer(outputs, query, answers.served.bundle, accepted)

    def _arrays(self, answers: Answers, query: Query) -> dict[str, npt.NDArray[Any]]:
        """Return the outputs by name, of the extra ones those that are asked for."""
        prediction = answers.prediction
        arrays: dict[str, npt.NDArray[Any]] = {
            "probabilities": prediction.probabilities,
            # as Triton answers by config.pbtxt: an output has one dimension at least beside the batch
            "price_range": prediction.price_range[:, np.newaxis],
        }
        if "in_range" in query.outputs:
            found = answers.applicability or answers.served.region.of(query.rows)
            arrays["in_range"] = found.in_range
        if SET in query.outputs:
            unknown = np.isnan(query.rows)
            arrays[SET] = _sets(answers.served).of(prediction.probabilities, query.level, unknown)
        if self._costs is not None and not query.outputs.keys().isdisjoint(DECISION):
            decided = self._costs.decide(prediction.probabilities)
            arrays |= zip(DECISION, (decided.price_range, decided.expected_cost), strict=True)
        if "unknown" in query.outputs:
            arrays["unknown"] = np.isnan(query.rows)
        return arrays

    def _query(
        self, body: bytes | bytearray, state: RequestState, live: Live, named: Served | None
    ) -> tuple[Query, Choice]:
        """Read a body, and choose who answers it, unless that is `named`."""
        header_length = state.head.by_name.get(_HEADER_LENGTH)
        query = read_query(
            bytes(body),
            header_length.decode("latin-1") if header_length is not None else None,
            self._max_rows,
            self._extra_outputs,
        )
        choice = live.of_request(query.rows, state) if named is None else Choice(named)
        if SET in query.outputs:
            _sets(choice.served)
        if query.unknown and choice.served.averages is None:
            found = f"average, and {lacks_background(choice.served)}"
            raise InferenceInputError.expected("unknown", "none", found, "/parameters/unknown")
        if self._batcher.out_of_range == "refuse":
            self._refuse_out_of_range(query, choice.served)
        return query, choice

    def _refuse_out_of_range(self, query: Query, served: Served) -> None:
        """Raise `InferenceInputError` where a phone is unlike those that the model learned from."""
        region = served.region
        found = self._batcher.judge(query.rows, served)
        bad = np.flatnonzero(~found.in_range)
        problems = [
            Problem(f"row {row + 1}: {problem.detail}", "/inputs/0")
            for row in bad[:MOST_PROBLEMS].tolist()
            for problem in region.problems(found, row, query.rows[row])
        ]
        if problems:
            raise InferenceInputError(problems[:MOST_PROBLEMS], max(len(problems), len(bad)))


def _sets(served: Served) -> PredictionSets:
    if served.sets is None:
        expected = "an output that this version has"
        found = f"prediction_set, for which version {served.version} was not calibrated"
        raise InferenceInputError.expected("outputs", expected, found, "/outputs")
    return served.sets
