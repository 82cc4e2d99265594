"""What prediction sets hold, out of fold: `python -m bench.prediction_sets [--data FILE] [--repeats 4]`.

In each of 5 folds x 4 a network of the shipped recipe learns from four fifths of the rows, and five others,
each from four fifths of those, give the scores that its sets are made by, as `pricerange train` does it. The
fifth that none has seen is answered with sets of 90, 95 and 99 %.

Beside them stand MAPIE's sets by the same scores, in two ways: split conformal, with one threshold for all
price ranges, and the same price range by price range (Mondrian), which differ from ours in that they may be
empty.
"""

import warnings

import numpy as np
import numpy.typing as npt
from mapie.classification import SplitConformalClassifier
from sklearn.base import BaseEstimator, ClassifierMixin

from bench.folds import GOAL_POINTS, Fold, of_each
from bench.show.tables import show
from pricerange.answer.prediction_sets import PredictionSets
from pricerange.phone import LABELS
from training.learn import answers, out_of_fold
from training.quality.coverage import LEVELS

Probabilities = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Sets = npt.NDArray[np.bool_]


def main() -> None:
    found, truth = of_each(__doc__, 4, _sets)
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


def _sets(fold: Fold) -> dict[float, dict[str, Sets]]:
    phones = fold.phones
    scores = out_of_fold(phones, fold.folds, fold.choices, fold.batches).probabilities
    truth = phones.price_range[fold.learned]
    given = answers(fold.model, phones.features[fold.held_out])
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
