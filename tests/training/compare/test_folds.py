"""Folds: each phone is answered once a repeat by a model that has not seen it, in any number of processes."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import t, ttest_rel

from training.compare import folds
from training.compare.baselines import BASELINES
from training.compare.contender import ByRecipe
from training.data import LabelledPhones
from training.errors import TooFewRowsError
from training.recipe.recipe import Recipe


def test_every_row_is_tested_once_in_a_repeat_and_never_learned_from_in_its_fold(
    phones: LabelledPhones,
) -> None:
    parts = folds.split(phones.price_range, 4, repeats=2, seed=1)
    assert [(one.number, one.repeat) for one in parts] == [(place, place // 4) for place in range(8)]
    for one in parts:
        assert not set(one.training) & set(one.test)
    for repeat in (parts[:4], parts[4:]):
        assert sorted(np.concatenate([one.test for one in repeat])) == list(range(400))


def test_the_seed_decides_the_folds(phones: LabelledPhones) -> None:
    first, again, other = (folds.split(phones.price_range, 4, 1, seed)[0].test for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)


def test_refuses_more_folds_than_a_price_range_has_phones() -> None:
    with pytest.raises(TooFewRowsError) as raised:
        folds.split(np.repeat([0, 1, 2, 3], [9, 9, 4, 9]), 5, 1, 0)
    assert (raised.value.price_range, raised.value.expected, raised.value.found) == (2, 5, 4)


def test_the_standard_error_allows_for_rows_that_folds_share() -> None:
    found = folds.estimate([0.9, 0.8, 1.0, 0.9], folds=2)
    assert found.mean == pytest.approx(0.9)
    # variance 0.02 / 3, times 1 / 4 for the values and 1 for as many rows tested as learned from
    assert found.error == pytest.approx((0.02 / 3 * 1.25) ** 0.5)


def test_refuses_data_that_lacks_the_last_price_range() -> None:
    with pytest.raises(TooFewRowsError) as raised:
        folds.split(np.repeat([0, 1, 2], 9), 5, 1, 0)
    assert (raised.value.price_range, raised.value.found) == (3, 0)


def test_a_difference_is_tested_with_the_error_that_allows_for_shared_rows() -> None:
    values, others = [0.9, 0.8, 1.0, 0.9], [0.8, 0.8, 0.85, 0.85]
    found = folds.difference(values, others, folds=2)
    assert (found.mean, found.error) == pytest.approx((0.075, (0.0125 / 3 * 1.25) ** 0.5))
    # the plain paired test, whose statistic is larger by the root of 1.25 over 1 / 4
    plain = ttest_rel(values, others)
    assert found.p == pytest.approx(2 * t.sf(plain.statistic / 5**0.5, 3))
    assert found.p > plain.pvalue
    assert folds.difference(others, values, folds=2).p == found.p


def test_a_model_and_itself_do_not_differ_and_a_difference_without_any_error_is_one() -> None:
    same, other = [0.5, 0.75], [0.25, 0.5]
    assert folds.difference(same, same, folds=2) == folds.Difference(0, 0, 1)
    assert folds.difference(same, other, folds=2) == folds.Difference(0.25, 0, 0)


@pytest.mark.parametrize("correlated", [True, False])
def test_models_that_are_alike_differ_significantly_once_in_twenty_times(correlated: bool) -> None:
    draw, found = np.random.default_rng(2), []
    for _ in range(400):
        # what the folds share moves all their differences together
        shared = draw.normal(0, 0.5) if correlated else 0.0
        found.append(folds.difference(draw.normal(shared, 1, 20), np.zeros(20), folds=5).p < 0.05)
    assert np.mean(found) < 0.08


def test_processes_answer_as_one_does_and_in_the_order_of_the_folds(
    phones: LabelledPhones, quick: Recipe
) -> None:
    contenders = [ByRecipe("quick", quick), BASELINES[-1]]
    parts = folds.split(phones.price_range, 2, 1, seed=1)
    told: list[str] = []
    alone, shared = (folds.answers(phones, contenders, parts, jobs, told.append) for jobs in (1, 2))
    assert sorted(told) == sorted(["quick", "ordinal linear"] * 4)
    for one, other in zip([*alone[0], *alone[1]], [*shared[0], *shared[1]], strict=True):
        np.testing.assert_array_equal(one.price_range, other.price_range)
        np.testing.assert_array_equal(one.probabilities, other.probabilities)
        assert one.coverage == other.coverage


def test_a_contender_sees_no_price_range_outside_its_training_rows(
    phones: LabelledPhones, quick: Recipe
) -> None:
    (part, _) = folds.split(phones.price_range, 2, 1, seed=1)
    price_range = phones.price_range.copy()
    price_range[part.test] = 3 - price_range[part.test]
    other = dataclasses.replace(phones, price_range=price_range)
    for contender in (ByRecipe("quick", quick), BASELINES[-1]):
        first, second = (contender.answer(one, part.training, part.test, 0) for one in (phones, other))
        np.testing.assert_array_equal(first.probabilities, second.probabilities)
