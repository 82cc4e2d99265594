"""How far a measure of quality would move on other phones: percentile bootstrap intervals."""

import numpy as np
import numpy.typing as npt

from pricerange.phone import LABELS
from training.quality.interval import LEVEL, Interval

RESAMPLES = 2_000
LEAST_ROWS = 30
"""Fewer do not stand for others, however often they are drawn."""
LEAST_ERRORS = 5
"""Wrong answers, and right ones, that a measure of the confusion matrix needs: with fewer, too many resamples
hold none."""
_SEED = 0
_CELLS = 4_000_000
"""Row numbers drawn at a time."""

Floats = npt.NDArray[np.float64]


def intervals(
    probabilities: npt.NDArray[np.float32], price_range: npt.NDArray[np.int64]
) -> dict[str, Interval | None]:
    """Return the 95 % interval of macro F1, quadratic kappa, NLL and Brier score of n answers.

    Rows are drawn with replacement (Efron & Tibshirani, "An Introduction to the Bootstrap", 1993), always
    the same ones for a number of rows. None where that degenerates: of fewer than `LEAST_ROWS` rows, of F1
    and kappa also where fewer than `LEAST_ERRORS` are wrong, or right. The calibration error has none either
    way: a resample's is larger than the sample's by construction.
    """
    if len(price_range) < LEAST_ROWS:
        return dict.fromkeys(("macro_f1", "kappa", "nll", "brier"))
    right = int((probabilities.argmax(axis=1) == price_range).sum())
    confusion, losses = _sums(_per_row(probabilities, price_range))
    means = losses / confusion.sum(axis=(1, 2))[:, None]
    found: dict[str, Interval | None] = {"nll": _bounds(means[:, 0]), "brier": _bounds(means[:, 1])}
    enough = min(right, len(price_range) - right) >= LEAST_ERRORS
    for name, of_resamples in (("macro_f1", _macro_f1), ("kappa", _kappa)):
        found[name] = _bounds(of_resamples(confusion)) if enough else None
    return found


def _bounds(values: Floats) -> Interval:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _per_row(probabilities: npt.NDArray[np.float32], price_range: npt.NDArray[np.int64]) -> Floats:
    """Return what each row adds, float64 [n, 16 + 2]: a cell of the confusion matrix, its losses."""
    classes = len(LABELS)
    cell = np.eye(classes**2)[price_range * classes + probabilities.argmax(axis=1)]
    own = np.take_along_axis(probabilities, price_range[:, None], axis=1)[:, 0]
    log_loss = -np.log(np.maximum(own, np.finfo(np.float32).eps).astype(np.float64))
    brier = np.square(probabilities - np.eye(classes)[price_range]).sum(axis=1)
    return np.column_stack([cell, log_loss, brier])


def _sums(per_row: Floats) -> tuple[Floats, Floats]:
    """Sum resamples of the rows: confusion [resamples, 4, 4] and losses [resamples, 2].

    Every measure is a function of sums over rows, so that a resample is a vector of counts, and all of
    them together one matrix product.
    """
    rows, draw = len(per_row), np.random.default_rng(_SEED)
    at_once = max(1, _CELLS // rows)
    sums = []
    for start in range(0, RESAMPLES, at_once):
        number = min(at_once, RESAMPLES - start)
        drawn = draw.integers(0, rows, (number, rows)) + rows * np.arange(number)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=number * rows).reshape(number, rows)
        sums.append(counts @ per_row)
    together = np.concatenate(sums)
    return together[:, :-2].reshape(-1, len(LABELS), len(LABELS)), together[:, -2:]


def _macro_f1(confusion: Floats) -> Floats:
    """Return the mean over the price ranges that occur in a resample, be it as truth or as answer."""
    right = np.diagonal(confusion, axis1=1, axis2=2)
    either = confusion.sum(axis=1) + confusion.sum(axis=2)
    scores: Floats = (2 * right / np.maximum(either, 1)).sum(axis=1) / (either > 0).sum(axis=1)
    return scores


def _kappa(confusion: Floats) -> Floats:
    """Return 1 where neither truth nor answers vary: all are right, and there is no kappa."""
    places = np.arange(len(LABELS))
    weights = np.square(places[:, None] - places)
    total = confusion.sum(axis=(1, 2))
    by_chance = confusion.sum(axis=2)[:, :, None] * confusion.sum(axis=1)[:, None, :] / total[:, None, None]
    found, expected = ((weights * table).sum(axis=(1, 2)) for table in (confusion, by_chance))
    kappas: Floats = 1 - found / np.where(expected > 0, expected, 1)
    return kappas
