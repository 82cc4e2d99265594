"""Requests that arrive within one turn of the event loop go through the model in one run."""

import asyncio
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import numpy.typing as npt

from pricerange.predictor import Prediction, Predictor
from service.errors import OverloadedError
from service.metrics import Metrics


@dataclass(frozen=True, slots=True)
class _Waiting:
    rows: npt.NDArray[np.float32]
    answer: asyncio.Future[Prediction]


class Gatherer:
    """Collects rows until the event loop has run all that was ready, then asks the model once.

    There is no timer: under load many requests share a run, alone a request waits for nothing.
    """

    def __init__(self, predictor: Predictor, metrics: Metrics, max_queue_rows: int) -> None:
        self._predictor = predictor
        self._metrics = metrics
        self._limit = max_queue_rows
        self._waiting: list[_Waiting] = []
        self._rows_waiting = 0

    async def predict(self, rows: npt.NDArray[np.float32]) -> Prediction:
        """Answer n phones, float32 [n, 20], checked. Raises `OverloadedError` beyond the queue's limit."""
        if self._rows_waiting + len(rows) > self._limit:
            raise OverloadedError(self._limit)
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._run)
        waiting = _Waiting(rows, loop.create_future())
        self._waiting.append(waiting)
        self._rows_waiting += len(rows)
        self._metrics.queue_rows.set(self._rows_waiting)
        return await waiting.answer

    def _run(self) -> None:
        batch, self._waiting = self._waiting, []
        self._rows_waiting = 0
        self._metrics.queue_rows.set(0)
        rows = batch[0].rows if len(batch) == 1 else np.concatenate([waiting.rows for waiting in batch])
        started = perf_counter()
        try:
            prediction = self._predictor.predict(rows)
        except Exception as error:
            for waiting in batch:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
            return
        self._metrics.model_ran(prediction, perf_counter() - started)
        start = 0
        for waiting in batch:
            part = slice(start, start := start + len(waiting.rows))
            if not waiting.answer.done():
                waiting.answer.set_result(
                    Prediction(prediction.probabilities[part], prediction.price_range[part])
                )
