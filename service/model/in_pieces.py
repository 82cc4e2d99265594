"""Many phones answered piece by piece, so that others have their runs of the model between."""

import asyncio
from collections.abc import Iterable
from time import monotonic

import numpy as np
import numpy.typing as npt

from pricerange.phone import LABELS
from pricerange.predictor import Prediction
from service.errors import OverloadedError
from service.model.batcher import Batcher
from service.versions.live import Choice
from service.versions.served import Served

_PATIENCE = 5.0
"""Seconds that a request of which phones are already answered waits for room in the model's queue."""
_PAUSE = 0.002

_Rows = npt.NDArray[np.float32]


async def predict_in_pieces(
    batcher: Batcher, rows: _Rows, choice: Choice, *, unknown: bool, patient: bool
) -> tuple[Prediction, Served]:
    """Answer n phones float32 [n, 20], NaN where a feature is `unknown`, and say which version did.

    Unknown features must be asked for. The first piece alone may be answered by the version instead.

    Once a piece is answered, or from the beginning where `patient`, the others wait where the queue is full.
    Raises what `Batcher.predict` raises.
    """
    if not unknown and len(rows) <= batcher.limit:
        return await _ask(batcher, rows, choice, unknown=False, patient=patient)
    probabilities = np.empty((len(rows), len(LABELS)), np.float32)
    price_range = np.empty(len(rows), np.int64)
    for piece in _pieces(batcher, rows, choice.served, unknown):
        found, served = await _ask(batcher, rows[piece], choice, unknown=unknown, patient=patient)
        probabilities[piece], price_range[piece] = found.probabilities, found.price_range
        patient, choice = True, Choice(served)
    return Prediction(probabilities, price_range), choice.served


def _pieces(batcher: Batcher, rows: _Rows, served: Served, unknown: bool) -> Iterable[slice]:
    if unknown and served.averages is not None:
        return served.averages.pieces(rows)
    return (slice(start, start + batcher.limit) for start in range(0, len(rows), batcher.limit))


async def _ask(
    batcher: Batcher, rows: _Rows, choice: Choice, *, unknown: bool, patient: bool
) -> tuple[Prediction, Served]:
    gives_up = monotonic() + _PATIENCE
    while True:
        try:
            answers = await batcher.predict(rows, choice, unknown=unknown)
        except OverloadedError:
            if not patient or monotonic() > gives_up:
                raise
            await asyncio.sleep(_PAUSE)
        else:
            return answers.prediction, answers.served
