"""Requests that arrive within one iteration of the event loop go through the model in one run."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from time import monotonic, perf_counter
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar, cast

import numpy as np
import numpy.typing as npt

from pricerange.answer.applicability import Applicability, OutOfRange, TrainingRegion
from pricerange.answer.prediction_sets import PredictionSets
from pricerange.answer.unknown import Averages
from pricerange.predictor import Prediction, Predictor
from pricerange.tables.json.phones import Body
from service.errors import DeadlineError, InvalidInputError, OutOfRangeError, OverloadedError
from service.http import deadline
from service.http.deadline import Deadline
from service.http.request_state import RequestState
from service.model.decisions import NOTHING, Deciding
from service.model.parse import rows_of
from service.model.write import IN_RANGE, applicability_json, probabilities_json
from service.telemetry.drift.sample import DriftSample
from service.telemetry.metrics import Metrics
from service.telemetry.prediction_log.log import PredictionLog

_Rows = npt.NDArray[np.float32]


PhoneAnswer: TypeAlias = tuple[int, bytes, bytes]
"""A phone's price range, and in JSON its probabilities, `0.1,0.2,0.3,0.4`, and its applicability, if any."""


class Answers(NamedTuple):
    """The answers to n phones; how those lie to the training rows, unless all are in range or nobody asks."""

    prediction: Prediction
    applicability: Applicability | None

    def part(self, rows: slice) -> "Answers":
        """Return some of them."""
        prediction = Prediction(self.prediction.probabilities[rows], self.prediction.price_range[rows])
        return Answers(prediction, self.applicability and self.applicability.part(rows))


class Caller(Protocol):
    """Who asks: what, until when on the monotonic clock, after how many seconds; and it takes the answer."""

    asked: Any
    when: float
    seconds: float

    def done(self) -> bool:
        """Return whether nobody waits any more."""

    def set_result(self, result: Any, /) -> None:
        """Take the answer."""

    def set_exception(self, exception: Exception, /) -> None:
        """Take the reason why there is none."""


class PhoneCaller(Caller, Protocol):
    """Who asks about one phone, given as a request sent it."""

    state: RequestState


class _Waiting:
    """A caller that waits for a future."""

    __slots__ = ("asked", "done", "seconds", "set_exception", "set_result", "when")

    def __init__(self, asked: Any, ends: Deadline, answer: asyncio.Future[Any]) -> None:
        self.asked = asked
        self.when = ends.when
        self.seconds = ends.seconds
        self.done = answer.done
        self.set_result = answer.set_result
        self.set_exception = answer.set_exception


class _WaitingForPhone(_Waiting):
    """One that asks about a phone."""

    __slots__ = ("state",)

    def __init__(self, body: Body, ends: Deadline, answer: asyncio.Future[Any], state: RequestState) -> None:
        super().__init__(body, ends, answer)
        self.state = state


C = TypeVar("C", bound=Caller)


class _Queue:
    """Who has asked since the last run: with bodies of one phone each, and with tables of checked rows."""

    def __init__(self) -> None:
        self.bodies: list[PhoneCaller] = []
        self.tables: list[Caller] = []
        self.rows = 0
        self.averaged = False

    def fail(self, error: Exception) -> None:
        """Tell everyone who still waits that the run went wrong."""
        for caller in (*self.bodies, *self.tables):
            if not caller.done():
                caller.set_exception(error)


