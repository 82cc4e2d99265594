"""A bounded sample of the phones that are answered, counted a moment later: no request waits for it."""

import asyncio

import numpy as np
import numpy.typing as npt

from pricerange.predictor import Prediction
from service.telemetry.drift.windows import Windows

_MOST_ROWS = 128
"""Rows of which each pause keeps some at most: to count them takes less than a tenth of a millisecond."""
_PAUSE = 0.5
"""Seconds between two counts."""


class DriftSample:
    """Keeps what was answered, by reference where all of it is kept, until the event loop counts it."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._kept: list[tuple[npt.NDArray[np.float32], Prediction]] = []
        self._room = _MOST_ROWS

    def offer(self, phones: npt.NDArray[np.float32], prediction: Prediction) -> None:
        """Keep n phones float32 [n, 20] and their answers, or as many as there is room for, evenly spread."""
        if not self._room or not len(phones):
            return
        if self._room == _MOST_ROWS:
            asyncio.get_running_loop().call_later(_PAUSE, self._count)
        if len(phones) > self._room:
            some = slice(None, None, -(-len(phones) // self._room))
            # not by reference: the rest would stay in memory with them
            phones = phones[some].copy()
            prediction = Prediction(
                prediction.probabilities[some].copy(), prediction.price_range[some].copy()
            )
        self._room -= len(phones)
        self._kept.append((phones, prediction))

    def _count(self) -> None:
        kept, self._kept, self._room = self._kept, [], _MOST_ROWS
        self._windows.count(
            np.concatenate([phones for phones, _ in kept]),
            Prediction(
                np.concatenate([answers.probabilities for _, answers in kept]),
                np.concatenate([answers.price_range for _, answers in kept]),
            ),
        )
