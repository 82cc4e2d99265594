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
from pricerange.phone import admissible
from pricerange.predictor import Prediction
from pricerange.tables.json.phones import Body
from service.errors import DeadlineError, InvalidInputError, OutOfRangeError, OverloadedError
from service.http import deadline, trace_context
from service.http.deadline import Deadline
from service.http.request_state import RequestState
from service.http.trace_context import ModelRun, Trace
from service.model.decisions import NOTHING, Deciding
from service.model.gathering import Gathering
from service.model.parse import rows_of
from service.model.write import IN_RANGE, applicability_json, probabilities_json
from service.telemetry.metrics import Metrics
from service.telemetry.prediction_log.log import PredictionLog
from service.versions.comparing import Comparing
from service.versions.live import Choice, Live, Versions
from service.versions.served import Served

_Rows = npt.NDArray[np.float32]


Check: TypeAlias = Callable[[_Rows], None]
"""Raises `InvalidInputError` where rows float32 [n, 20] are not phones."""

PhoneAnswer: TypeAlias = tuple[int, bytes, bytes, Served]
"""A phone's price range, in JSON its probabilities, `0.1,0.2,0.3,0.4`, and its applicability, if any; and who
answered."""


class Answers(NamedTuple):
    """The answers of a version to n phones.

    And how those lie to its training rows, unless all are in range or nobody asks.
    """

    prediction: Prediction
    applicability: Applicability | None
    served: Served

    def part(self, rows: slice) -> "Answers":
        """Return some of them."""
        prediction = Prediction(self.prediction.probabilities[rows], self.prediction.price_range[rows])
        return Answers(prediction, self.applicability and self.applicability.part(rows), self.served)


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


class _WaitingForTable(_Waiting):
    """One that asks about a table, of which features may be `unknown`; `check` has still to see its rows."""

    __slots__ = ("check", "choice", "trace", "unknown")

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        rows: _Rows,
        ends: Deadline,
        answer: asyncio.Future[Any],
        choice: Choice,
        unknown: bool,
        check: Check | None,
    ) -> None:
        super().__init__(rows, ends, answer)
        self.choice = choice
        self.unknown = unknown
        self.check = check
        self.trace: Trace | None = None


class _WaitingForPhone(_Waiting):
    """One that asks about a phone."""

    __slots__ = ("state",)

    def __init__(self, body: Body, ends: Deadline, answer: asyncio.Future[Any], state: RequestState) -> None:
        super().__init__(body, ends, answer)
        self.state = state


C = TypeVar("C", bound=Caller)


class _Queue:
    """Who has asked since the last run: with bodies of one phone each, and with tables of checked rows.

    `live` are the versions of that time, which answer even if others do before the run. `since` is when the
    first asked.
    """

    def __init__(self, live: Live) -> None:
        self.live = live
        self.since = monotonic()
        self.bodies: list[PhoneCaller] = []
        self.tables: list[_WaitingForTable] = []
        self.rows = 0

    def fail(self, error: Exception) -> None:
        """Tell everyone who still waits that something went wrong."""
        _fail((*self.bodies, *self.tables), error)


