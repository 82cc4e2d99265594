"""Large bodies take turns: all of them together keep others waiting no longer than one of them does."""

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic, perf_counter
from typing import Any, NamedTuple, TypeVar, cast

from service.errors import OverloadedError
from service.http import deadline
from service.http.deadline import Deadline

T = TypeVar("T")


class _Waiting(NamedTuple):
    work: Callable[[], Any]
    deadline: Deadline
    done: asyncio.Future[Any]


class Turns:
    """Work that takes a millisecond is done in the order in which it came, a piece a turn of the event loop.

    Where others take longer in a turn than a piece does, as a flood that is refused, the work gets as long as
    they did: half of the time at least, or overload would leave nothing for what was accepted.
    """

    def __init__(self, max_queue_rows: int, max_rows: int) -> None:
        self._rows = max_queue_rows
        self._most = max_queue_rows // max_rows
        self._queue: deque[_Waiting] = deque()
        self._ended = 0.0

    async def take(self, work: Callable[[], T], *, begun: bool = False) -> T:
        """Return what some work of about a block of rows comes to, when it is its turn.

        Raises `OverloadedError` where the queue is full and the request not `begun` by earlier work,
        `DeadlineError`, and what the work raises.
        """
        if len(self._queue) >= self._most and not begun:
            raise OverloadedError(self._rows)
        loop = asyncio.get_running_loop()
        if not self._queue:
            self._ended = perf_counter()
            loop.call_soon(self._turn)
        done = loop.create_future()
        self._queue.append(_Waiting(work, deadline.current(), done))
        try:
            return cast("T", await done)
        finally:
            del done  # as in `_do`

    def _turn(self) -> None:
        began = perf_counter()
        until = began + (began - self._ended)
        while self._queue:
            _do(self._queue.popleft())
            if perf_counter() >= until:
                break
        self._ended = perf_counter()
        if self._queue:
            asyncio.get_running_loop().call_soon(self._turn)


def _do(waiting: _Waiting) -> None:
    if waiting.done.done():  # it was cancelled: the server is leaving
        return
    if waiting.deadline.when <= monotonic():
        waiting.done.set_exception(waiting.deadline.error())
        return
    try:
        waiting.done.set_result(waiting.work())
    except Exception as error:
        waiting.done.set_exception(error)
    finally:
        del waiting  # or an error and this frame would keep each other, with all that they hold
