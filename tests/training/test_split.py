"""Which rows are in which part."""

import numpy as np
import pytest

from training import split
from training.errors import OneSidedSplitError, TooFewRowsError
from training.recipe import sections
from training.recipe.recipe import Recipe

SHARES = sections.Split(validation=0.1, test=0.1)
IN_ORDER = SHARES.model_copy(update={"shuffle": False})


def test_every_row_is_in_one_part_and_every_part_holds_the_price_ranges_in_proportion() -> None:
    price_range = np.repeat([0, 1, 2, 3], [400, 200, 100, 300])
    parts = split.three_ways(price_range, SHARES, seed=3)
    together = np.concatenate([parts.training, parts.validation, parts.test])
    np.testing.assert_array_equal(np.sort(together), np.arange(1_000))
    assert np.bincount(price_range[parts.training]).tolist() == [320, 160, 80, 240]
    assert np.bincount(price_range[parts.validation]).tolist() == [40, 20, 10, 30]
    assert np.bincount(price_range[parts.test]).tolist() == [40, 20, 10, 30]


def test_the_seed_decides_the_split() -> None:
    price_range = np.tile([0, 1, 2, 3], 50)
    first, again, other = (split.three_ways(price_range, SHARES, seed).test for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)


def test_parts_follow_one_another_in_the_order_of_the_file_without_a_shuffle() -> None:
    price_range = np.tile([0, 1, 2, 3], 50)
    parts = split.three_ways(price_range, IN_ORDER, seed=1)
    assert parts.training.tolist() == list(range(160))
    assert parts.validation.tolist() == list(range(160, 180))
    assert parts.test.tolist() == list(range(180, 200))


def test_refuses_a_part_in_file_order_that_lacks_a_price_range() -> None:
    price_range = np.repeat([0, 1, 2, 3], 50)
    with pytest.raises(OneSidedSplitError, match=r"rows 181 to 200, .* found none of 0") as raised:
        split.three_ways(price_range, IN_ORDER, seed=1)
    assert (raised.value.price_range, raised.value.exit_code) == (0, 45)


def test_refuses_a_price_range_with_too_few_phones_for_every_part() -> None:
    price_range = np.repeat([0, 1, 2, 3], [50, 50, 9, 50])
    with pytest.raises(TooFewRowsError) as raised:
        split.three_ways(price_range, SHARES, seed=1)
    assert (raised.value.price_range, raised.value.expected, raised.value.found) == (2, 10, 9)


def test_a_price_range_with_just_enough_phones_is_in_every_part() -> None:
    price_range = np.repeat([0, 1, 2, 3], [53, 47, 10, 31])
    parts = split.three_ways(price_range, SHARES, seed=1)
    for rows in (parts.training, parts.validation, parts.test):
        assert set(price_range[rows]) == {0, 1, 2, 3}


def of_folds(quick: Recipe, folds: int, shares: sections.Split = SHARES) -> Recipe:
    return quick.model_copy(update={"split": shares, "sets": sections.Sets(folds=folds)})


def test_every_row_is_held_out_once_and_not_learned_from_then(quick: Recipe) -> None:
    price_range = np.repeat([0, 1, 2, 3], [60, 40, 50, 30])
    rows = np.arange(0, 180, 2)
    folds = split.Folds.of(rows, price_range, of_folds(quick, 3))
    held_out = np.concatenate([part[2] for part in folds.parts])
    np.testing.assert_array_equal(np.sort(held_out), np.arange(90))
    for training, validation, places in folds.parts:
        together = np.concatenate([training, validation, rows[places]])
        np.testing.assert_array_equal(np.sort(together), rows)
        for part in (training, validation, rows[places]):
            assert set(price_range[part]) == {0, 1, 2, 3}


def test_folds_are_runs_of_rows_where_the_recipe_keeps_their_order(quick: Recipe) -> None:
    folds = split.Folds.of(np.arange(360), np.tile([0, 1, 2, 3], 100), of_folds(quick, 3, IN_ORDER))
    assert [part[2].tolist() for part in folds.parts] == [
        list(range(120)),
        list(range(120, 240)),
        list(range(240, 360)),
    ]
    assert folds.parts[0][1].tolist() == list(range(333, 360))


@pytest.mark.parametrize("shares", [SHARES, IN_ORDER], ids=["by chance", "in order"])
def test_refuses_more_folds_than_a_price_range_has_phones(quick: Recipe, shares: sections.Split) -> None:
    price_range = np.tile([0, 1, 2, 3], 20)[:-1]
    with pytest.raises(TooFewRowsError, match=r"has 19 phones besides the test part, .* 20 folds") as raised:
        split.Folds.of(np.arange(79), price_range, of_folds(quick, 20, shares))
    assert (raised.value.price_range, raised.value.expected, raised.value.found) == (3, 20, 19)


def test_says_that_phones_are_too_few_outside_of_a_fold(quick: Recipe) -> None:
    # 9 of each, of which a fold holds 2 at most, and a ninth of the others stop and calibrate
    with pytest.raises(TooFewRowsError, match=r"has 7 phones outside of one of the 5 folds that") as raised:
        split.Folds.of(np.arange(36), np.tile([0, 1, 2, 3], 9), of_folds(quick, 5))
    assert (raised.value.expected, raised.value.found, raised.value.exit_code) == (9, 7, 45)
