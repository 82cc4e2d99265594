"""Features that may hold the label: each by itself tells it as well as the network does with all of them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from pricerange.phone import FEATURE_NAMES
from training.quality.interval import exact

_LEAST_ACCURACY = 0.7
"""Of a feature by itself, beyond doubt: as good as a network that has learned little is no sign of a leak."""
_SIGNIFICANCE = 0.05
_LEAVES = 16
"""Of the tree that answers by one feature: enough for any order of the price ranges along it."""
_MOST_ROWS = 20_000
"""More would say the same, later."""


@dataclass(frozen=True, slots=True)
class Leak:
    """How often one feature by itself, and the network with all, were right about `rows` held-out phones."""

    feature: str
    alone: float
    network: float
    rows: int

    @property
    def sentence(self) -> str:
        """Say it with what follows; the name is in backticks."""
        return (
            f"`{self.feature}` alone may give the answer away: of {self.rows:,} phones, each held out, it "
            f"tells the price range of {100 * self.alone:.1f} %, and the network with all features of "
            f"{100 * self.network:.1f} %. Is it known before the price range is, or a copy of it?"
        )


def leaks(
    features: npt.NDArray[np.float32],
    price_range: npt.NDArray[np.int64],
    probabilities: npt.NDArray[np.float32],
    folds: int,
    seed: int,
) -> list[Leak]:
    """Find such features of n phones float32 [n, 20]; a network's held-out answers are float32 [n, 4].

    A decision tree answers by one feature, out of `folds` folds. It is as good unless significantly more of
    the phones that only one of the two is right about are the network's (McNemar's exact test, one-sided).
    """
    rows = np.random.default_rng(seed).permutation(len(features))[:_MOST_ROWS]
    truth = price_range[rows]
    by_network = probabilities[rows].argmax(axis=1) == truth
    # of rows in an order by chance, of which few may have a rare price range
    split = KFold(folds)
    found = []
    for place, name in enumerate(FEATURE_NAMES):
        tree = DecisionTreeClassifier(max_leaf_nodes=_LEAVES, random_state=seed)
        alone = cross_val_predict(tree, features[rows, place : place + 1], truth, cv=split) == truth
        accuracy = float(alone.mean())
        if exact(accuracy, len(rows))[0] < _LEAST_ACCURACY or _is_better(by_network, alone):
            continue
        found.append(Leak(name, accuracy, float(by_network.mean()), len(rows)))
    return found


def _is_better(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> bool:
    """Say whether the first is right about significantly more phones, bool [n] each."""
    wins, losses = int((first & ~second).sum()), int((second & ~first).sum())
    if wins + losses == 0:
        return False
    return bool(binomtest(wins, wins + losses, alternative="greater").pvalue < _SIGNIFICANCE)
