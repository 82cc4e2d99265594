"""The prediction log on the side of the event loop: it samples rows and puts them down, and never waits.

A thread writes what was put down, a part at a time. While a disk is slow or full the rows that find no room
are dropped and counted, and the log of the service says so once.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pricerange.bundle import Bundle
from pricerange.prediction_log.columns import DOORS
from pricerange.predictor import Prediction
from service.http.request_state import RequestState
from service.telemetry.prediction_log.counts import Counts
from service.telemetry.prediction_log.page import PAGE_ROWS, Page, Rows
from service.telemetry.prediction_log.sampling import Sampler
from service.telemetry.trouble import Trouble

log = logging.getLogger(__name__)

_PART_ROWS = PAGE_ROWS // 2
"""Rows that are made a part of at once; the other half of the page is for what comes until they are taken."""
LAST_SECONDS = 3.0
"""Seconds that the last part has when the process ends: fewer than a worker gets beyond its drain."""
_MICROSECONDS = 1e6


class Asked(Protocol):
    """Who asked about one phone."""

    @property
    def state(self) -> RequestState:
        """The request."""


class PredictionLog:
    """Takes rows from one thread; another has them stored, every so many seconds and when there are many."""

    def __init__(
        self, sampler: Sampler, store: Callable[[Page], None], counts: Counts, seconds: float
    ) -> None:
        """Have each page stored, on a thread of its own, also one without rows; that may take its time."""
        self.counts = counts
        self._sampler = sampler
        self._store = store
        self._seconds = seconds
        self._lock = threading.Lock()
        self._page, self._spare = Page(), Page()
        self._due = threading.Event()
        self._due.set()  # what was left behind is tidied up at once
        self._closed = False
        self._no_room, self._not_written = Trouble(log), Trouble(log)
        self._thread = threading.Thread(target=self._write, name="prediction-log", daemon=True)
        self._thread.start()

    def phones(
        self, asked: Sequence[Asked], rows: npt.NDArray[np.float32], prediction: Prediction, version: Bundle
    ) -> None:
        """Log the sampled ones of requests about one phone each; the first rows are theirs."""
        places = self._sampler.places(len(asked))
        if len(places):
            ids = [asked[place].state.request_id for place in places.tolist()]
            self._put(ids, 0, "predict", places, rows, prediction, version)

    def table(  # noqa: PLR0913
        self,
        door: str,
        state: RequestState,
        rows: npt.NDArray[np.float32],
        prediction: Prediction,
        version: Bundle,
        *,
        first: int | None = 1,
        valid: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Log the sampled ones of n rows float32 [n, 20] of a request, of which some may have no answer.

        `first` is the number of the first in the request, None for a request about one phone.
        """
        places = self._sampler.places(len(rows))
        if valid is not None:
            places = places[valid[places]]
        if len(places):
            numbers = 0 if first is None else places + first
            self._put(state.request_id, numbers, door, places, rows, prediction, version)

    def _put(  # noqa: PLR0913, PLR0917
        self,
        request_id: Sequence[bytes] | bytes,
        numbers: npt.NDArray[np.int64] | int,
        door: str,
        places: npt.NDArray[np.intp],
        rows: npt.NDArray[np.float32],
        prediction: Prediction,
        version: Bundle,
    ) -> None:
        found = Rows(
            request_id,
            numbers,
            DOORS.index(door),
            int(time.time() * _MICROSECONDS),
            rows[places],
            prediction.probabilities[places],
            prediction.price_range[places],
            version,
        )
        with self._lock:
            taken = self._page.add(found)
            waiting = self._page.count
        if waiting >= _PART_ROWS and not self._due.is_set():
            self._due.set()
        if taken < len(places):
            self.counts.no_room(len(places) - taken)
            self._no_room.begins("rows of the prediction log are dropped: its disk is slower than they come")

    def close(self, seconds: float = LAST_SECONDS) -> None:
        """Store what is there, for so many seconds at most."""
        self._closed = True
        self._due.set()
        self._thread.join(seconds)
        if self._thread.is_alive():
            log.warning("the prediction log lacks its last rows: its disk took longer than %g s", seconds)

    def _write(self) -> None:
        while True:
            self._due.wait(self._seconds)
            # not after: whoever closes in between would wait for a thread that waits for him
            closed = self._closed
            self._due.clear()
            with self._lock:
                page, self._page = self._page, self._spare
            self._no_room.ends("there is room for rows of the prediction log again")
            self._store_page(page)
            page.clear()
            self._spare = page
            if closed:
                return

    def _store_page(self, page: Page) -> None:
        try:
            self._store(page)
        except Exception as error:  # a full disk, say: later rows may find room
            self.counts.not_written(page.count)
            self._not_written.begins("the prediction log cannot be written, rows are dropped: %s", error)
        else:
            self.counts.written(page.count)
            if page.count:
                self._not_written.ends("the prediction log is written again")
