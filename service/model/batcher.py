"""Requests that arrive within one iteration of the event loop go through the model in one run."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, perf_counter
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
import numpy.typing as npt

from pricerange.predictor import Prediction, Predictor
from service.errors import OverloadedError
from service.http import deadline
from service.http.deadline import Deadline
from service.model.parse import Body, rows_of
from service.model.write import probabilities_json
from service.telemetry.metrics import Metrics

_Rows = npt.NDArray[np.float32]


class PhoneAnswer(NamedTuple):
    """A phone's price range, and its probabilities in JSON, `0.1,0.2,0.3,0.4`."""

    price_range: int
    probabilities: bytes


class Promise(Protocol):
    """Where an answer is put: a future, or what takes one like it."""

    def done(self) -> bool:
        """Return whether nobody waits any more."""

    def set_result(self, result: Any, /) -> None:
        """Take the answer."""

    def set_exception(self, exception: Exception, /) -> None:
        """Take the reason why there is none."""


class _Caller(NamedTuple):
    asked: Any
    deadline: Deadline
    answer: Promise


class _Queue:
    """Who has asked since the last run: with bodies of one phone each, and with tables of checked rows."""

    def __init__(self) -> None:
        self.bodies: list[_Caller] = []
        self.tables: list[_Caller] = []
        self.rows = 0

    def fail(self, error: Exception) -> None:
        """Tell everyone who still waits that the run went wrong."""
        for caller in (*self.bodies, *self.tables):
            if not caller.answer.done():
                caller.answer.set_exception(error)


class Batcher:
    """Collects phones until the event loop has run all that was ready, then asks the model once.

    There is no timer: under load many requests share a run, alone a request waits for nothing. On the CPU a
    run is shorter than a change of threads and takes place in the loop; on CUDA it has a thread of its own,
    and what arrives meanwhile waits for the next.
    """

    def __init__(self, predictor: Predictor, metrics: Metrics, max_queue_rows: int) -> None:
        self._predictor = predictor
        self._metrics = metrics
        self._limit = max_queue_rows
        self._queue = _Queue()
        self._due = False
        self._thread = ThreadPoolExecutor(1) if predictor.provider == "cuda" else None
        self._run_on_thread: asyncio.Task[None] | None = None

    async def predict_phone(self, body: Body) -> PhoneAnswer:
        """Answer one phone, given as it was sent.

        Raises `InvalidInputError` and what `predict` raises.
        """
        answer = asyncio.get_running_loop().create_future()
        self.submit_phone(body, deadline.current(), answer)
        try:
            return cast("PhoneAnswer", await self._in_time(answer))
        finally:
            del answer  # or an error and this frame would keep each other, with all that they hold

    async def predict(self, rows: _Rows) -> Prediction:
        """Answer n phones, float32 [n, 20], checked.

        Raises `OverloadedError` beyond the queue's limit, and `DeadlineError`.
        """
        answer = asyncio.get_running_loop().create_future()
        self._reserve(len(rows))
        self._queue.tables.append(_Caller(rows, deadline.current(), answer))
        try:
            return cast("Prediction", await self._in_time(answer))
        finally:
            del answer

    def submit_phone(self, body: Body, deadline: Deadline, answer: Promise) -> None:
        """Have one phone answered, given as it was sent, before its deadline. Raises `OverloadedError`."""
        self._reserve(1)
        self._queue.bodies.append(_Caller(body, deadline, answer))

    def _reserve(self, rows: int) -> None:
        queue = self._queue
        if queue.rows + rows > self._limit:
            raise OverloadedError(self._limit)
        queue.rows += rows
        if self._thread is not None:
            self._metrics.queued(queue.rows)
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._run)

    async def _in_time(self, answer: asyncio.Future[Any]) -> Any:
        """Wait for an answer; in the loop a run is never late, on a thread it may be."""
        ends = deadline.current()
        try:
            if self._thread is None:
                return await answer
            async with asyncio.timeout(ends.when - monotonic()):
                return await answer
        except TimeoutError:
            raise ends.error() from None
        finally:
            del answer

    def _run(self) -> None:
        queue, self._queue = self._queue, _Queue()
        if self._thread is None:
            self._due = False
            try:
                run = _ModelRun(queue)
                self._hand_out(run, *self._ask(run.rows))
            except Exception as error:
                queue.fail(error)
        else:
            self._metrics.queued(0)
            loop = asyncio.get_running_loop()
            self._run_on_thread = loop.create_task(self._run_on(self._thread, queue))

    async def _run_on(self, thread: ThreadPoolExecutor, queue: _Queue) -> None:
        loop = asyncio.get_running_loop()
        try:
            run = _ModelRun(queue)
            self._hand_out(run, *await loop.run_in_executor(thread, self._ask, run.rows))
        except Exception as error:
            queue.fail(error)
        self._due = bool(self._queue.bodies or self._queue.tables)
        if self._due:
            self._run()

    def _ask(self, rows: _Rows) -> tuple[Prediction, float]:
        started = perf_counter()
        return self._predictor.predict(rows), perf_counter() - started

    def _hand_out(self, run: "_ModelRun", prediction: Prediction, seconds: float) -> None:
        if len(run.rows):
            self._metrics.model_ran(prediction, seconds)
        run.hand_out(prediction)


class _ModelRun:
    """One run of the model: `rows` float32 [n, 20] and who asked for which of them."""

    def __init__(self, queue: _Queue) -> None:
        """Drop who is too late; answer who sent no phone."""
        now = monotonic()
        bodies = [caller for caller in queue.bodies if _still_waits(caller, now)]
        self._tables = [caller for caller in queue.tables if _still_waits(caller, now)]
        phones, errors = rows_of([caller.asked for caller in bodies])
        for place, error in errors.items():
            bodies[place].answer.set_exception(error)
        if errors:
            good = [place for place in range(len(bodies)) if place not in errors]
            phones, bodies = phones[good], [bodies[place] for place in good]
        self._phones = bodies
        tables = [caller.asked for caller in self._tables]
        self.rows: _Rows = np.concatenate([phones, *tables]) if tables else phones

    def hand_out(self, prediction: Prediction) -> None:
        """Give everyone the answers to what was asked."""
        start = len(self._phones)
        answers = zip(
            prediction.price_range[:start].tolist(),
            probabilities_json(prediction.probabilities[:start]),
            strict=True,
        )
        for caller, answer in zip(self._phones, answers, strict=True):
            if not caller.answer.done():
                caller.answer.set_result(PhoneAnswer(*answer))
        for caller in self._tables:
            rows = slice(start, start := start + len(caller.asked))
            if not caller.answer.done():
                caller.answer.set_result(
                    Prediction(prediction.probabilities[rows], prediction.price_range[rows])
                )


def _still_waits(caller: _Caller, now: float) -> bool:
    """Return whether an answer would be in time, and somebody there to take it; say so who is too late."""
    if caller.answer.done():
        return False
    if caller.deadline.when <= now:
        caller.answer.set_exception(caller.deadline.error())
        return False
    return True
