"""Phones that are unlike those learned from are told from the others, each by itself."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricerange import bundle, synthetic
from pricerange.answer.applicability import TrainingRegion
from pricerange.phone import FEATURE_NAMES

VERSION_2 = Path(__file__).parents[3] / "models/phone_price_range/2"
RAM = FEATURE_NAMES.index("ram")


@pytest.fixture(scope="module")
def region(model_repository: Path) -> TrainingRegion:
    return TrainingRegion.of_version(bundle.read(bundle.find(model_repository)).passport)


def phones(rows: int, seed: int = 0) -> npt.NDArray[np.float32]:
    return synthetic.phones(rows, seed)[0].astype(np.float32)


def test_a_value_outside_the_training_range_is_named(region: TrainingRegion) -> None:
    rows = phones(3)
    rows[1, RAM] = region.high[RAM]
    rows[2, RAM] = np.nextafter(region.high[RAM], np.float32(np.inf))
    found = region.of(rows)
    assert [found.features(row) for row in range(3)] == [[], [], ["ram"]]
    assert not found.in_range[2]


def test_few_phones_like_those_learned_from_are_alarms(region: TrainingRegion) -> None:
    found = region.of(phones(20_000, seed=5))
    assert 1 - found.in_range.mean() < 0.03


def test_an_impossible_combination_inside_every_range_is_far(region: TrainingRegion) -> None:
    assert region.limit is not None
    middle = np.asarray((region.low + region.high) / 2, np.float32)
    corners = np.where(np.random.default_rng(1).random((64, len(middle))) < 0.5, region.low, region.high)
    found = region.of(np.asarray([*corners, middle], np.float32))
    assert not found.outside.any()
    assert found.far.tolist() == (found.distance > region.limit).tolist()
    assert found.in_range.tolist() == (~found.far).tolist()
    assert found.in_range[-1]
    assert not found.in_range[:-1].any()


@given(
    rows=st.integers(1, 300),
    seed=st.integers(0, 1_000),
    scale=st.floats(0.5, 3),
    begin=st.integers(0, 299),
    count=st.integers(1, 100),
)
def test_a_row_is_judged_alike_whatever_rows_it_stands_beside(
    region: TrainingRegion, rows: int, seed: int, scale: float, begin: int, count: int
) -> None:
    table = (phones(rows, seed) * scale).astype(np.float32)
    whole, part = region.of(table), region.of(table[begin % rows :][:count])
    some = slice(begin % rows, begin % rows + count)
    assert (whole.distance[some] == part.distance).all()
    assert (whole.outside[some] == part.outside).all()
    assert (whole.in_range[some] == part.in_range).all()


@given(rows=st.integers(0, 40), seed=st.integers(0, 1_000), scale=st.floats(0.2, 1.5))
def test_where_all_is_in_range_for_sure_it_is(
    region: TrainingRegion, rows: int, seed: int, scale: float
) -> None:
    middle = (region.low + region.high) / 2
    table = (middle + scale * (phones(rows, seed) - middle)).astype(np.float32)
    if region.holds(table):
        assert region.of(table).in_range.all()
    else:
        each = [not region.holds(table[row : row + 1]) for row in range(rows)]
        assert any(each)


def test_phones_in_the_middle_are_in_range_for_sure(region: TrainingRegion) -> None:
    middle = np.asarray([(region.low + region.high) / 2], np.float32)
    assert region.holds(middle.repeat(3, axis=0))
    assert region.holds(middle[:0])
    beyond = middle.copy()
    beyond[0, RAM] = np.nextafter(region.high[RAM], np.float32(np.inf))
    assert not region.holds(beyond)


def test_an_older_version_knows_the_range_alone() -> None:
    passport = bundle.read(VERSION_2).passport
    region = TrainingRegion.of_version(passport)
    rows = phones(2)
    rows[0, RAM] = 8_192
    found = region.of(rows)
    assert not found.far.any()
    assert found.features(0) == ["ram"]


@given(rows=st.integers(0, 300), seed=st.integers(0, 2**32 - 1))
def test_values_outside_the_training_range_are_found_whatever_the_number_of_rows(
    region: TrainingRegion, rows: int, seed: int
) -> None:
    low, high = region.low, region.high
    drawn = np.random.default_rng(seed).normal((low + high) / 2, (high - low) / 3, (rows, 20))
    table = drawn.astype(np.float32)
    np.testing.assert_array_equal(region.outside(table), (table < low) | (table > high))


def test_an_unknown_value_lies_nowhere_and_the_known_ones_have_their_own_distance(
    model_repository: Path, region: TrainingRegion
) -> None:
    table = phones(40, seed=3)
    unknown = np.random.default_rng(3).random(table.shape) < 0.3
    found = region.of(np.where(unknown, np.float32(np.nan), table))
    assert not (found.outside & unknown).any()
    assert (found.distance <= region.of(table).distance + 1e-9).all()
    kept = bundle.read(bundle.find(model_repository)).passport.training_region
    assert kept is not None
    places, whitening = [FEATURE_NAMES.index(name) for name in kept.features], np.array(kept.whitening)
    covariance = np.linalg.inv(whitening @ whitening.T)
    for row, phone in enumerate(table):
        known = np.flatnonzero(~unknown[row][places])
        centred = (phone[places] - np.array(kept.mean))[known]
        squared = centred @ np.linalg.solve(covariance[np.ix_(known, known)], centred)
        assert found.distance[row] == pytest.approx(np.sqrt(squared), rel=1e-6)


@given(rows=st.integers(1, 200), seed=st.integers(0, 1_000), begin=st.integers(0, 199))
def test_a_row_with_gaps_is_judged_alike_whatever_rows_it_stands_beside(
    region: TrainingRegion, rows: int, seed: int, begin: int
) -> None:
    table = phones(rows, seed)
    table[np.random.default_rng(seed).random(table.shape) < 0.2] = np.nan
    row = begin % rows
    whole, alone = region.of(table), region.of(table[row : row + 1])
    assert whole.distance[row] == alone.distance[0]
    assert (whole.outside[row] == alone.outside[0]).all()
