"""How much each feature counts: what the answers lose when its column is shuffled."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Prediction

SHUFFLES = 10
"""Enough that the mean's error is a third of the deviation over the shuffles."""
_LEAST_DEVIATIONS = 3
"""Of a rise that is not by chance: the order of a column that says nothing is one shuffle more, and hardly
one of 20 such columns lies so far from the others."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Importance:
    """What shuffling a feature does: `rise` in negative log-likelihood, in nats, and `accuracy_lost`.

    Both are means over the shuffles; `deviation` is the standard deviation of the rise.
    """

    feature: str
    rise: float
    deviation: float
    accuracy_lost: float

    @property
    def counts(self) -> bool:
        """Whether the answers lose more than a column that says nothing would cost by chance."""
        return self.rise > _LEAST_DEVIATIONS * self.deviation


def importances(
    answer: Callable[[Floats], Prediction], features: Floats, price_range: npt.NDArray[np.int64], seed: int
) -> list[Importance]:
    """Measure all 20 features, in the table's order, on phones that were not learned from.

    A shuffled column keeps its values and loses its tie to the label (permutation importance; Breiman,
    "Random Forests", 2001). Of two features that say the same, each covers for the other.
    """
    draw = np.random.default_rng(seed)
    loss, accuracy = _quality(answer(features).probabilities, price_range)
    found = []
    for place, name in enumerate(FEATURE_NAMES):
        shuffled = np.tile(features, (SHUFFLES, 1, 1))
        shuffled[:, :, place] = draw.permuted(shuffled[:, :, place], axis=1)
        answers = answer(shuffled.reshape(-1, features.shape[1])).probabilities
        by_shuffle = answers.reshape(SHUFFLES, len(features), -1)
        losses, accuracies = np.array([_quality(one, price_range) for one in by_shuffle]).T
        found.append(
            Importance(
                feature=name,
                rise=float(losses.mean() - loss),
                deviation=float(losses.std(ddof=1)),
                accuracy_lost=float(accuracy - accuracies.mean()),
            )
        )
    return found


def _quality(probabilities: Floats, price_range: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Return mean negative log-likelihood and accuracy."""
    of_truth = probabilities[np.arange(len(price_range)), price_range].astype(np.float64)
    # an answer that excludes the truth costs what float32 can tell from 0, not infinity
    loss = -np.log(np.maximum(of_truth, np.finfo(np.float32).eps)).mean()
    return float(loss), float(np.mean(probabilities.argmax(axis=1) == price_range))
