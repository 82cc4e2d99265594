"""Large bodies are worked on in time slices: all together keep others waiting no longer than one would."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, perf_counter
from typing import Any, NamedTuple, TypeVar, cast

from service.errors import OverloadedError
from service.http import deadline
from service.http.deadline import Deadline

T = TypeVar("T")


class _Task(NamedTuple):
    work: Callable[[], Any]
    deadline: Deadline
    done: asyncio.Future[Any]


@dataclass(slots=True)
class _Clock:
    """A clock that stands still while one of the queues works that share it."""

    worked: float = 0.0

    def read(self) -> float:
        return perf_counter() - self.worked


class TimeSlices:
    """Work that takes a millisecond is done first come, first served, a piece in each iteration of the loop.

    Where others take longer in an iteration than a piece does, as a flood that is rejected, the work gets as
    long as they did: half of the time at least, or overload would leave nothing for what was accepted.
    """

    def __init__(
        self,
        max_queue_rows: int,
        max_rows: int,
        setting: str = "max_queue_rows",
        beside: "TimeSlices | None" = None,
    ) -> None:
        """Let so many rows wait, of work on at most `max_rows` each; the `setting` is what says so.

        Others are neither to the queue `beside`, or each would take as long as the other did and a little
        more, turn by turn.
        """
        self._rows = max_queue_rows
        self._setting = setting
        self._most = max_queue_rows // max_rows
        self._queue: deque[_Task] = deque()
        self._clock: _Clock = _Clock() if beside is None else beside._clock
        self._ended = 0.0

    async def run(self, work: Callable[[], T], *, begun: bool = False) -> T:
        """Return the result of some work of about a block of rows, once it has had its slice.

        Raises `OverloadedError` where the queue is full and the request not `begun` by earlier work,
        `DeadlineError`, and what the work raises.
        """
        if len(self._queue) >= self._most and not begun:
            raise OverloadedError(self._rows, self._setting)
        loop = asyncio.get_running_loop()
        if not self._queue:
            self._ended = self._clock.read()
            loop.call_soon(self._slice)
        done = loop.create_future()
        self._queue.append(_Task(work, deadline.current(), done))
        try:
            return cast("T", await done)
        finally:
            del done  # as in `_do`

    def _slice(self) -> None:
        began = perf_counter()
        until = began + (self._clock.read() - self._ended)
        while self._queue:
            _do(self._queue.popleft())
            if perf_counter() >= until:
                break
        self._clock.worked += perf_counter() - began
        self._ended = self._clock.read()
        if self._queue:
            asyncio.get_running_loop().call_soon(self._slice)


def _do(task: _Task) -> None:
    if task.done.done():  # it was cancelled: the server is leaving
        return
    if task.deadline.when <= monotonic():
        task.done.set_exception(task.deadline.error())
        return
    try:
        task.done.set_result(task.work())
    except Exception as error:
        task.done.set_exception(error)
    finally:
        del task  # or an error and this frame would keep each other, with all that they hold
