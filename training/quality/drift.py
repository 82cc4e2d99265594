"""What a version keeps of its training rows and of answers out of fold, to be compared with what is asked."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from pricerange.drift.bins import Binning, edges
from pricerange.drift.expected_accuracy import Recalibration, logit
from pricerange.drift_reference import DriftReference, FeatureBins
from pricerange.phone import FEATURE_NAMES, LABELS

_NO_SCALING = np.array([0.0, 1.0])
_PRIOR = 1.0
"""Standard deviation of intercept and slope before any answer is seen."""

Floats = npt.NDArray[np.float64]


def drift_reference(
    training_rows: npt.NDArray[np.float32],
    probabilities: npt.NDArray[np.float32],
    price_range: npt.NDArray[np.int64],
) -> DriftReference:
    """Describe training rows float32 [n, 20], and answers float32 [m, 4] to phones of known price range [m].

    The answers are those of networks that had not seen the phones: of those that it has learned from a
    network is too sure.
    """
    answers, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1).astype(np.float64)
    right = answers == price_range
    scaled = recalibration(confidence, right)
    return DriftReference(
        features=feature_bins(training_rows),
        answers=np.bincount(answers, minlength=len(LABELS)).tolist(),
        mean_confidence=float(confidence.mean()),
        accuracy=float(right.mean()),
        intercept=scaled.intercept,
        slope=scaled.slope,
    )


def feature_bins(rows: npt.NDArray[np.float32]) -> dict[str, FeatureBins]:
    """Return the bins of each feature, and how many of n rows float32 [n, 20] are in each."""
    of_feature = {
        # the shortest text of a float32 is that of the value in the table
        name: [float(str(edge)) for edge in edges(column)]
        for name, column in zip(FEATURE_NAMES, rows.T, strict=True)
    }
    binning = Binning(of_feature)
    counts = binning.of_features(binning.count(rows).astype(np.float64))
    return {
        name: FeatureBins(edges=of_feature[name], counts=found.astype(int).tolist())
        for name, found in zip(FEATURE_NAMES, counts, strict=True)
    }


def recalibration(confidence: Floats, right: npt.NDArray[np.bool_]) -> Recalibration:
    """Fit the probability to be right to m confidences and whether those answers were right.

    The most likely scaling after the rows and a weak prior around none, since answers are calibrated: where
    all of them are right, the likelihood alone has no maximum.
    """
    odds = logit(confidence)

    def penalised(parameters: Floats) -> tuple[float, Floats]:
        off_prior = (parameters - _NO_SCALING) / _PRIOR
        score = parameters[0] + parameters[1] * odds
        off = 1 / (1 + np.exp(-score)) - right
        loss = (np.logaddexp(0, score) - right * score).sum() + (off_prior**2).sum() / 2
        slope = np.array([off.sum(), (off * odds).sum()]) + off_prior / _PRIOR
        return float(loss) / len(odds), slope / len(odds)

    intercept, slope = minimize(penalised, _NO_SCALING, jac=True, method="BFGS").x
    return Recalibration(float(intercept), float(slope))
