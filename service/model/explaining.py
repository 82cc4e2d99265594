"""Phones are explained one after the other, in time slices of their own: others wait a millisecond."""

from time import monotonic

import numpy as np
import numpy.typing as npt

from pricerange.answer.reasons import Explainer, Explanations, joined
from pricerange.phone import Problem
from service.errors import ClientDisconnectedError, InvalidInputError, TooManyRowsError
from service.http import deadline
from service.http.request_state import RequestState
from service.model.time_slices import TimeSlices
from service.telemetry.metrics import Metrics
from service.versions.served import Served

SETTING = "max_explained_rows"
_PHONE_BYTES = 4_096
"""Memory that an explanation takes, as arrays and as text."""

_Rows = npt.NDArray[np.float32]


class Explanation:
    """What explains answers, at most `limit` phones of a request, and as many requests at once.

    Each request has one phone in the queue: many phones of one keep those of others waiting no longer than a
    single phone does.
    """

    def __init__(self, metrics: Metrics, limit: int, slices: TimeSlices) -> None:
        """Explain in slices of its own, beside those of all else."""
        self._metrics = metrics
        self._limit = limit
        self._slices = TimeSlices(limit, 1, SETTING, beside=slices)

    def of(self, served: Served) -> "Explaining":
        """Return what explains a version. Raises `InvalidInputError` where it cannot be explained."""
        if served.explainer is None:
            detail = f"version {served.version} keeps no background rows, so its answers cannot be explained"
            raise InvalidInputError([Problem(detail, "")], 1)
        return Explaining(served.explainer, self._metrics, self._limit, self._slices)


class Explaining:
    """Explains the answers of one version."""

    def __init__(self, explainer: Explainer, metrics: Metrics, limit: int, slices: TimeSlices) -> None:
        self._explainer = explainer
        self.features = explainer.features
        self.background_rows = len(explainer.background)
        self._metrics = metrics
        self._limit = limit
        self._slices = slices

    async def one(self, phone: _Rows, price_range: int, *, begun: bool = False) -> Explanations:
        """Explain the answer to a phone float32 [20]. Raises what `TimeSlices.run` raises."""
        steps = self._explainer.steps(phone, price_range)

        def step() -> Explanations | None:
            return next(steps)

        while (found := await self._slices.run(step, begun=begun)) is None:
            begun = True
        self._metrics.explained()
        return found

    async def many(
        self, state: RequestState, phones: _Rows, price_range: npt.NDArray[np.int64], *, begun: bool = False
    ) -> Explanations:
        """Explain the answers to n phones float32 [n, 20], as long as somebody waits for them.

        Each that is explained gives the request its time again. Raises what `one` raises,
        `MemoryBudgetError` and `ClientDisconnectedError`.
        """
        state.hold(_PHONE_BYTES * len(phones))
        found = [self._explainer.none()]
        for phone, answered in zip(phones, price_range.tolist(), strict=True):
            if state.disconnected:
                raise ClientDisconnectedError(state.received)
            found.append(await self.one(phone, answered, begun=begun or len(found) > 1))
            deadline.renew(monotonic())
        return joined(found)

    def require_few(self, rows: int) -> None:
        """Raise `TooManyRowsError` where a request has more phones than are explained."""
        if rows > self._limit:
            raise TooManyRowsError(self._limit, SETTING)
