"""Who lends values where features are unknown, and what prediction sets are made by then."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from pricerange.answer.patterns import LEVELS
from pricerange.answer.unknown import Averages
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor
from training import data
from training.quality.unknown import HeldOut, asked_for, averaged, background, patterns
from training.recipe.recipe import Recipe
from training.split import three_ways


def test_the_background_is_made_of_training_phones_of_each_price_range_its_share(quick: Recipe) -> None:
    phones = data.generate(1_000)
    training = three_ways(phones.price_range, quick.split, quick.seed).training
    rows = background(phones, training, quick.seed)
    assert rows.shape == (100, 20)
    of_row = {row.tobytes(): place for place, row in enumerate(phones.features)}
    places = [of_row[row.tobytes()] for row in rows]
    assert len(set(places)) == 100
    assert set(places) <= set(training.tolist())
    counts = np.bincount(phones.price_range[places], minlength=4)
    shares = np.bincount(phones.price_range[training], minlength=4) / len(training)
    assert (np.abs(counts - 100 * shares) <= 1).all()


def test_few_training_phones_are_all_background() -> None:
    phones = data.generate(40)
    assert len(background(phones, np.arange(30), 1)) == 30


@pytest.mark.parametrize(
    ("most", "sizes"),
    [(0, []), (3, []), (4, [1] * 4), (9, [1] * 4), (10, [1] * 4 + [2] * 6), (256, [1, 2, 3, 4])],
)
def test_patterns_are_all_of_a_size_or_none(most: int, sizes: list[int]) -> None:
    active = FEATURE_NAMES[:4]
    found = patterns(active, most)
    assert len(found) <= most
    assert sorted({len(pattern) for pattern in found}) == sorted(set(sizes))
    assert found == [each for size in sorted(set(sizes)) for each in combinations(active, size)]


def test_as_many_phones_calibrate_as_there_is_time_for() -> None:
    found = patterns(FEATURE_NAMES, 256)
    assert len(found) == 210
    assert asked_for(400, found, 1).all()
    asked = asked_for(5_000, found, 1)
    assert asked.sum() == 10_000_000 // (100 * 210)
    assert (asked == asked_for(5_000, found, 1)).all()


def test_held_out_averages_are_those_that_the_service_answers(model_repository: Path) -> None:
    predictor = Predictor.load(model_repository)
    lenders = np.array(predictor.bundle.passport.background.rows, np.float32)
    rows, found = data.generate(20).features, [("ram",), ("ram", "px_width")]
    answers = averaged(lambda asked: predictor.predict(asked).probabilities, lenders, rows, found)
    averages = Averages.of_version(predictor)
    assert averages is not None
    for pattern, of_pattern in zip(found, answers, strict=True):
        gaps = np.where(np.isin(FEATURE_NAMES, pattern), np.float32(np.nan), rows)
        assert averages.predict(gaps).probabilities.tobytes() == of_pattern.tobytes()


def held_out(shift: float, spread: float) -> tuple[HeldOut, np.ndarray]:
    """Two networks' averages, of which the second's are lower for low phones by a shift."""
    draw = np.random.default_rng(6)
    network, truth = np.repeat([0, 1], 400), np.tile(np.arange(4), 200)
    low = 0.5 + spread * draw.standard_normal(800) - shift * network
    answers = np.column_stack([low, *[(1 - low) / 3] * 3]).astype(np.float32)
    return HeldOut(answers, answers[np.newaxis], network), truth


def test_sets_keep_their_promise_for_the_phones_of_each_network() -> None:
    found, truth = held_out(shift=0.02, spread=0.05)
    sets = found.sets(truth, ["ram"], [("ram",)])
    unknown = np.broadcast_to(np.isin(FEATURE_NAMES, ["ram"]), (800, 20))
    for level in (0.5, 0.8, 0.9, 0.95):
        inside = sets.of(found.probabilities, level, unknown)[np.arange(800), truth]
        for one in (0, 1):
            assert inside[(found.network == one) & (truth == 0)].mean() >= level
    assert 0 < sets.patterns.kept["ram",][0][LEVELS.index(0.9)] < 0.5


def test_where_networks_differ_more_than_phones_a_price_range_is_always_in_the_set() -> None:
    found, truth = held_out(shift=0.2, spread=0.01)
    sets = found.sets(truth, ["ram"], [("ram",)])
    assert sets.patterns.kept["ram",] == [[0.0] * len(LEVELS)] * 4


def test_phones_that_were_not_asked_for_do_not_count() -> None:
    found, truth = held_out(shift=0.0, spread=0.05)
    some = found.averaged.copy()
    some[:, 1::8] = np.nan
    kept = HeldOut(found.probabilities, some, found.network).sets(truth, ["ram"], [("ram",)]).patterns.kept
    assert np.isfinite(kept["ram",]).all()


def test_a_version_has_thresholds_for_each_pattern_and_no_others(model_repository: Path) -> None:
    passport = Predictor.load(model_repository).bundle.passport
    scores = passport.prediction_sets
    assert scores is not None
    expected = patterns(passport.active_features, 20)
    assert [tuple(pattern.features) for pattern in scores.unknown] == expected
    assert tuple(scores.levels) == LEVELS
    assert all(len(of_one) == len(LEVELS) for pattern in scores.unknown for of_one in pattern.thresholds)
