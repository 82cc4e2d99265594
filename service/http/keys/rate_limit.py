"""Limits of phones a second that cover all workers: token buckets in memory that they share."""

import fcntl
from time import monotonic
from typing import Any

from service.http.keys.entry import MOST_KEYS
from service.shared_memory import SharedMemory

_DEPTH = 1.0
"""Seconds of the rate that a bucket holds."""
_TRIES = 50
"""Attempts at a lock, 0.1 ms altogether: it is held for a microsecond, unless its holder is stopped."""


class RateLimits:
    """A bucket for each slot. Who finds something in it may ask for any number of phones: it goes into debt.

    A bucket is one number, the time on the monotonic clock when it will be full again (the virtual scheduling
    algorithm, ITU-T I.371). Pickled as an argument of a new process, it shares the memory.
    """

    def __init__(self, memory: SharedMemory | None = None) -> None:
        self._memory = memory or SharedMemory.zeros(8 * MOST_KEYS, "rate-limits")
        self._full_at = self._memory.cells.cast("d")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._memory,)

    def take(self, slot: int, rows: int, rate: float) -> float:
        """Charge rows and return 0; of a bucket in debt none, but the seconds until that is paid."""
        locked = self._lock(slot)
        now = monotonic()
        full_at = max(self._full_at[slot], now)
        debt = max(0.0, full_at - now - _DEPTH)
        if not debt:
            self._full_at[slot] = full_at + rows / rate
        if locked:
            fcntl.lockf(self._memory.descriptor, fcntl.LOCK_UN, 1, slot)
        return debt

    def fill(self, slot: int) -> None:
        """Fill a bucket, which gets another owner."""
        self._full_at[slot] = 0.0

    def _lock(self, slot: int) -> bool:
        """Lock a bucket against other processes; the end of a process, however it comes, unlocks it.

        Nobody waits for one that is stopped meanwhile: it is done without the lock, and a charge may be lost.
        """
        for _ in range(_TRIES):
            try:
                fcntl.lockf(self._memory.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, slot)
            except OSError:
                continue
            return True
        return False
