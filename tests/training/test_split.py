"""Which rows are in which part."""

import numpy as np
import pytest

from training import split
from training.errors import OneSidedSplitError, TooFewRowsError
from training.recipe import sections

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
