"""Where contenders stand: what they answered over the same folds, as estimates with their errors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import brier_score_loss, log_loss

from pricerange.phone import LABELS
from training.compare.contender import FoldAnswers
from training.compare.folds import Difference, Estimate, Fold, difference, estimate
from training.quality.coverage import Coverage
from training.quality.reliability import expected_calibration_error, reliability

Labels = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Standing:
    """A contender's measures out of fold.

    `difference` is its accuracy less that of the first contender, fold by fold, `nll_difference` the same of
    `nll`. `far_errors` is the share of answers wrong by more than one price range. The others are None where
    it gives no probabilities, and `conformal` where it makes no prediction sets: `nll`, `brier` by fold;
    `ece` of a repeat's answers to all phones, averaged over the repeats; `conformal` averaged over the folds,
    by level. `seconds` is what a fold took.
    """

    name: str
    accuracy: Estimate
    difference: Difference
    far_errors: float
    nll: Estimate | None
    nll_difference: Difference | None
    brier: Estimate | None
    ece: float | None
    conformal: dict[str, Coverage] | None
    seconds: float


def standings(
    names: Sequence[str],
    answers: Sequence[Sequence[FoldAnswers]],
    folds: Sequence[Fold],
    price_range: Labels,
) -> list[Standing]:
    """Measure the answers of each contender to each fold; `price_range` holds the truth of all n rows.

    The first contender gives probabilities, as every recipe does.
    """
    return [
        _standing(name, of_one, answers[0], folds, price_range)
        for name, of_one in zip(names, answers, strict=True)
    ]


def _standing(
    name: str,
    answers: Sequence[FoldAnswers],
    first: Sequence[FoldAnswers],
    folds: Sequence[Fold],
    price_range: Labels,
) -> Standing:
    in_repeat = sum(fold.repeat == 0 for fold in folds)
    accuracies, of_first = (_accuracies(each, folds, price_range) for each in (answers, first))
    answered = np.concatenate([one.price_range for one in answers])
    truth = np.concatenate([price_range[fold.test] for fold in folds])
    probabilities = [one.probabilities for one in answers if one.probabilities is not None]
    beside = [one.probabilities for one in first if one.probabilities is not None]
    nll = nll_difference = brier = ece = None
    if probabilities:
        losses = _by_fold(log_loss, probabilities, folds, price_range)
        nll = estimate(losses, in_repeat)
        nll_difference = difference(losses, _by_fold(log_loss, beside, folds, price_range), in_repeat)
        brier = estimate(_by_fold(brier_score_loss, probabilities, folds, price_range), in_repeat)
        ece = _calibration_error(probabilities, folds, price_range)
    return Standing(
        name=name,
        accuracy=estimate(accuracies, in_repeat),
        difference=difference(accuracies, of_first, in_repeat),
        far_errors=float(np.mean(np.abs(answered - truth) > 1)),
        nll=nll,
        nll_difference=nll_difference,
        brier=brier,
        ece=ece,
        conformal=_mean_coverage([one.coverage for one in answers if one.coverage is not None]),
        seconds=float(np.mean([one.seconds for one in answers])),
    )


def _by_fold(
    measure: Callable[..., float],
    probabilities: Sequence[Probabilities],
    folds: Sequence[Fold],
    price_range: Labels,
) -> list[float]:
    labels = list(range(len(LABELS)))
    pairs = zip(folds, probabilities, strict=True)
    return [float(measure(price_range[fold.test], given, labels=labels)) for fold, given in pairs]


def _accuracies(answers: Sequence[FoldAnswers], folds: Sequence[Fold], price_range: Labels) -> list[float]:
    return [
        float(np.mean(one.price_range == price_range[fold.test]))
        for one, fold in zip(answers, folds, strict=True)
    ]


def _calibration_error(
    probabilities: Sequence[Probabilities], folds: Sequence[Fold], price_range: Labels
) -> float:
    """Average over the repeats: the few rows of one fold would be mostly noise."""
    errors = []
    for repeat in sorted({fold.repeat for fold in folds}):
        places = [place for place, fold in enumerate(folds) if fold.repeat == repeat]
        given = np.concatenate([probabilities[place] for place in places])
        truth = np.concatenate([price_range[folds[place].test] for place in places])
        errors.append(expected_calibration_error(reliability(given, truth)))
    return float(np.mean(errors))


def _mean_coverage(found: Sequence[dict[str, Coverage]]) -> dict[str, Coverage] | None:
    if not found:
        return None
    return {
        level: Coverage(
            float(np.mean([one[level].coverage for one in found])),
            float(np.mean([one[level].mean_size for one in found])),
            {name: _mean([one[level].classes[name] for one in found]) for name in LABELS},
        )
        for level in found[0]
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
