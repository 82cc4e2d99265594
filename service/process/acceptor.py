"""The connections of a worker: it takes one when no other worker has fewer, as long as descriptors last.

The kernel wakes all that wait for a port, and the first would take whatever is there: the few connections
of a proxy or of a pool of clients, which last for hours, could all end up with one worker.

The last file descriptors are not given to connections: those that are being served may need one for a long
answer, a library or a certificate. Whoever waits meanwhile does so in the kernel's queue.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from math import inf
from socket import socket
from time import monotonic
from typing import Any

from pricerange.machine import descriptors
from service.telemetry.shared_counters import Gauge, SharedCounters

log = logging.getLogger(__name__)

_LEEWAY = 1.125
"""Times as many connections as the worker with the fewest that a worker may have: to be even among thousands
is no reason to keep anyone waiting."""
_PATIENCE = 0.01
"""Seconds that a connection is left to the workers with fewer, before it is taken all the same."""
_AWAKE, _PAUSE = 0.0002, 0.001
"""Seconds for which we look on meanwhile, since a worker that is idle comes at once; after that, between two
looks."""
_BRIEF_SECONDS = 0.1
"""Seconds that a connection lasts at least whose place matters. For each briefer one another is taken out of
turn, within as long: where all come and go, nobody has to wait."""
_SILENT_SECONDS = 0.5
"""Seconds without a sign of life after which nothing is left to a worker."""
_MOST_AT_ONCE = 64
"""Connections that are taken before those that are already there have their turn."""
_RESERVE = 64
"""Descriptors kept back; of a limit below 256 a quarter is."""
_ROOM_SECONDS = 0.5
"""Seconds between two looks at how many descriptors are left."""
_SAY_SECONDS = 60.0
"""Seconds for which it is not said again that there are none."""


class Connections(set[Any]):
    """The connections of a server: says whenever their number changes, and counts those that were brief."""

    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__()
        self._brief = 0
        self._brief_ended = -inf
        self._changed = changed
        self._made: dict[Any, float] = {}

    def add(self, connection: Any) -> None:
        """Take note of a connection that was made."""
        super().add(connection)
        self._made[connection] = monotonic()
        self._changed()

    def discard(self, connection: Any) -> None:
        """Forget one that was lost."""
        super().discard(connection)
        now = monotonic()
        if now - self._made.pop(connection, -inf) < _BRIEF_SECONDS:
            self._brief = 1 if now - self._brief_ended > _BRIEF_SECONDS else self._brief + 1
            self._brief_ended = now
        self._changed()

    def excuse(self, now: float) -> bool:
        """Return whether one may be taken out of turn, because a brief one has ended lately."""
        excused = self._brief > 0 and now - self._brief_ended < _BRIEF_SECONDS
        self._brief -= excused
        return excused


class Acceptor:
    """Accepts from a listener on behalf of a worker, and tells the others, if any, how many it has."""

    def __init__(
        self,
        listener: socket,
        counters: SharedCounters,
        accept: Callable[[socket], Coroutine[Any, Any, None]],
    ) -> None:
        """Hand each connection to `accept`, which makes it one of `connections`."""
        self.connections = Connections(self._tell)
        self._listener = listener
        self._counters = counters
        self._accept = accept
        self._loop = asyncio.get_running_loop()
        self._coming: set[asyncio.Task[None]] = set()
        self._left_since = self._looked = 0.0
        self._paused: asyncio.TimerHandle | None = None
        self._most = inf  # connections for which there are descriptors, as last counted
        self._counted = self._said = -inf
        self._open = True
        listener.setblocking(False)
        self._loop.add_reader(listener, self._look)

    async def close(self, seconds: float) -> None:
        """Take no further connection, and wait so long at most for those that are under way."""
        self._open = False
        self._loop.remove_reader(self._listener)
        if self._paused is not None:
            self._paused.cancel()
        self._tell()
        if self._coming:
            await asyncio.wait(self._coming, timeout=seconds)

    def _look(self) -> None:
        """Take what is there, as long as it is our turn, or nobody else takes it."""
        for _ in range(_MOST_AT_ONCE):
            if not self._has_room():
                self._wait_for_room()
                return
            if not self._is_our_turn() and self._leave_it():
                return
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:  # the last one was taken meanwhile
                self._wait_for_room()
                return
            connection.setblocking(False)
            task = self._loop.create_task(self._accept(connection))
            self._coming.add(task)
            task.add_done_callback(self._arrived)
            self._tell()

    def _leave_it(self) -> bool:
        """Return whether to leave what is there to the others, who know of it too."""
        now = monotonic()
        if self.connections.excuse(now):
            return False
        if now - self._looked > _PATIENCE:
            self._left_since = now  # not what was there when we last looked
        self._looked = now
        left = now - self._left_since
        if left >= _PATIENCE:
            self._left_since = now + _PAUSE - _PATIENCE  # the next one is left to them for less long
            return False
        if left > _AWAKE:
            self._pause(_PAUSE)
        return True  # the loop calls again as long as anything is there

    def _has_room(self) -> bool:
        now = monotonic()
        if now - self._counted >= _ROOM_SECONDS:
            self._counted = now
            self._most = self._number() + descriptors.left() - min(_RESERVE, descriptors.limit() // 4)
            self._tell()
        return self._number() < self._most

    def _wait_for_room(self) -> None:
        self._pause(_ROOM_SECONDS)
        now = monotonic()
        if now - self._said >= _SAY_SECONDS:
            self._said = now
            log.warning(
                "no new connections are accepted until some end: this process has as few file descriptors "
                "left as it keeps for those it has; the limit is %d (raise it: ulimit -n, LimitNOFILE=)",
                descriptors.limit(),
            )

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._paused = self._loop.call_later(seconds, self._resume)

    def _resume(self) -> None:
        self._paused = None
        self._loop.add_reader(self._listener, self._look)

    def _arrived(self, task: asyncio.Task[None]) -> None:
        self._coming.discard(task)
        self._tell()

    def _is_our_turn(self) -> bool:
        elsewhere = self._counters.elsewhere(Gauge.CONNECTIONS, monotonic() - _SILENT_SECONDS)
        return self._counters.row[Gauge.CONNECTIONS] <= min(elsewhere, default=inf) * _LEEWAY

    def _number(self) -> int:
        return len(self.connections) + len(self._coming)

    def _tell(self) -> None:
        number = self._number()
        takes_more = self._open and number < self._most
        self._counters.row[Gauge.CONNECTIONS] = number if takes_more else inf
        if self._paused is not None and takes_more and self._is_our_turn():
            self._paused.cancel()
            self._resume()
