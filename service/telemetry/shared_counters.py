"""Counters that all worker processes share: a row of float64 slots each, in memory that every one reads.

A row has one writer, so counting takes no lock. It outlives its process: the one that replaces a dead worker
continues with the row, and no count is lost.
"""

from dataclasses import dataclass
from enum import IntEnum, auto
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from pricerange.errors import PriceRangeError
from service.shared_memory import SharedMemory

SLOTS = 65_536
"""Slots of a row; they are zeros, 512 KiB, whether used or not."""


class Gauge(IntEnum):
    """The first slots of a row, for what is true only while its process lives.

    A heartbeat is when the process last ran its event loop, on the monotonic clock that all processes share;
    its connections are infinitely many where it takes no more. A process that has loaded the model is a
    worker on the CPU or on CUDA. A process whose numbers the metrics tell has a PID. The log level is that of
    all, in the parent's row.
    """

    HEARTBEAT = 0
    CONNECTIONS = auto()
    CPU_WORKERS = auto()
    CUDA_WORKERS = auto()
    QUEUE_ROWS = auto()
    QUEUE_LIMIT = auto()
    REQUESTS_IN_FLIGHT = auto()
    PID = auto()
    LOG_LEVEL = auto()
    MEMORY_BUDGET = auto()
    MEMORY_HELD = auto()
    SPOOL_BUDGET = auto()
    SPOOL_HELD = auto()


WORKER_RESTARTS = len(Gauge)
"""Counter in the parent's row: workers that were started in place of others."""


@dataclass
class SharedCountersFullError(PriceRangeError):
    """More is to be counted than a row has slots."""

    slots: int
    wanted: int

    def __str__(self) -> str:
        return f"expected at most {self.slots} counters, found {self.wanted} (SLOTS in shared_counters.py)"


class SharedCounters:
    """The row that a process counts in, `row` float64 [SLOTS], that of the parent, and the sums over all.

    A slot may be written by one thread only. Pickled as an argument of a new process, it shares the memory.
    """

    def __init__(self, memory: SharedMemory, number: int) -> None:
        self._memory = memory
        self._number = number
        self._rows = np.frombuffer(memory.cells, np.float64).reshape(-1, SLOTS)
        # `row[slot] += 1` costs less by a memoryview than by an array or by NumPy
        every = memory.cells.cast("d")
        self.row, *self._others = (
            every[row * SLOTS : (row + 1) * SLOTS]
            for row in sorted(range(len(self._rows)), key=number.__ne__)
        )
        self.of_parent = every[-SLOTS:]
        self._taken = WORKER_RESTARTS + 1

    @classmethod
    def of(cls, workers: int) -> list[Self]:
        """Make room for some workers and return what each is to be given; of several, last the parent."""
        rows = workers if workers == 1 else workers + 1
        memory = SharedMemory.zeros(rows * SLOTS * 8, "counters")
        return [cls(memory, number) for number in range(rows)]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._memory, self._number)

    def take(self, count: int) -> int:
        """Return the first of `count` slots that nobody else has; processes that ask alike get the same.

        Raises `SharedCountersFullError`.
        """
        first, self._taken = self._taken, self._taken + count
        if self._taken > SLOTS:
            raise SharedCountersFullError(SLOTS, self._taken)
        return first

    def elsewhere(self, gauge: Gauge, since: float) -> list[float]:
        """Return a gauge of each other process that has given a sign of life since then."""
        return [row[gauge] for row in self._others if row[Gauge.HEARTBEAT] >= since]

    @property
    def own(self) -> npt.NDArray[np.float64]:
        """The row as an array, float64 [SLOTS]: for many slots at once."""
        own: npt.NDArray[np.float64] = self._rows[self._number]
        return own

    def columns(self, first: int, count: int) -> npt.NDArray[np.float64]:
        """Return what each process has in some slots: float64 [processes, count]."""
        return self._rows[:, first : first + count].copy()

    def sums(self) -> npt.NDArray[np.float64]:
        """Add up all rows: float64 [SLOTS]."""
        total: npt.NDArray[np.float64] = self._rows.sum(axis=0)
        return total

    def end(self) -> None:
        """Zero the gauges of a process that has ended; what it counted stays."""
        self._rows[self._number, : len(Gauge)] = 0
