"""One budget of memory for everything that requests make the process hold, asked before it is taken.

Without it many requests, each within its own bounds, together take more than the container has, and the
kernel ends the process with all that is in flight.
"""

import ctypes
from collections.abc import Callable

from pricerange.memory import usable_memory
from service.errors import MemoryBudgetError

_LEAST_BYTES = 64 << 20
_MUCH_BYTES = 32 << 20
"""Bytes held at once from which on the allocator is asked, afterwards, to give back what it has kept."""


def default_budget(workers: int) -> int:
    """Return what a worker's requests may hold: half of the memory there is, shared among the workers."""
    return max(_LEAST_BYTES, usable_memory() // 2 // workers)


class MemoryBudget:
    """Counts the bytes that requests hold."""

    def __init__(self, limit: int, on_change: Callable[[int], None]) -> None:
        self.limit = limit
        self._on_change = on_change
        self._held = 0
        self._peak = 0

    def take(self, size: int) -> None:
        """Count bytes that are about to be taken. Raises `MemoryBudgetError` where too many are."""
        if self._held + size > self.limit:
            raise MemoryBudgetError(self.limit)
        self._held += size
        self._peak = max(self._peak, self._held)
        self._on_change(self._held)

    def give(self, size: int) -> None:
        """Count bytes as given back."""
        self._held -= size
        self._on_change(self._held)
        if not self._held and self._peak > _MUCH_BYTES:
            self._peak = 0
            _return_to_the_system()


def _return_to_the_system() -> None:
    """Have glibc give back the pages that nothing stands on; other allocators do so themselves."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
