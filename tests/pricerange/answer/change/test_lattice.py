"""The values that features may take are those that their limits admit, and read back as the same float32."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricerange import bundle
from pricerange.answer.applicability import TrainingRegion
from pricerange.answer.change.curve import Curve
from pricerange.answer.change.lattice import Lattice, Within, plain, spreads, steps_of, values_of
from pricerange.phone import FEATURE_NAMES, FEATURES, admissible

VERSION_2 = Path(__file__).parents[4] / "models/phone_price_range/2"
PASSPORT = bundle.read(VERSION_2).passport
CLOCK_SPEED = FEATURE_NAMES.index("clock_speed")
PHONE = np.array([feature.example for feature in FEATURES], np.float32)


@pytest.mark.parametrize("within", get_args(Within))
def test_the_ends_are_those_of_the_limits(within: Within) -> None:
    lattice, every = Lattice(PASSPORT.feature_ranges, within), np.arange(len(FEATURES))
    ends = np.stack([values_of(every, lattice.first), values_of(every, lattice.last)])
    assert admissible(ends).all()
    low, high = ends
    if within == "training_range":
        region = TrainingRegion.of_version(PASSPORT)
        assert not region.outside(ends).any()
        assert (low == region.low).all()
        assert (high == region.high).all()
    else:
        limits = np.array([(feature.low, feature.high) for feature in FEATURES])
        assert (low - limits[:, 0] < 0.01).all()
        assert (high == limits[:, 1]).all()


@given(place=st.integers(0, len(FEATURES) - 1), step=st.integers(0, 200_000))
def test_a_value_reads_back_from_its_decimal(place: int, step: int) -> None:
    (value,) = values_of(np.array([place]), np.array([step]))
    phone = PHONE.copy()
    phone[place] = value
    assert np.float32(plain(place, value)) == value
    assert steps_of(phone)[place] == step


def test_a_spread_is_that_of_the_deciles_and_never_nothing() -> None:
    ranges = dict(PASSPORT.feature_ranges)
    flat = [0.0] * 9
    ranges["blue"] = bundle.FeatureRange(low=0, high=1, deciles=flat)
    ranges["fc"] = bundle.FeatureRange(low=0, high=0, deciles=flat)
    found = dict(zip((feature.name for feature in FEATURES), spreads(ranges), strict=True))
    assert found["ram"] == pytest.approx(3644.2 - 628.7)
    assert found["blue"] == 1
    assert found["fc"] == 100  # a megapixel, in hundredths


@given(place=st.integers(0, len(FEATURES) - 1), points=st.integers(2, 500))
def test_a_curve_has_each_value_once_from_end_to_end(place: int, points: int) -> None:
    lattice = Lattice(PASSPORT.feature_ranges, "training_range")
    curve = Curve.of(PHONE, place, lattice, points)
    assert len(curve.values) == min(points, lattice.last[place] - lattice.first[place] + 1)
    assert (np.diff(curve.values) > 0).all()
    assert admissible(curve.phones).all()
    assert (curve.phones[:, place] == curve.values).all()
    assert (np.delete(curve.phones, place, axis=1) == np.delete(PHONE, place)).all()


@pytest.mark.parametrize("value", [0.125, 2.505], ids=str)
def test_a_curve_has_no_point_outside_of_a_range_that_is_a_single_value_between_two_steps(
    value: float,
) -> None:
    alone = bundle.FeatureRange(low=value, high=value, deciles=[value] * 9)
    ranges = {**PASSPORT.feature_ranges, "clock_speed": alone}
    curve = Curve.of(PHONE, CLOCK_SPEED, Lattice(ranges, "training_range"), 50)
    assert (curve.values.shape, curve.phones.shape) == ((0,), (0, len(FEATURES)))
