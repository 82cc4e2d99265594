"""Counts of the phones asked about, of all workers together: since the start, and window by window."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pricerange.drift.reference import Reference, Tally
from pricerange.predictor import Prediction
from service.telemetry.seats import DRIFT_SLOTS, Seat
from service.telemetry.shared_counters import SharedCounters, SharedCountersFullError

_KEPT = 2
"""Windows that each worker keeps: the one that is filled, and the last that is full."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted since the start, and in the last window that is full: none before there is one."""

    since_start: Tally
    last_window: Tally
    windows: int


class Windows:
    """Counts in the counters of this process, tells those of all.

    A window ends after so many rows of all workers, however they are shared out. Each worker counts in cells
    of its own, beside which stands the number of the window: cells of an older one do not count. So nobody
    waits for anybody; where workers count at once, a window may be a few rows longer and the next shorter.
    """

    def __init__(self, reference: Reference, counters: SharedCounters, rows: int, seat: Seat) -> None:
        """Count in the seat of the reference's version. Raises `SharedCountersFullError`."""
        self.reference = reference
        self.rows = rows
        self._counters = counters
        self._size = reference.size
        self._seat = seat
        self._first = seat.drift_slots
        if (wanted := reference.size + _KEPT * (1 + reference.size)) > DRIFT_SLOTS:
            raise SharedCountersFullError(DRIFT_SLOTS, wanted)

    def count(self, phones: npt.NDArray[np.float32], prediction: Prediction) -> None:
        """Count n phones float32 [n, 20], NaN where a feature is unknown, and their answers."""
        while len(phones):
            window, filled = divmod(int(self.reference.rows(self._since_start())), self.rows)
            some, rest = slice(self.rows - filled), slice(self.rows - filled, None)
            of_some = Prediction(prediction.probabilities[some], prediction.price_range[some])
            tally = self.reference.tally(phones[some], of_some)
            self._add(tally, self._first)
            cells = self._cells(window)
            own = self._counters.own
            if own[cells] != window + 1:  # of an older window, or zeros that were never used
                own[cells] = window + 1
                own[cells + 1 : cells + 1 + self._size] = 0
            self._add(tally, cells + 1)
            phones = phones[rest]
            prediction = Prediction(prediction.probabilities[rest], prediction.price_range[rest])

    def counted(self) -> Counted:
        """Add up what all workers have counted."""
        since_start = self._since_start()
        windows = int(self.reference.rows(since_start)) // self.rows
        last = np.zeros(self._size)
        if windows:
            number, *found = self._columns(self._cells(windows - 1), 1 + self._size).T
            last = np.array(found)[:, number == windows].sum(axis=1)
        return Counted(since_start, last, windows)

    def _since_start(self) -> Tally:
        total: Tally = self._columns(self._first, self._size).sum(axis=0)
        return total

    def _columns(self, first: int, count: int) -> npt.NDArray[np.float64]:
        """Return some slots of all workers that count this version: others have yet to switch."""
        return self._counters.columns(first, count)[self._seat.held()]

    def _cells(self, window: int) -> int:
        return self._first + self._size + window % _KEPT * (1 + self._size)

    def _add(self, tally: Tally, first: int) -> None:
        self._counters.own[first : first + self._size] += tally