class Batcher:
    """Collects phones until the event loop has run all that was ready, then asks the model once.

    There is no timer: under load many requests share a run, alone a request waits for nothing. On the CPU a
    run is shorter than a change of threads and takes place in the loop; on CUDA it has a thread of its own,
    and what arrives meanwhile waits for the next.
    """

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        predictor: Predictor,
        metrics: Metrics,
        max_queue_rows: int,
        out_of_range: OutOfRange = "answer",
        deciding: Deciding = NOTHING,
        drift: DriftSample | None = None,
        predictions: PredictionLog | None = None,
    ) -> None:
        self.region = TrainingRegion.of_version(predictor.bundle.passport)
        self.sets = PredictionSets.of_version(predictor.bundle.passport)
        self.averages = Averages.of_version(predictor)
        self.out_of_range = out_of_range
        self.deciding = deciding
        self.limit = max_queue_rows
        self._predictor = predictor
        self._metrics = metrics
        self._drift = drift
        self._predictions = predictions
        self._queue = _Queue()
        self._due = False
        self._thread = ThreadPoolExecutor(1) if predictor.provider == "cuda" else None
        self._run_on_thread: asyncio.Task[None] | None = None

    async def predict_phone(self, body: Body, state: RequestState) -> PhoneAnswer:
        """Answer one phone, given as a request sent it.

        Raises `InvalidInputError` and what `predict` raises.
        """
        answer = asyncio.get_running_loop().create_future()
        self.submit_phone(_WaitingForPhone(body, deadline.current(), answer, state))
        try:
            return cast("PhoneAnswer", await self._in_time(answer))
        finally:
            del answer  # or an error and this frame would keep each other, with all that they hold

    async def predict(self, rows: _Rows, *, unknown: bool = False) -> Answers:
        """Answer n phones, float32 [n, 20], checked; none of them is refused here.

        Features may be `unknown`, NaN, where the version has `averages`: then a phone takes as much of the
        queue as it costs the model, and all of it at most.

        Raises `OverloadedError` beyond the queue's limit, and `DeadlineError`.
        """
        answer = asyncio.get_running_loop().create_future()
        averages = self.averages if unknown else None
        self._reserve(min(averages.cost(rows), self.limit) if averages else len(rows))
        self._queue.averaged |= averages is not None
        self._queue.tables.append(_Waiting(rows, deadline.current(), answer))
        try:
            return cast("Answers", await self._in_time(answer))
        finally:
            del answer

    def judge(self, phones: _Rows) -> Applicability:
        """Say how phones float32 [n, 20] lie that are refused where they are not in range; count those."""
        return self.count(self.region.of(phones))

    def count(self, found: Applicability) -> Applicability:
        """Count phones that are refused, those of `found` that are not in range, and return it."""
        self._metrics.out_of_range(found)
        return found

    def submit_phone(self, caller: PhoneCaller) -> None:
        """Have one phone answered, given as it was sent, before its deadline. Raises `OverloadedError`."""
        self._reserve(1)
        self._queue.bodies.append(caller)

    def _reserve(self, rows: int) -> None:
        queue = self._queue
        if queue.rows + rows > self.limit:
            raise OverloadedError(self.limit)
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
                run = self._begin(queue)
                self._hand_out(run, *self._ask(run))
            except Exception as error:
                queue.fail(error)
        else:
            self._metrics.queued(0)
            loop = asyncio.get_running_loop()
            self._run_on_thread = loop.create_task(self._run_on(self._thread, queue))

    async def _run_on(self, thread: ThreadPoolExecutor, queue: _Queue) -> None:
        loop = asyncio.get_running_loop()
        try:
            run = self._begin(queue)
            self._hand_out(run, *await loop.run_in_executor(thread, self._ask, run))
        except Exception as error:
            queue.fail(error)
        self._due = bool(self._queue.bodies or self._queue.tables)
        if self._due:
            self._run()

    def _begin(self, queue: _Queue) -> "_ModelRun":
        return _ModelRun(queue, self.region, self.out_of_range, self.judge)

    def _ask(self, run: "_ModelRun") -> tuple[Answers, float]:
        rows = run.rows
        asked = self.averages if run.averaged and self.averages else self._predictor
        started = perf_counter()
        prediction, seconds = asked.predict(rows), perf_counter() - started
        told = self.out_of_range == "flag" and not self.region.holds(rows)
        return Answers(prediction, self.region.of(rows) if told else None), seconds

    def _hand_out(self, run: "_ModelRun", answers: Answers, seconds: float) -> None:
        if len(run.rows):
            self._metrics.model_ran(answers.prediction, seconds)
            if answers.applicability is not None:
                self._metrics.out_of_range(answers.applicability)
            if run.averaged:
                self._metrics.unknown_features(np.isnan(run.rows))
            if self._drift is not None:
                self._drift.offer(run.rows, answers.prediction)
        run.hand_out(answers)
        if self._predictions is not None and run.phones:
            self._predictions.phones(run.phones, run.rows, answers.prediction)

    def log(  # noqa: PLR0913
        self,
        door: str,
        state: RequestState,
        rows: _Rows,
        prediction: Prediction,
        *,
        first: int | None = 1,
        valid: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Put the answers of a request into the prediction log, if there is one, as `PredictionLog.table`."""
        if self._predictions is not None:
            self._predictions.table(door, state, rows, prediction, first=first, valid=valid)


class _ModelRun:
    """One run of the model: `rows` float32 [n, 20] and who asked for which of them.

    Where answers are `averaged`, some may have features that are NaN.
    """

    def __init__(
        self,
        queue: _Queue,
        region: TrainingRegion,
        out_of_range: OutOfRange,
        judge: Callable[[_Rows], Applicability],
    ) -> None:
        """Drop who is too late; answer who sent no phone, or one that is refused as it is judged."""
        self._region = region
        self.averaged = queue.averaged
        self._is_told = out_of_range == "flag"
        bodies, self._tables = _still_waiting(queue.bodies), _still_waiting(queue.tables)
        phones, errors = rows_of([caller.asked for caller in bodies])
        bodies, phones = _without(errors, bodies, phones)
        if out_of_range == "refuse":
            bodies, phones = _without(refused(region, judge(phones), phones), bodies, phones)
        self.phones = bodies
        tables = [caller.asked for caller in self._tables]
        self.rows: _Rows = np.concatenate([phones, *tables]) if tables else phones

    def hand_out(self, answers: Answers) -> None:
        """Give everyone the answers to what was asked."""
        start = len(self.phones)
        prediction = answers.prediction
        texts = zip(
            prediction.price_range[:start].tolist(),
            probabilities_json(prediction.probabilities[:start]),
            self._applicability(answers.applicability, start),
            strict=True,
        )
        for caller, answer in zip(self.phones, texts, strict=True):
            if not caller.done():
                caller.set_result(answer)
        for table in self._tables:
            rows = slice(start, start := start + len(table.asked))
            if not table.done():
                table.set_result(answers.part(rows))

    def _applicability(self, found: Applicability | None, phones: int) -> Iterable[bytes]:
        """Return in JSON how the first phones of the run lie to the training rows, nothing if nobody asks."""
        if found is None:
            return repeat(IN_RANGE if self._is_told else b"", phones)
        return applicability_json(self._region, found, self.rows[:phones])


def refused(region: TrainingRegion, found: Applicability, phones: _Rows) -> dict[int, InvalidInputError]:
    """Return of each of n phones float32 [n, 20] that is not in range why it is refused, by its place."""
    errors: dict[int, InvalidInputError] = {}
    for place in np.flatnonzero(~found.in_range).tolist():
        problems = list(region.problems(found, place, phones[place]))
        errors[place] = OutOfRangeError(problems, len(problems))
    return errors


def _without(
    errors: Mapping[int, InvalidInputError], bodies: Sequence[PhoneCaller], phones: _Rows
) -> tuple[Sequence[PhoneCaller], _Rows]:
    """Tell callers their errors, by place, and return the others and their phones."""
    if not errors:
        return bodies, phones
    for place, error in errors.items():
        bodies[place].set_exception(error)
    good = [place for place in range(len(bodies)) if place not in errors]
    return [bodies[place] for place in good], phones[good]


def _still_waiting(callers: Sequence[C]) -> Sequence[C]:
    """Return those for whom an answer would be in time, and who wait for it; tell those who are too late."""
    now = monotonic()
    waiting = [caller for caller in callers if caller.when > now and not caller.done()]
    if len(waiting) < len(callers):
        for caller in callers:
            if caller.when <= now and not caller.done():
                caller.set_exception(DeadlineError(caller.seconds))
    return waiting