class Batcher:
    """Collects phones until the event loop has run all that was ready, then asks the model once.

    There is no timer: under load many requests share a run, alone a request waits for nothing. On the CPU a
    run is shorter than a change of threads and takes place in the loop; on CUDA it has a thread of its own,
    and what arrives meanwhile waits for the next. Where several versions answer, each has a run of its own.
    """

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        versions: Versions,
        metrics: Metrics,
        max_queue_rows: int,
        out_of_range: OutOfRange = "answer",
        deciding: Deciding = NOTHING,
        predictions: PredictionLog | None = None,
        *,
        on_thread: bool = False,
        traced: bool = False,
    ) -> None:
        """Run the model `on_thread`, or in the event loop; requests may be `traced`."""
        self.versions = versions
        self.out_of_range = out_of_range
        self.deciding = deciding
        self.limit = max_queue_rows
        self._metrics = metrics
        metrics.queue.limit(max_queue_rows)
        self.gathering = Gathering()
        self._comparing = Comparing()
        self._predictions = predictions
        self._queue: _Queue | None = None
        self._running = False
        self._traced = traced
        self._thread = ThreadPoolExecutor(1) if on_thread else None
        self._run_on_thread: asyncio.Task[None] | None = None

    async def predict_phone(self, body: Body, state: RequestState) -> PhoneAnswer:
        """Answer one phone, given as a request sent it.

        Raises `InvalidInputError` and what `predict` raises.
        """
        answer = asyncio.get_running_loop().create_future()
        if state.trace is not None:
            state.trace.asked = monotonic()
        self.submit_phone(_WaitingForPhone(body, deadline.current(), answer, state))
        try:
            return cast("PhoneAnswer", await self._in_time(answer))
        finally:
            del answer  # or an error and this frame would keep each other, with all that they hold

    async def predict(
        self, rows: _Rows, choice: Choice, *, unknown: bool = False, check: Check | None = None
    ) -> Answers:
        """Answer n phones, float32 [n, 20]; rows that are not checked yet are, with those of others, at once.

        Then `check` has to raise for those that are no phones. Features may be `unknown`, NaN, where the
        version has `averages`: then a phone takes as much of the queue as it costs the model, and all of it
        at most.

        Raises what `check` does, `OverloadedError` beyond the queue's limit, and `DeadlineError`.
        """
        answer = asyncio.get_running_loop().create_future()
        averages = choice.served.averages if unknown else None
        if averages and choice.instead and choice.instead.averages is None:
            choice = Choice(choice.served)  # in a run of its own: the other could not answer that either
        live = self.versions.live if self.versions.is_loaded else Live(choice.served)  # it began before
        queue = self._reserve(min(averages.cost(rows), self.limit) if averages else len(rows), live)
        queue.tables.append(
            _WaitingForTable(rows, deadline.current(), answer, choice, averages is not None, check)
        )
        trace = trace_context.current() if self._traced else None
        if trace is not None:
            trace.asked = monotonic()
            queue.tables[-1].trace = trace
        try:
            return cast("Answers", await (answer if self._thread is None else self._in_time(answer)))
        finally:
            del answer

    def judge(self, phones: _Rows, served: Served) -> Applicability:
        """Say how phones float32 [n, 20] lie that are refused where they are not in range; count those."""
        return self.count(served.region.of(phones))

    def count(self, found: Applicability) -> Applicability:
        """Count phones that are refused, those of `found` that are not in range, and return it."""
        self._metrics.out_of_range(found)
        return found

    def submit_phone(self, caller: PhoneCaller) -> None:
        """Have one phone answered, given as it was sent, before its deadline.

        Raises `OverloadedError` and `ModelUnloadedError`.
        """
        self._reserve(1, self.versions.live).bodies.append(caller)

    def _reserve(self, rows: int, live: Live) -> _Queue:
        queue = self._queue
        if queue is None:
            queue = self._queue = _Queue(live)
            if not self._running:
                self._running = True
                asyncio.get_running_loop().call_soon(self._run)
        if queue.rows + rows > self.limit:
            raise OverloadedError(self.limit)
        queue.rows += rows
        return queue

    def look(self) -> None:
        """Tell the metrics how many phones wait."""
        self._metrics.queue.look(0 if self._queue is None else self._queue.rows)

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
        if self.gathering.goes_on():
            asyncio.get_running_loop().call_soon(self._run)
            return
        queue, self._queue = self._queue, None
        if queue is None:
            self._running = False
            return
        callers = len(queue.bodies) + len(queue.tables)
        self._metrics.queue.taken(queue.rows, callers, monotonic() - queue.since)
        if self._thread is None:
            self._running = False
            try:
                for run in self._runs(queue):
                    try:
                        self._hand_out(run, *self._ask(run))
                    except Exception as error:
                        run.fail(error)
            except Exception as error:
                queue.fail(error)
        else:
            loop = asyncio.get_running_loop()
            self._run_on_thread = loop.create_task(self._run_on(self._thread, queue))

    async def _run_on(self, thread: ThreadPoolExecutor, queue: _Queue) -> None:
        loop = asyncio.get_running_loop()
        try:
            for run in self._runs(queue):
                try:
                    self._hand_out(run, *await loop.run_in_executor(thread, self._ask, run))
                except Exception as error:
                    run.fail(error)
        except Exception as error:
            queue.fail(error)
        self._run()

    def _runs(self, queue: _Queue) -> "Sequence[_ModelRun]":
        """Drop who is too late, answer who sent no phone or a refused one, and return the others' runs."""
        now = monotonic()
        bodies = _still_waiting(queue.bodies, now)
        tables = _checked(_still_waiting(queue.tables, now)) if queue.tables else ()
        phones, errors = rows_of([caller.asked for caller in bodies])
        bodies, phones = _without(errors, bodies, phones)
        stable = queue.live.by_stable
        if queue.live.canary is None and (not tables or all(table.choice == stable for table in tables)):
            return (self._model_run(queue.live, stable, bodies, phones, tables),)
        runs = []
        shares = queue.live.shared_out(phones, [caller.state for caller in bodies])
        for choice in dict.fromkeys((*shares, *(table.choice for table in tables))):
            places = np.flatnonzero(shares[choice]) if choice in shares else np.arange(0)
            its_tables = [table for table in tables if table.choice == choice]
            if len(places) or its_tables:
                its_bodies = [bodies[place] for place in places.tolist()]
                runs.append(self._model_run(queue.live, choice, its_bodies, phones[places], its_tables))
        return runs

    def _model_run(
        self,
        live: Live,
        choice: Choice,
        bodies: Sequence[PhoneCaller],
        phones: _Rows,
        tables: Sequence[_WaitingForTable],
    ) -> "_ModelRun":
        if self.out_of_range == "refuse":
            served = choice.served
            bodies, phones = _without(
                refused(served.region, self.judge(phones, served), phones), bodies, phones
            )
        return _ModelRun(live, choice, bodies, phones, tables, is_told=self.out_of_range == "flag")

    def _ask(self, run: "_ModelRun") -> tuple[Answers, float]:
        choice = run.choice
        try:
            return self._answers(run, choice.served)
        except Exception as error:
            if choice.instead is None:
                raise
            choice.served.complain(error)
            return self._answers(run, choice.instead)

    def _answers(self, run: "_ModelRun", served: Served) -> tuple[Answers, float]:
        rows = run.rows
        asked = served.averages if run.averaged and served.averages else served.predictor
        started = perf_counter()
        try:
            prediction, seconds = asked.predict(rows), perf_counter() - started
        except Exception:
            served.seat.failed(len(rows))
            raise
        told = self.out_of_range == "flag" and not served.region.holds(rows)
        return Answers(prediction, served.region.of(rows) if told else None, served), seconds

    def _hand_out(self, run: "_ModelRun", answers: Answers, seconds: float) -> None:
        if self._traced:
            run.trace(answers, seconds)
        if len(run.rows):
            self._count(run, answers, seconds)
        run.hand_out(answers)
        if run.live.compares and not run.averaged:
            self._comparing.offer(run.live, answers.served, run.rows, answers.prediction)
        if self._predictions is not None and run.phones:
            self._predictions.phones(run.phones, run.rows, answers.prediction, answers.served.bundle)

    def _count(self, run: "_ModelRun", answers: Answers, seconds: float) -> None:
        served = answers.served
        served.seat.ran(answers.prediction, seconds)
        if answers.applicability is not None:
            self._metrics.out_of_range(answers.applicability)
        if run.averaged:
            self._metrics.unknown_features(np.isnan(run.rows))
        if served.drift is not None:
            served.drift.offer(run.rows, answers.prediction)
        if run.live.canary is not None:
            served.seat.paced(seconds)
            served.seat.confident(answers.prediction.probabilities, self._in_range(answers, run.rows))

    def _in_range(self, answers: Answers, rows: _Rows) -> npt.NDArray[np.bool_]:
        if answers.applicability is None and self.out_of_range == "flag":
            return np.ones(len(rows), np.bool_)
        return (answers.applicability or answers.served.region.of(rows)).in_range

    def log(  # noqa: PLR0913
        self,
        door: str,
        state: RequestState,
        rows: _Rows,
        prediction: Prediction,
        served: Served,
        *,
        first: int | None = 1,
        valid: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Put the answers of a request into the prediction log, if there is one, as `PredictionLog.table`."""
        if self._predictions is not None:
            self._predictions.table(door, state, rows, prediction, served.bundle, first=first, valid=valid)


class _ModelRun:
    """One run of the model: `rows` float32 [n, 20] and who asked for which of them.

    Where answers are `averaged`, some may have features that are NaN.
    """

    def __init__(  # noqa: PLR0913
        self,
        live: Live,
        choice: Choice,
        phones: Sequence[PhoneCaller],
        rows: _Rows,
        tables: Sequence[_WaitingForTable],
        *,
        is_told: bool,
    ) -> None:
        """Take who asks about one phone, the rows of these, and who asks about tables."""
        self.live = live
        self.choice = choice
        self.phones = phones
        self.rows = rows
        self.averaged = False
        self._tables = tables
        self._is_told = is_told
        if tables:
            self.rows = np.concatenate([rows, *(table.asked for table in tables)])
            self.averaged = any(table.unknown for table in tables)

    def fail(self, error: Exception) -> None:
        """Tell everyone who still waits that the run went wrong."""
        _fail((*self.phones, *self._tables), error)

    def trace(self, answers: Answers, seconds: float) -> None:
        """Tell the traces of those who asked of this run, which took some seconds until now."""
        traces = [table.trace for table in self._tables if table.trace is not None]
        if self.phones and self.phones[0].state.requests.traced:
            traces += [caller.state.trace for caller in self.phones if caller.state.trace is not None]
        if traces:
            ended = monotonic()
            for trace in traces:
                run = ModelRun(trace.asked, ended - seconds, ended, len(self.rows), answers.served.version)
                trace.ran(run)

    def hand_out(self, answers: Answers) -> None:
        """Give everyone the answers to what was asked."""
        start = len(self.phones)
        prediction = answers.prediction
        texts = zip(
            prediction.price_range[:start].tolist(),
            probabilities_json(prediction.probabilities[:start]),
            self._applicability(answers, start),
            repeat(answers.served, start),
            strict=True,
        )
        for caller, answer in zip(self.phones, texts, strict=True):
            if not caller.done():
                caller.state.answerer = answers.served.seat
                caller.set_result(answer)
        for table in self._tables:
            rows = slice(start, start := start + len(table.asked))
            if not table.done():
                table.set_result(answers.part(rows))

    def _applicability(self, answers: Answers, phones: int) -> Iterable[bytes]:
        """Return in JSON how the first phones of the run lie to the training rows, nothing if nobody asks."""
        if answers.applicability is None:
            return repeat(IN_RANGE if self._is_told else b"", phones)
        return applicability_json(answers.served.region, answers.applicability, self.rows[:phones])


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


def _checked(tables: Sequence[_WaitingForTable]) -> Sequence[_WaitingForTable]:
    """Return the tables of phones, and tell the others why theirs are none."""
    unchecked = [table.asked for table in tables if table.check is not None]
    if not unchecked or admissible(np.concatenate(unchecked)).all():
        return tables
    good = []
    for table in tables:
        try:
            if table.check is not None:
                table.check(table.asked)
        except InvalidInputError as error:
            table.set_exception(error)
        else:
            good.append(table)
    return good


def _fail(callers: Iterable[Caller], error: Exception) -> None:
    for caller in callers:
        if not caller.done():
            caller.set_exception(error)


def _still_waiting(callers: Sequence[C], now: float) -> Sequence[C]:
    """Return those for whom an answer would be in time, and who wait for it; tell those who are too late."""
    waiting = [caller for caller in callers if caller.when > now and not caller.done()]
    if len(waiting) < len(callers):
        for caller in callers:
            if caller.when <= now and not caller.done():
                caller.set_exception(DeadlineError(caller.seconds))
    return waiting
