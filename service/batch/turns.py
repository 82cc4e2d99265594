"""Large bodies take turns: all of them together hold the event loop no longer than one of them does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter

LONGEST_TURN = 0.001
"""Seconds after which work of unknown length lets others have the event loop."""


class Turns:
    """A block of rows at a time is read, answered and written, whoever sent it; first come, first served."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def take(self) -> AsyncIterator["Turn"]:
        """Wait for the turn and keep it for a block; the event loop goes round once before the next one."""
        async with self._lock:
            yield Turn()
            await asyncio.sleep(0)


class Turn:
    """One block's turn."""

    def __init__(self) -> None:
        self._since = perf_counter()

    async def pause_if_long(self) -> None:
        """Let others have the event loop, where this turn has had it too long."""
        if perf_counter() - self._since > LONGEST_TURN:
            await asyncio.sleep(0)
            self._since = perf_counter()
