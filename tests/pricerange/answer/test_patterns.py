"""Where features are unknown, prediction sets are made by what was measured with these unknown."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricerange.answer.patterns import LEVELS, PatternThresholds, rounded_down
from pricerange.answer.prediction_sets import PredictionSets
from pricerange.phone import FEATURE_NAMES

ACTIVE = ("battery_power", "ram")
THRESHOLDS = PatternThresholds(
    ACTIVE,
    (0.5, 0.9),
    {("ram",): [[0.25, 0.125]] * 4, ("battery_power", "ram"): [[0.125, 0.0625]] * 4},
)
OF_KNOWN = np.array([0.5, 0.5, 0.5, 0.25], np.float32)


def unknown(*phones: tuple[str, ...]) -> np.ndarray:
    return np.stack([np.isin(FEATURE_NAMES, names) for names in phones])


def test_each_phone_has_the_thresholds_of_its_pattern() -> None:
    phones = unknown(("ram",), (), ("ram", "battery_power"), ("sc_h",), ("ram", "sc_h"))
    found = THRESHOLDS.of(phones, 0.9, OF_KNOWN)
    # what changes no answer makes no other pattern
    assert found.tolist() == [[0.125] * 4, OF_KNOWN.tolist(), [0.0625] * 4, OF_KNOWN.tolist(), [0.125] * 4]


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        pytest.param(0.3, 0.25, id="below the lowest level"),
        pytest.param(0.5, 0.25, id="a level"),
        pytest.param(0.7, 0.125, id="between two"),
        pytest.param(0.95, 0.0, id="beyond the highest"),
    ],
)
def test_between_two_levels_the_higher_one_is_kept(level: float, expected: float) -> None:
    assert THRESHOLDS.of(unknown(("ram",)), level, OF_KNOWN).tolist() == [[expected] * 4]


def test_a_pattern_that_was_not_calibrated_gets_sets_of_all_price_ranges() -> None:
    sets = PredictionSets([[0.6] * 999] * 4, THRESHOLDS)
    probabilities = np.array([[0.97, 0.01, 0.01, 0.01]] * 3, np.float32)
    found = sets.of(probabilities, 0.9, unknown((), ("battery_power",), ("ram",)))
    assert found.sum(axis=1).tolist() == [1, 4, 1]


def test_sets_without_patterns_take_any_gap_for_one_that_was_not_calibrated() -> None:
    sets = PredictionSets([[0.6] * 999] * 4)
    probabilities = np.array([[0.97, 0.01, 0.01, 0.01]] * 2, np.float32)
    assert sets.of(probabilities, 0.9, unknown((), ("sc_h",))).sum(axis=1).tolist() == [1, 4]


def test_where_nothing_is_unknown_sets_are_as_if_nobody_had_asked() -> None:
    draw = np.random.default_rng(3)
    probabilities = draw.dirichlet([0.3] * 4, 500).astype(np.float32)
    sets = PredictionSets.measured(probabilities, draw.integers(0, 4, 500), THRESHOLDS)
    known = np.zeros((500, len(FEATURE_NAMES)), np.bool_)
    for level in (0.5, 0.93, 0.999):
        assert (sets.of(probabilities, level, known) == sets.of(probabilities, level)).all()


@given(st.floats(0, 1, width=32))
def test_a_threshold_is_never_rounded_up(threshold: float) -> None:
    short = rounded_down(threshold)
    assert np.float32(short) <= np.float32(threshold)
    assert threshold - short < 1.1e-5


def test_kept_thresholds_hold_on_their_own_rows_what_the_level_promises() -> None:
    draw = np.random.default_rng(8)
    probabilities = draw.dirichlet([0.3] * 4, 800).astype(np.float32)
    truth = draw.integers(0, 4, 800)
    kept = PredictionSets.measured(probabilities, truth).kept()
    assert [len(of_one) for of_one in kept] == [len(LEVELS)] * 4
    assert all(of_one == sorted(of_one, reverse=True) for of_one in kept)
    for place, level in enumerate(LEVELS):
        for one in range(4):
            own = probabilities[truth == one, one]
            assert (own >= np.float32(kept[one][place])).mean() >= level
