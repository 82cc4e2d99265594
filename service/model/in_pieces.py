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

_PATIENCE = 5.0
"""Seconds that a request of which phones are already answered waits for room in the model's queue."""
_PAUSE = 0.002

_Rows = npt.NDArray[np.float32]


async def predict_in_pieces(batcher: Batcher, rows: _Rows, *, unknown: bool, patient: bool) -> Prediction:
    """Answer n phones float32 [n, 20], NaN where a feature is `unknown`, which must be asked for.

    Once a piece is answered, or from the beginning where `patient`, the others wait where the queue is full.
    Raises what `Batcher.predict` raises.
    """
    if not unknown and len(rows) <= batcher.limit:
        return await _ask(batcher, rows, unknown=False, patient=patient)
    probabilities = np.empty((len(rows), len(LABELS)), np.float32)
    price_range = np.empty(len(rows), np.int64)
    for piece in _pieces(batcher, rows, unknown):
        found = await _ask(batcher, rows[piece], unknown=unknown, patient=patient)
        probabilities[piece], price_range[piece] = found.probabilities, found.price_range
        patient = True
    return Prediction(probabilities, price_range)


def _pieces(batcher: Batcher, rows: _Rows, unknown: bool) -> Iterable[slice]:
    if unknown and batcher.averages is not None:
        return batcher.averages.pieces(rows)
    return (slice(start, start + batcher.limit) for start in range(0, len(rows), batcher.limit))


async def _ask(batcher: Batcher, rows: _Rows, *, unknown: bool, patient: bool) -> Prediction:
    gives_up = monotonic() + _PATIENCE
    while True:
        try:
            return (await batcher.predict(rows, unknown=unknown)).prediction
        except OverloadedError:
            if not patient or monotonic() > gives_up:
                raise
            await asyncio.sleep(_PAUSE)
