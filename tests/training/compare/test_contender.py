"""Contenders by a recipe: one network, and the mean of many."""

import numpy as np
import pytest

from training.compare import folds
from training.compare.contender import ByRecipe, Ensemble
from training.data import LabelledPhones
from training.errors import TooFewRowsError
from training.recipe.recipe import Recipe


def test_an_ensemble_answers_with_the_mean_of_networks_that_differ(
    phones: LabelledPhones, quick: Recipe
) -> None:
    (part, _) = folds.split(phones.price_range, 2, 1, seed=1)
    one, two = (
        Ensemble("some", quick, members).answer(phones, part.training, part.test, number=3)
        for members in (1, 2)
    )
    alone = ByRecipe("one", quick).answer(phones, part.training, part.test, number=3)
    other = quick.model_copy(update={"seed": quick.seed + 10_000})
    second = ByRecipe("other", other).answer(phones, part.training, part.test, number=3)
    assert alone.probabilities is not None
    assert second.probabilities is not None
    assert np.abs(alone.probabilities - second.probabilities).max() > 0.01
    np.testing.assert_array_equal(one.probabilities, alone.probabilities)
    np.testing.assert_allclose(two.probabilities, (alone.probabilities + second.probabilities) / 2, atol=1e-6)
    assert two.probabilities is not None
    assert two.price_range.tolist() == two.probabilities.argmax(axis=1).tolist()
    assert two.probabilities.max() <= 1
    assert two.coverage is None


def test_phones_that_are_too_few_are_counted_outside_of_the_fold(
    phones: LabelledPhones, quick: Recipe
) -> None:
    few = np.concatenate([np.flatnonzero(phones.price_range == one)[:10] for one in range(4)])
    some = LabelledPhones(phones.features[few], phones.price_range[few], "few", "0")
    fold = folds.split(some.price_range, 5, 1, 0)[0]
    with pytest.raises(TooFewRowsError, match=r"has 8 phones outside of a fold, expected at least 10 for"):
        ByRecipe("quick", quick).answer(some, fold.training, fold.test, 0)
