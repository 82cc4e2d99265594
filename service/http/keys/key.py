"""A key that a request holds, and what the request is charged to it."""

import asyncio
from time import monotonic

from service.errors import ClientDisconnectedError, RateLimitedError
from service.http import deadline
from service.http.keys.entry import Role
from service.http.keys.publication import Published
from service.http.keys.rate_limit import RateLimits
from service.http.request_state import RequestState

CELLS = 3
"""Cells that a process has for a name: since which generation they are its, rows, limited requests."""
_LONGEST_SLEEP = 1.0
"""Seconds after which one that waits looks whether somebody still waits for it."""


class Key:
    """A key of one generation of the file. Rows are counted in the row of this process, from `first` on."""

    __slots__ = (
        "_limits",
        "_row",
        "_rows",
        "expires",
        "generation",
        "name",
        "rate",
        "roles",
        "since",
        "slot",
    )

    def __init__(
        self, published: Published, generation: int, limits: RateLimits, row: "memoryview[float]", first: int
    ) -> None:
        entry = published.entry
        self.name = entry.name
        self.roles: frozenset[Role] = entry.roles
        self.expires = None if entry.expires is None else entry.expires.timestamp()
        self.rate = entry.rows_per_second
        self.generation = generation
        self._limits = limits
        self.slot = published.slot
        self.since = published.since
        self._row = row
        cell = first + CELLS * published.slot
        self._rows = cell + 1
        if row[cell] != published.since:  # another name's, or zeros that were never used
            row[cell] = published.since
            row[cell + 1] = row[cell + 2] = 0

    def take(self, rows: int) -> float:
        """Charge rows and return 0; where the name is in debt none, but the seconds until that is paid."""
        if self.rate is not None:
            seconds = self._limits.take(self.slot, rows, self.rate)
            if seconds:
                return seconds
        self._row[self._rows] += rows
        return 0.0

    def limited(self, seconds: float) -> RateLimitedError:
        """Count a request that is rejected, and return why."""
        assert self.rate is not None
        self._row[self._rows + 1] += 1
        return RateLimitedError(self.name, self.rate, seconds)


def charge(state: RequestState, rows: int) -> None:
    """Charge rows to the key of a request, if it has one. Raises `RateLimitedError` where that is in debt."""
    key = state.key
    if key is not None:
        seconds = key.take(rows)
        if seconds:
            raise key.limited(seconds)


async def charge_in_turn(state: RequestState, rows: int, *, begun: bool) -> None:
    """Charge rows as `charge` does, but wait until a debt is paid, as long as somebody waits for the answer.

    Raises `RateLimitedError` where that would pass the deadline; a request without one that has `begun`, so
    that phones are answered, waits as long as it takes. Raises `ClientDisconnectedError`.
    """
    key = state.key
    if key is None:
        return
    while seconds := key.take(rows):
        ends = deadline.current()
        if monotonic() + seconds > ends.when and (ends.asked or not begun):
            raise key.limited(seconds)
        await asyncio.sleep(min(seconds, _LONGEST_SLEEP))
        if state.disconnected:
            raise ClientDisconnectedError(state.received)
        if begun:
            deadline.renew(monotonic())
