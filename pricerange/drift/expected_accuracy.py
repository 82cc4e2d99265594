"""How many answers are right, told from how sure they are: confidence-based performance estimation (CBPE).

Holds where phones of another kind are asked about, and not where the price range of the same phones has
changed: nothing but labels can tell that (NannyML's documentation, "Estimation of performance").
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_SURE = 1e-6
"""From a confidence of 1 to the nearest one that has a logit."""


@dataclass(frozen=True, slots=True)
class Recalibration:
    """Platt's scaling: the logit of an answer's probability to be right is linear in that of its confidence.

    (Platt, "Probabilistic outputs for support vector machines", 1999.)
    """

    intercept: float
    slope: float

    def right(self, confidence: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the probability of n answers of such confidence float64 [n] to be right, float64 [n]."""
        return 1 / (1 + np.exp(-(self.intercept + self.slope * logit(confidence))))


def logit(confidence: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the logarithm of the odds of n confidences, which may be 1."""
    clipped = np.clip(confidence, _SURE, 1 - _SURE)
    odds: npt.NDArray[np.float64] = np.log(clipped / (1 - clipped))
    return odds
