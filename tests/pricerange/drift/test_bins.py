"""Bins: deciles where there are many values, else the values; every value is in one of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricerange.drift.bins import MOST_BINS, Binning, edges
from pricerange.phone import FEATURE_NAMES

values = st.lists(st.integers(-50, 50) | st.floats(-50, 50, width=32), min_size=1, max_size=300).map(
    lambda found: np.array(found, np.float32)
)


@given(values)
def test_no_bin_is_empty_and_edges_rise(found: np.ndarray) -> None:
    bounds = edges(found)
    assert len(bounds) < MOST_BINS
    assert (np.diff(bounds) > 0).all()
    counts = np.bincount(np.searchsorted(bounds, found), minlength=len(bounds) + 1)
    assert (counts > 0).all()


@given(values)
def test_few_values_have_a_bin_each(found: np.ndarray) -> None:
    distinct, counts = np.unique(found, return_counts=True)
    if len(distinct) <= MOST_BINS:
        assert np.bincount(np.searchsorted(edges(found), found)).tolist() == counts.tolist()


def test_a_yes_or_no_feature_has_two_bins_and_many_values_have_ten() -> None:
    assert edges(np.float32([0, 1, 1, 1])).tolist() == [0]
    bounds = edges(np.arange(1, 1_001, dtype=np.float32))
    assert bounds.tolist() == [100, 200, 300, 400, 500, 600, 700, 800, 900]


@given(seed=st.integers(0, 1_000), rows=st.integers(0, 60), unknown=st.floats(0, 1))
def test_counts_are_those_of_each_feature_alone_and_unknown_values_are_in_none(
    seed: int, rows: int, unknown: float
) -> None:
    draw = np.random.default_rng(seed)
    bounds = {
        name: np.unique(draw.integers(0, 20, place % 10)).tolist() for place, name in enumerate(FEATURE_NAMES)
    }
    phones = draw.integers(-2, 22, (rows, 20)).astype(np.float32)
    phones[draw.random(phones.shape) < unknown] = np.nan
    binning = Binning(bounds)
    counted = binning.of_features(binning.count(phones).astype(float))
    for name, column, counts in zip(FEATURE_NAMES, phones.T, counted, strict=True):
        known = column[~np.isnan(column)]
        expected = np.bincount(np.searchsorted(bounds[name], known), minlength=len(bounds[name]) + 1)
        assert counts.tolist() == expected.tolist()


def test_a_value_that_is_an_edge_is_below_it_as_in_the_table() -> None:
    bounds = {name: [0.1] for name in FEATURE_NAMES}
    phones = np.full((1, 20), 0.1, np.float32)
    assert Binning(bounds).count(phones).tolist() == [1, 0] * 20


@pytest.mark.parametrize("beyond", [-1e9, 1e9])
def test_values_that_nobody_has_seen_are_in_the_outermost_bins(beyond: float) -> None:
    counts = Binning({name: [1.0, 2.0] for name in FEATURE_NAMES}).count(np.full((3, 20), beyond, np.float32))
    assert counts.tolist() == ([3, 0, 0] if beyond < 0 else [0, 0, 3]) * 20
