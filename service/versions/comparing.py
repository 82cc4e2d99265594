"""Versions are compared on phones that were answered a moment ago: no answer waits for it.

A shadow is given a sample of what the stable version has answered, and the stable version what a canary has.
A thread asks them; while it is behind, phones find no room, and are dropped and counted.
"""

import threading
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pricerange.agreement import Agreement
from pricerange.predictor import Prediction
from service.telemetry.seats import Seat
from service.versions.live import Live
from service.versions.served import Served

_MOST_ROWS = 8_192
"""Phones that wait: 0.8 MB."""
_ENOUGH_ROWS = 512
"""Phones that are worth a run: as many take the model a quarter of a millisecond."""
_PAUSE = 0.1
"""Seconds after which fewer are."""

_Rows = npt.NDArray[np.float32]


class _Pair(NamedTuple):
    """Who is asked too, whether that is the stable version, and the seat of the other one of the two."""

    seat: Seat
    asked: Served
    is_stable: bool


class Comparing:
    """Compares the versions of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[_Pair, list[tuple[_Rows, _Rows]]] = {}
        self._rows = 0
        self._due = threading.Event()
        self._thread: threading.Thread | None = None

    def offer(self, live: Live, served: Served, phones: _Rows, prediction: Prediction) -> None:
        """Have n phones float32 [n, 20], all of whose features are known, and their answers compared."""
        if served is live.stable:
            for shadow in live.shadows:
                places = shadow.sampler.places(len(phones))
                if len(places):
                    pair = _Pair(shadow.served.seat, shadow.served, is_stable=False)
                    self._keep(pair, phones[places], prediction.probabilities[places])
        elif live.canary is not None and served is live.canary.served:
            self._keep(_Pair(served.seat, live.stable, is_stable=True), phones, prediction.probabilities)

    def _keep(self, pair: _Pair, phones: _Rows, answered: _Rows) -> None:
        with self._lock:
            fits = min(len(phones), _MOST_ROWS - self._rows)
            if fits:
                self._rows += fits
                self._kept.setdefault(pair, []).append((phones[:fits], answered[:fits]))
            enough = self._rows >= _ENOUGH_ROWS
        if fits < len(phones):
            pair.seat.dropped(len(phones) - fits)
        if enough:
            self._due.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="comparing", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            self._due.wait(_PAUSE)
            self._due.clear()
            self._compare_kept()

    def _compare_kept(self) -> None:
        """Compare what is kept; in a frame of its own, which holds no version once that is done."""
        with self._lock:
            kept, self._kept, self._rows = self._kept, {}, 0
        for pair, blocks in kept.items():
            try:
                _compare(pair, *map(np.concatenate, zip(*blocks, strict=True)))
            except Exception as error:
                pair.seat.comparison_failed(sum(len(phones) for phones, _ in blocks))
                pair.asked.complain(error)


def _compare(pair: _Pair, phones: _Rows, answered: _Rows) -> None:
    found = pair.asked.predictor.predict(phones).probabilities
    stable, other = (found, answered) if pair.is_stable else (answered, found)
    pair.seat.compared(Agreement.of(stable, other))
