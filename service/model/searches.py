"""Searches that ask the model many times, block by block, each block in a time slice of its own."""

from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from pricerange.answer.change.lattice import Rows
from pricerange.answer.change.nearest import Search
from pricerange.predictor import Predictor
from service.errors import ClientDisconnectedError
from service.http.request_state import RequestState
from service.model.time_slices import TimeSlices

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Ended(Generic[T]):
    result: T


async def run(search: Search[T], predictor: Predictor, slices: TimeSlices, state: RequestState) -> T:
    """Run a search to its end, as long as somebody waits for it.

    What it asks is asked of the model itself: no queue counts it, and no metric. Raises `OverloadedError`
    before it begins, `DeadlineError` and `ClientDisconnectedError`.
    """
    step = await slices.run(partial(next, search))
    while not isinstance(step, _Ended):
        if state.disconnected:
            raise ClientDisconnectedError(state.received)
        step = await slices.run(partial(_next, search, predictor, step), begun=True)
    result: T = step.result
    return result


def _next(search: Search[T], predictor: Predictor, rows: Rows) -> Rows | _Ended[T]:
    try:
        return search.send(predictor.predict(rows))
    except StopIteration as end:
        return _Ended(end.value)
