"""Answers to phones of which some features are unknown: averages over what they might be.

Background phones, which are training phones, lend their values where a phone's own are unknown; the answer is
the mean of the model's answers to all of these (the partial dependence of Friedman, "Greedy Function
Approximation: A Gradient Boosting Machine", 2001).
"""

from collections.abc import Callable, Iterator
from typing import Self

import numpy as np
import numpy.typing as npt

from pricerange.phone import FEATURE_NAMES, LABELS
from pricerange.predictor import Prediction, Predictor

PIECE_ROWS = 1_024
"""Rows that the model is asked for at once: about half a millisecond, and 80 KiB."""

Rows = npt.NDArray[np.float32]


class Averages:
    """Answers phones float32 [n, 20], NaN where a feature is unknown. Safe to be asked by many threads.

    A phone costs the model a row, and as many as there are background phones where a feature is unknown that
    can change an answer. Its answer is the same to the last bit whatever phones it is asked beside; where
    nothing is unknown, it is the model's own.
    """

    def __init__(
        self, ask: Callable[[Rows], npt.NDArray[np.float32]], background: Rows, active: npt.NDArray[np.bool_]
    ) -> None:
        """Average what `ask` answers, float32 [n, 20] -> [n, 4], over the background phones float32 [b, 20].

        `active` bool [20] says which features can change an answer.
        """
        self._ask = ask
        self._background = background
        self._active = active

    @classmethod
    def of_version(cls, predictor: Predictor) -> Self | None:
        """Return those of a version, None where it was written before it kept background phones."""
        passport = predictor.bundle.passport
        if passport.background is None:
            return None
        active = np.isin(FEATURE_NAMES, passport.active_features)
        background = np.array(passport.background.rows, np.float32)
        return cls(lambda rows: predictor.predict(rows).probabilities, background, active)

    def cost(self, rows: Rows) -> int:
        """Return how many rows the model is asked for."""
        return int(self._costs(rows).sum())

    def averaged(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Return bool [n]: whose answers are averages."""
        averaged: npt.NDArray[np.bool_] = np.logical_or.reduce(np.isnan(rows) & self._active, axis=1)
        return averaged

    def pieces(self, rows: Rows) -> Iterator[slice]:
        """Yield runs of phones that cost the model `PIECE_ROWS` rows at most, or that are one phone."""
        total = np.cumsum(self._costs(rows))
        start, before = 0, 0
        while start < len(rows):
            stop = max(int(np.searchsorted(total, before + PIECE_ROWS, "right")), start + 1)
            yield slice(start, stop)
            start, before = stop, int(total[stop - 1])

    def predict(self, rows: Rows) -> Prediction:
        """Answer n phones."""
        probabilities = np.empty((len(rows), len(LABELS)), np.float32)
        averaged = self.averaged(rows)
        # whatever stands in for a feature that changes nothing, changes nothing
        certain = np.where(np.isnan(rows), self._background[0], rows)[~averaged]
        probabilities[~averaged] = self._ask(certain)
        places = np.flatnonzero(averaged)
        for piece in self.pieces(rows[places]):
            probabilities[places[piece]] = self._average(rows[places[piece]])
        return Prediction(probabilities, probabilities.argmax(axis=1))

    def _average(self, rows: Rows) -> npt.NDArray[np.float64]:
        """Return the mean answer to each of n phones, float64 [n, 4]."""
        own = rows[:, np.newaxis]
        filled = np.where(np.isnan(own), self._background, own)
        return mean_answers(self._ask(filled.reshape(-1, rows.shape[1])), len(self._background))

    def _costs(self, rows: Rows) -> npt.NDArray[np.intp]:
        return np.where(self.averaged(rows), len(self._background), 1)


def mean_answers(answers: Rows, background_rows: int) -> npt.NDArray[np.float64]:
    """Return the mean of each run of that many answers, float32 [n * b, 4] -> float64 [n, 4].

    Each is summed in its own order, so that it has the same bits beside any others.
    """
    of_phones = answers.reshape(-1, background_rows, answers.shape[1]).astype(np.float64)
    # as the sum over this axis would, in a quarter of its time
    mean: npt.NDArray[np.float64] = np.einsum("nbk->nk", of_phones) / background_rows
    return mean
