"""Phones of which features are unknown: who lends them values, and what their prediction sets are made by."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from pricerange.answer.patterns import LEVELS, PatternThresholds, rounded_down
from pricerange.answer.prediction_sets import PredictionSets
from pricerange.answer.unknown import Averages
from pricerange.phone import FEATURE_NAMES
from training.data import LabelledPhones
from training.split import Indices

BACKGROUND_ROWS = 100
"""Training phones that stand for all: an average takes as many answers of the model."""
_MOST_ASKED = 10_000_000
"""Answers of a network, beyond which fewer phones calibrate each pattern: some five seconds' worth."""

Pattern = tuple[str, ...]
"""Names of the features that are unknown, of those that can change an answer."""
Rows = npt.NDArray[np.float32]
Thresholds = list[list[float]]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Answers to n phones by networks that have not learned from them.

    `probabilities` are float32 [n, 4]; `averaged` float32 [p, n, 4] where the features of each of p patterns
    are unknown, NaN for phones that were not asked for. `network` int64 [n] says which of them has answered.
    """

    probabilities: Rows
    averaged: Rows
    network: npt.NDArray[np.int64]

    def sets(
        self, price_range: npt.NDArray[np.int64], active: Sequence[str], patterns: Sequence[Pattern]
    ) -> PredictionSets:
        """Make prediction sets by these answers; `active` names the features that can change one."""
        kept = {}
        for pattern, answers in zip(patterns, self.averaged, strict=True):
            asked = ~np.isnan(answers[:, 0])
            kept[pattern] = _kept(answers[asked], price_range[asked], self.network[asked])
        of_patterns = PatternThresholds(active, LEVELS, kept)
        return PredictionSets.measured(self.probabilities, price_range, of_patterns)


def background(phones: LabelledPhones, training: Indices, seed: int) -> Rows:
    """Take training phones at random, of each price range its share: float32 [b, 20]."""
    shuffled = np.random.default_rng(seed).permutation(training)
    by_price_range = shuffled[np.argsort(phones.price_range[shuffled], kind="stable")]
    places = np.linspace(0, len(shuffled) - 1, min(BACKGROUND_ROWS, len(shuffled))).round().astype(np.intp)
    rows: Rows = phones.features[by_price_range[places]]
    return rows


def patterns(active: Sequence[str], most: int) -> list[Pattern]:
    """Name combinations of features, small ones first, `most` at most: all of one size, or none."""
    found: list[Pattern] = []
    for size in range(1, len(active) + 1):
        of_size = list(combinations(active, size))
        if len(found) + len(of_size) > most:
            break
        found += of_size
    return found


def _kept(answers: Rows, price_range: npt.NDArray[np.int64], network: npt.NDArray[np.int64]) -> Thresholds:
    """Return thresholds by answers float32 [n, 4] that hold what they promise of each network's phones too.

    Averages over much that is unknown are nearly the same for all phones of a network, and differ between
    networks: by a threshold for all networks, one could hold nearly all phones of a price range, or few.
    Where networks differ more than phones do, nothing is known of the next one, and the threshold is 0.
    """
    kept = PredictionSets.measured(answers, price_range).kept()
    for label, of_label in enumerate(kept):
        of_truth = price_range == label
        alone = [answers[of_truth & (network == one), label] for one in np.unique(network[of_truth])]
        if np.ptp([own.mean() for own in alone]) > np.mean([own.std() for own in alone]):
            of_label[:] = [0.0] * len(LEVELS)
        for own in alone:
            for place, level in enumerate(LEVELS):
                lowest = rounded_down(float(np.quantile(own, 1 - level, method="lower")))
                of_label[place] = min(of_label[place], lowest)
    return kept


def asked_for(count: int, found: Sequence[Pattern], seed: int) -> npt.NDArray[np.bool_]:
    """Say which of n phones calibrate the patterns, bool [n]: all, or as many as there is time for."""
    most = _MOST_ASKED // (BACKGROUND_ROWS * max(len(found), 1))
    chosen = np.zeros(count, np.bool_)
    chosen[np.random.default_rng(seed).permutation(count)[:most]] = True
    return chosen


def averaged(ask: Callable[[Rows], Rows], lenders: Rows, rows: Rows, found: Sequence[Pattern]) -> Rows:
    """Answer n phones float32 [n, 20] with the features of each of p patterns unknown, float32 [p, n, 4].

    `lenders` float32 [b, 20] lend them the values, and `ask` answers phones with probabilities.
    """
    averages = Averages(ask, lenders, np.ones(len(FEATURE_NAMES), np.bool_))
    answers = []
    for pattern in found:
        hidden = np.isin(FEATURE_NAMES, pattern)
        answers.append(averages.predict(np.where(hidden, np.float32(np.nan), rows)).probabilities)
    return np.stack(answers)
