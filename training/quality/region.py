"""Where the training rows lie, so that later ones can be told from what was learned."""

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import RepeatedKFold

from pricerange.bundle import TrainingRegion
from pricerange.phone import FEATURE_NAMES

FALSE_ALARMS = 0.01
"""Share of phones like the training rows that may lie outside their ranges or beyond the limit."""
_LEAST_SHARE = 0.002
"""Share beyond the limit, even where more than all others lie outside the ranges."""
_FOLDS, _REPEATS = 5, 4
_LEAST_VARIANCE = 1e-4
"""Of a combination of standardised features: one that never varies would put any row infinitely far."""

Floats = npt.NDArray[np.float64]


def training_region(
    rows: npt.NDArray[np.float32], used: npt.NDArray[np.intp], seed: int
) -> TrainingRegion | None:
    """Describe n training rows float32 [n, 20]; `used` are the places of the features that the model uses.

    Without any there is nothing to be near by, and None is returned.
    The limit is a quantile of the distances of rows that were held out: of a row to those that its own mean
    and covariance come from it would be too small.
    """
    if not len(used):
        return None
    exact = rows.astype(np.float64)
    distances, outside = [], []
    for learned, held_out in RepeatedKFold(n_splits=_FOLDS, n_repeats=_REPEATS, random_state=seed).split(
        exact
    ):
        mean, whitening = _fitted(exact[learned][:, used])
        distances.append(np.linalg.norm((exact[held_out][:, used] - mean) @ whitening, axis=1))
        low, high = exact[learned].min(axis=0), exact[learned].max(axis=0)
        outside.append(((exact[held_out] < low) | (exact[held_out] > high)).any(axis=1))
    distance, is_outside = np.concatenate(distances), np.concatenate(outside)
    share = max(FALSE_ALARMS - float(is_outside.mean()), _LEAST_SHARE)
    limit = float(np.quantile(distance, 1 - share))
    mean, whitening = _fitted(exact[:, used])
    return TrainingRegion(
        features=[FEATURE_NAMES[place] for place in used],
        mean=mean.tolist(),
        whitening=whitening.tolist(),
        limit=limit,
        false_alarms={
            "range": float(is_outside.mean()),
            "distance": float((distance > limit).mean()),
            "together": float((is_outside | (distance > limit)).mean()),
        },
    )


def _fitted(rows: Floats) -> tuple[Floats, Floats]:
    """Return the mean [k] of rows [n, k], and the matrix [k, k] that makes their covariance the identity."""
    mean, deviation = rows.mean(axis=0), rows.std(axis=0)
    deviation[deviation == 0] = 1.0
    standard = (rows - mean) / deviation
    variances, directions = np.linalg.eigh(standard.T @ standard / len(rows))
    whitening: Floats = directions / np.sqrt(np.maximum(variances, _LEAST_VARIANCE)) / deviation[:, None]
    return mean, whitening
