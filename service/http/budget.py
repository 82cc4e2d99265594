"""Budgets of what requests together make the process hold, memory and disk, asked before it is taken.

Without them many requests, each within its own bounds, together take more than the container has: the kernel
ends the process with all that is in flight, or the disk is full for everyone.
"""

import ctypes
from collections.abc import Callable

from pricerange.machine.memory import usable_memory
from service.errors import MemoryBudgetError, ServiceError

_LEAST_BYTES = 64 << 20
_MUCH_BYTES = 32 << 20
"""Bytes held at once from which on the allocator is asked, afterwards, to give back what it has kept."""


def default_budget(workers: int) -> int:
    """Return what a worker's requests may hold: half of the memory there is, shared among the workers."""
    return max(_LEAST_BYTES, usable_memory() // 2 // workers)


class Budget:
    """Counts the bytes that are held; `error`, made with the limit, is raised for more."""

    def __init__(
        self, limit: int, error: Callable[[int], ServiceError], on_change: Callable[[int], None]
    ) -> None:
        self.limit = limit
        self._error = error
        self._on_change = on_change
        self.held = 0

    def take(self, size: int) -> None:
        """Count bytes that are about to be taken. Raises the budget's error where too many are."""
        if self.held + size > self.limit:
            raise self._error(self.limit)
        self.held += size
        self._on_change(self.held)

    def give(self, size: int) -> None:
        """Count bytes as given back."""
        self.held -= size
        self._on_change(self.held)


class MemoryBudget(Budget):
    """Counts memory, and has the allocator give back much of it. `take` raises `MemoryBudgetError`."""

    def __init__(self, limit: int, on_change: Callable[[int], None]) -> None:
        super().__init__(limit, MemoryBudgetError, on_change)
        self._peak = 0

    def take(self, size: int) -> None:
        """Count bytes that are about to be taken. Raises `MemoryBudgetError` where too many are."""
        super().take(size)
        self._peak = max(self._peak, self.held)

    def give(self, size: int) -> None:
        """Count bytes as given back."""
        super().give(size)
        if not self.held and self._peak > _MUCH_BYTES:
            self._peak = 0
            _return_to_the_system()


def _return_to_the_system() -> None:
    """Have glibc give back the pages that nothing stands on; other allocators do so themselves."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
