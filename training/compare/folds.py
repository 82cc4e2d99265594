"""Repeated stratified folds: each repeat tests every phone once, on a model that has not seen it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed, parallel_config
from scipy.stats import t as student_t
from sklearn.model_selection import RepeatedStratifiedKFold
from threadpoolctl import threadpool_limits

from pricerange.phone import LABELS
from training.compare.contender import Contender, FoldAnswers
from training.data import LabelledPhones
from training.errors import TooFewRowsError
from training.split import Indices


@dataclass(frozen=True, slots=True)
class Fold:
    """Row numbers to learn from and to answer; folds are numbered through all repeats, from 0."""

    number: int
    repeat: int
    training: Indices
    test: Indices


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over folds and its standard error."""

    mean: float
    error: float


@dataclass(frozen=True, slots=True)
class Difference(Estimate):
    """A mean of differences fold by fold; `p` is the probability of one as large where there is none."""

    p: float


def split(price_range: npt.NDArray[np.int64], folds: int, repeats: int, seed: int) -> list[Fold]:
    """Split n rows, always the same for a seed. Raises `TooFewRowsError`."""
    counts = np.bincount(price_range, minlength=len(LABELS))
    if counts.min() < folds:
        raise TooFewRowsError(int(counts.argmin()), folds, int(counts.min()))
    splitter = RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=seed)
    parts = splitter.split(np.zeros(len(price_range)), price_range)
    return [Fold(number, number // folds, *rows) for number, rows in enumerate(parts)]


def answers(
    phones: LabelledPhones,
    contenders: Sequence[Contender],
    folds: Sequence[Fold],
    jobs: int,
    on_fold: Callable[[str], None],
) -> list[list[FoldAnswers]]:
    """Let every contender learn and answer every fold in `jobs` processes; return the answers of each.

    `on_fold` is told the contender's name whenever it has finished a fold.
    """
    found: dict[tuple[int, int], FoldAnswers] = {}
    tasks = [(place, fold) for place in range(len(contenders)) for fold in folds]
    with parallel_config("loky", n_jobs=jobs):
        finished = Parallel(return_as="generator_unordered")(
            delayed(_answer)(phones, contenders[place], place, fold) for place, fold in tasks
        )
        for place, number, answered in finished:
            found[place, number] = answered
            on_fold(contenders[place].name)
    return [[found[place, fold.number] for fold in folds] for place in range(len(contenders))]


def _answer(
    phones: LabelledPhones, contender: Contender, place: int, fold: Fold
) -> tuple[int, int, FoldAnswers]:
    # the processes share the cores; more threads in each would only wait for one another
    with threadpool_limits(1):
        return place, fold.number, contender.answer(phones, fold.training, fold.test, fold.number)


def estimate(values: Sequence[float], folds: int) -> Estimate:
    """Return the mean of a measure in each of the `folds` folds of each repeat, and its standard error.

    The rows that two models learned from overlap, between folds and between repeats, so that the values are
    not independent and the plain standard error is too small: the variance is that of the values times
    (1 / number of values + test rows / training rows) (Nadeau & Bengio, "Inference for the Generalization
    Error", 2003).
    """
    variance = float(np.var(values, ddof=1)) * (1 / len(values) + 1 / (folds - 1))
    return Estimate(float(np.mean(values)), math.sqrt(variance))


def difference(values: Sequence[float], others: Sequence[float], folds: int) -> Difference:
    """Return by how much a measure of one model exceeds that of another in the same folds.

    The test is two-sided: Student's t of the mean over its corrected standard error, with a degree of freedom
    less than there are values (the corrected resampled t-test; Nadeau & Bengio, 2003; over repeated folds
    Bouckaert & Frank, "Evaluating the Replicability of Significance Tests", 2004).
    """
    found = estimate(np.subtract(values, others).tolist(), folds)
    # models that differ by the same in all folds, as one and itself, leave no error to measure by
    likely = float(found.mean == 0)
    if found.error:
        likely = float(2 * student_t.sf(abs(found.mean) / found.error, len(values) - 1))
    return Difference(found.mean, found.error, likely)
