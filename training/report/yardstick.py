"""What a linear model makes of the same phones: the least that a network has to come to."""

from dataclasses import dataclass

import numpy as np
from sklearn.preprocessing import StandardScaler

from training.data import LabelledPhones
from training.ordinal_linear import OrdinalLinear
from training.split import Indices

_ERRORS = 3.0
"""Standard errors by which a network may stay below: so much is chance."""


@dataclass(frozen=True, slots=True)
class Yardstick:
    """Accuracy of the ordinal linear model on the validation part, and its standard error."""

    accuracy: float
    error: float

    @property
    def least(self) -> float:
        """The accuracy from which on a run has learned the rule."""
        return self.accuracy - _ERRORS * self.error


def yardstick(phones: LabelledPhones, training: Indices, validation: Indices) -> Yardstick:
    """Let the ordinal linear model learn from the training rows and answer the validation rows."""
    scaler, linear = StandardScaler(), OrdinalLinear()
    linear.fit(scaler.fit_transform(phones.features[training]), phones.price_range[training])
    answered = linear.predict(scaler.transform(phones.features[validation]))
    right, rows = int(np.sum(answered == phones.price_range[validation])), len(validation)
    # two right and two wrong answers more: of none wrong, the error is not 0 (Agresti & Coull, 1998)
    share = (right + 2) / (rows + 4)
    return Yardstick(right / rows, (share * (1 - share) / rows) ** 0.5)
