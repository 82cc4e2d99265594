"""Folds: each phone is answered once by a model that has not seen it."""

import numpy as np
import numpy.typing as npt
import pytest

from training import folds
from training.data import LabelledPhones
from training.recipe import Recipe
from training.split import Rows


def test_every_row_is_tested_once_in_a_repeat_and_never_trained_on_in_its_fold(
    phones: LabelledPhones,
) -> None:
    seen: list[Rows] = []

    def predict(training: Rows, test: Rows, number: int) -> npt.NDArray[np.int64]:
        assert number == len(seen)
        assert not set(training) & set(test)
        seen.append(test)
        return phones.price_range[test]

    score = folds.score(phones, predict, folds=4, repeats=2, seed=1)
    assert score.accuracies == [1.0] * 8
    assert sorted(np.concatenate(seen[:4])) == sorted(np.concatenate(seen[4:])) == list(range(400))


def test_mean_and_standard_error() -> None:
    score = folds.Score([0.9, 0.8, 1.0, 0.9])
    assert score.mean == pytest.approx(0.9)
    assert score.standard_error == pytest.approx(0.0816496580927726 / 2)


def test_recipe_and_baseline_learn_the_rule(phones: LabelledPhones, quick: Recipe) -> None:
    for predict in (folds.recipe_on(phones, quick), folds.logistic_regression_on(phones)):
        assert folds.score(phones, predict, folds=2, repeats=1, seed=1).mean > 0.5
