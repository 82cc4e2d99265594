"""Phones to answers: a query is read, charged, answered by a version, and its outputs are made."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pricerange.answer.columns import DECISION
from pricerange.answer.prediction_sets import PredictionSets
from pricerange.phone import Problem
from service.errors import MOST_PROBLEMS, InferenceInputError
from service.http.keys.key import charge
from service.http.request_state import RequestState
from service.model.batcher import Answers, Batcher
from service.model.in_pieces import predict_in_pieces
from service.model.time_slices import TimeSlices
from service.model.unknown import lacks_background
from service.open_inference.query import EXTRA_OUTPUTS, SET, Query
from service.versions.live import Choice, Live
from service.versions.served import Served

SMALL_BYTES = 8_192
"""A request that is no longer is read at once, without a time slice of its own."""

Arrays = dict[str, npt.NDArray[Any]]


class Answered(NamedTuple):
    """What was asked, the outputs by name, of the extra ones those asked for, and who answered."""

    query: Query
    arrays: Arrays
    served: Served


class Inference:
    """Answers queries, of at most `max_rows` phones each."""

    def __init__(self, batcher: Batcher, slices: TimeSlices, max_rows: int) -> None:
        self._batcher = batcher
        self._slices = slices
        self.max_rows = max_rows
        self._costs = batcher.deciding.costs
        self.extra_outputs = (*EXTRA_OUTPUTS, *(DECISION if self._costs else ()))

    def require(self, version: str | None) -> None:
        """Raise `ModelUnloadedError`, and `UnknownVersionError` for a named version that is not loaded."""
        live = self._batcher.versions.live
        if version is not None:
            live.named(version)

    async def answer(self, door: str, state: RequestState, read: Callable[[], Query], size: int) -> Answered:
        """Answer what a request asks, to be `read` from so many bytes.

        Raises what `read` raises, `InferenceInputError`, `UnknownVersionError`, `RateLimitedError`, and what
        `Batcher.predict` raises.
        """
        live = self._batcher.versions.live
        if size <= SMALL_BYTES:
            return await self.answer_query(door, state, read())
        query, choice = await self._slices.run(partial(self._read, read, state, live))
        return await self._answer(door, state, query, choice)

    def answer_query(self, door: str, state: RequestState, query: Query) -> Awaitable[Answered]:
        """Answer a small request that is read. Raises what `answer` raises."""
        choice = self._choice(query, state, self._batcher.versions.live)
        return self._answer(door, state, query, choice)

    async def _answer(self, door: str, state: RequestState, query: Query, choice: Choice) -> Answered:
        charge(state, len(query.rows))
        if query.unknown:
            found = await predict_in_pieces(self._batcher, query.rows, choice, unknown=True, patient=False)
            answers = Answers(found[0], None, found[1])
        else:
            answers = await self._batcher.predict(query.rows, choice, check=query.check)
        state.answerer = answers.served.seat
        self._batcher.log(door, state, query.rows, answers.prediction, answers.served)
        if query.unknown:
            # distances of phones with gaps take a while
            arrays = await self._slices.run(partial(self._arrays, answers, query), begun=True)
        else:
            arrays = self._arrays(answers, query)
        return Answered(query, arrays, answers.served)

    def _arrays(self, answers: Answers, query: Query) -> Arrays:
        prediction = answers.prediction
        arrays: Arrays = {
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

    def _read(self, read: Callable[[], Query], state: RequestState, live: Live) -> tuple[Query, Choice]:
        query = read()
        return query, self._choice(query, state, live)

    def _choice(self, query: Query, state: RequestState, live: Live) -> Choice:
        """Choose who answers a query, unless it says so, and refuse what that version cannot answer."""
        named = query.version
        choice = live.of_request(query.rows, state) if named is None else Choice(live.named(named))
        if SET in query.outputs:
            _sets(choice.served)
        if query.unknown and choice.served.averages is None:
            found = f"average, and {lacks_background(choice.served)}"
            raise InferenceInputError.expected("unknown", "none", found, "/parameters/unknown")
        if self._batcher.out_of_range == "refuse":
            if query.check is not None:
                query.check(query.rows)
            self._refuse_out_of_range(query, choice.served)
        return choice

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


def sets_promise(query: Query, served: Served) -> dict[str, float | str]:
    """Return the parameters of an answer: what its prediction sets promise, if it has any."""
    scores = served.bundle.passport.prediction_sets
    if SET not in query.outputs or scores is None:
        return {}
    return {"sets": query.level, "calibration": scores.calibration}
