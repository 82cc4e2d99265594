"""What prediction sets hold, out of fold: `python -m bench.prediction_sets [--data FILE] [--repeats 4]`.

In each of 5 folds x 4 a network of the shipped recipe learns from four fifths of the rows, and five others,
each from four fifths of those, give the scores that its sets are made by, as `pricerange train` does it. The
fifth that none has seen is answered with sets of 90, 95 and 99 %.

Beside them stand MAPIE's sets by the same scores, in two ways: split conformal, with one threshold for all
price ranges, and the same price range by price range (Mondrian), which differ from ours in that they may be
empty.
"""

import argparse
import os
import warnings

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from mapie.classification import SplitConformalClassifier
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import RepeatedStratifiedKFold

from bench.show.tables import show
from pricerange.answer.prediction_sets import PredictionSets
from pricerange.phone import LABELS
from training import data
from training.data import LabelledPhones
from training.fit.batches import iterations
from training.learn import answers, calibrated, learn, out_of_fold
from training.quality.coverage import LEVELS
from training.recipe import recipe
from training.recipe.recipe import Recipe
from training.split import Folds, Indices, two_ways

GOAL_POINTS = 0.025
"""How far below the promise a price range may be covered."""

Probabilities = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Sets = npt.NDArray[np.bool_]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    wanted = parser.parse_args()
    phones, choices = data.load([wanted.data]), recipe.read(recipe.DEFAULT)
    splitter = RepeatedStratifiedKFold(n_splits=5, n_repeats=wanted.repeats, random_state=choices.seed)
    folds = list(splitter.split(phones.features, phones.price_range))
    found = Parallel(n_jobs=wanted.jobs)(
        delayed(_fold)(phones, learned, held_out, choices, number)
        for number, (learned, held_out) in enumerate(folds)
    )
    truth = np.concatenate([phones.price_range[held_out] for _, held_out in folds])
    worst, empty = 0.0, 0
    for level in LEVELS:
        rows = []
        for name in found[0][level]:
            sets = np.concatenate([one[level][name] for one in found])
            covered = sets[np.arange(len(sets)), truth]
            by_class = [covered[truth == k].mean() for k in range(len(LABELS))]
            sizes = sets.sum(axis=1)
            rows.append(
                (
                    name,
                    f"{covered.mean():.1%}",
                    *(f"{share:.1%}" for share in by_class),
                    f"{sizes.mean():.3f}",
                    f"{(sizes == 0).mean():.1%}",
                )
            )
            if name == "pricerange":
                worst, empty = max(worst, level - min(by_class)), empty + int((sizes == 0).sum())
        show(f"sets of {level:.0%}, {len(truth):,} answers", ("", "all", *LABELS, "mean size", "empty"), rows)
    verdict = "met" if worst <= GOAL_POINTS and not empty else "MISSED"
    print(f"\nfarthest below the promise, of any price range: {100 * worst:.1f} points, wanted at most 2.5;")
    print(f"{empty} empty sets, wanted none: {verdict}")


def _fold(
    phones: LabelledPhones, learned: Indices, held_out: Indices, choices: Recipe, number: int
) -> dict[float, dict[str, Sets]]:
    choices = choices.model_copy(update={"seed": choices.seed + number})
    share = choices.split.validation / (1 - choices.split.test)
    training, validation = two_ways(learned, phones.price_range, share, choices.seed)
    model, _ = learn(phones, training, validation, choices, lambda _: None)
    calibrated(model, phones, validation, choices)
    batches = iterations(len(training), choices.loop.batch_size)
    folds = Folds.of(learned, phones.price_range, choices)
    scores = out_of_fold(phones, folds, choices, batches).probabilities
    truth = phones.price_range[learned]
    given = answers(model, phones.features[held_out])
    ours = PredictionSets.measured(scores, truth)
    return {
        level: {
            "pricerange": ours.of(given, level),
            "MAPIE": _mapie(scores, truth, given, level),
            "MAPIE by price range": _mapie_by_class(scores, truth, given, level),
        }
        for level in LEVELS
    }


def _mapie(scores: Probabilities, truth: Labels, given: Probabilities, level: float) -> Sets:
    conformal = SplitConformalClassifier(
        _AsGiven().fit(scores, truth), confidence_level=level, conformity_score="lac", prefit=True
    )
    _, sets = conformal.conformalize(scores, truth).predict_set(given)
    inside: Sets = sets[:, :, 0]
    return inside


def _mapie_by_class(scores: Probabilities, truth: Labels, given: Probabilities, level: float) -> Sets:
    """Ask MAPIE for each price range by the scores of the phones that had it."""
    # it warns that there is one price range among them
    warnings.simplefilter("ignore")
    return np.column_stack(
        [_mapie(scores[truth == k], truth[truth == k], given, level)[:, k] for k in range(len(LABELS))]
    )


class _AsGiven(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier whose features are its probabilities."""

    def fit(self, _: Probabilities, __: Labels) -> "_AsGiven":
        self.classes_ = np.arange(len(LABELS))
        return self

    def predict_proba(self, given: Probabilities) -> Probabilities:
        return given

    def predict(self, given: Probabilities) -> Labels:
        return given.argmax(axis=1)


if __name__ == "__main__":
    main()
