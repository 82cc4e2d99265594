"""The endpoint that answers phones: bytes to rows, rows to the model, arrays to bytes."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from starlette.requests import Request
from starlette.responses import Response

from pricerange.answer.columns import DECISION
from pricerange.answer.prediction_sets import PredictionSets
from pricerange.bundle import Bundle
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
from service.v2.query import EXTRA_OUTPUTS, HEADER_LENGTH, SET, Query, read_query

_SMALL_BYTES = 8_192
"""A body that is no longer is read at once, without a time slice of its own."""
_JSON_TIMES = 8
"""How many times its size a body of nested lists of numbers takes once it is parsed."""
_HEADER_LENGTH = HEADER_LENGTH.lower().encode()


class InferEndpoint:
    """Answers tensors of phones."""

    def __init__(
        self, served: Bundle, batcher: Batcher, slices: TimeSlices, max_body_bytes: int, max_rows: int
    ) -> None:
        self._served = served
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
        if len(body) <= _SMALL_BYTES:
            query = self._query(body, headers)
        else:
            query = await self._slices.run(partial(self._query, body, headers))
        charge(state, len(query.rows))
        if query.unknown:
            prediction = await predict_in_pieces(self._batcher, query.rows, unknown=True, patient=False)
            answers = Answers(prediction, None)
        else:
            answers = await self._batcher.predict(query.rows)
        self._batcher.log("v2", state, query.rows, answers.prediction)
        arrays = partial(self._arrays, answers, query)
        # distances of phones with gaps take a while
        found = await self._slices.run(arrays, begun=True) if query.unknown else arrays()
        accepted = headers.get(b"accept-encoding", b"").decode("latin-1")
        return answer(found, query, self._served, accepted)

    def _arrays(self, answers: Answers, query: Query) -> dict[str, npt.NDArray[Any]]:
        """Return the outputs by name, of the extra ones those that are asked for."""
        prediction = answers.prediction
        arrays: dict[str, npt.NDArray[Any]] = {
            "probabilities": prediction.probabilities,
            "price_range": prediction.price_range,
        }
        if "in_range" in query.outputs:
            found = answers.applicability or self._batcher.region.of(query.rows)
            arrays["in_range"] = found.in_range
        if SET in query.outputs:
            unknown = np.isnan(query.rows)
            arrays[SET] = self._sets().of(prediction.probabilities, query.level, unknown)
        if self._costs is not None and not query.outputs.keys().isdisjoint(DECISION):
            decided = self._costs.decide(prediction.probabilities)
            arrays |= zip(DECISION, (decided.price_range, decided.expected_cost), strict=True)
        if "unknown" in query.outputs:
            arrays["unknown"] = np.isnan(query.rows)
        return arrays

    def _sets(self) -> PredictionSets:
        sets = self._batcher.sets
        if sets is None:
            expected = "an output that this version has"
            found = f"prediction_set, for which version {self._served.version} was not calibrated"
            raise InferenceInputError.expected("outputs", expected, found, "/outputs")
        return sets

    def _query(self, body: bytes | bytearray, headers: Mapping[bytes, bytes]) -> Query:
        header_length = headers.get(_HEADER_LENGTH)
        query = read_query(
            bytes(body),
            header_length.decode("latin-1") if header_length is not None else None,
            self._max_rows,
            self._extra_outputs,
        )
        if SET in query.outputs:
            self._sets()
        if query.unknown and self._batcher.averages is None:
            found = f"average, and {lacks_background(self._served)}"
            raise InferenceInputError.expected("unknown", "none", found, "/parameters/unknown")
        if self._batcher.out_of_range == "refuse":
            self._refuse_out_of_range(query)
        return query

    def _refuse_out_of_range(self, query: Query) -> None:
        """Raise `InferenceInputError` where a phone is unlike those that the model learned from."""
        region = self._batcher.region
        found = self._batcher.judge(query.rows)
        bad = np.flatnonzero(~found.in_range)
        problems = [
            Problem(f"row {row + 1}: {problem.detail}", "/inputs/0")
            for row in bad[:MOST_PROBLEMS].tolist()
            for problem in region.problems(found, row, query.rows[row])
        ]
        if problems:
            raise InferenceInputError(problems[:MOST_PROBLEMS], max(len(problems), len(bad)))
