"""Permutation importance."""

import numpy as np
import numpy.typing as npt
import pytest

from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Prediction
from training.data import LabelledPhones
from training.quality.importance import importances

RAM = FEATURE_NAMES.index("ram")


def by_ram(features: npt.NDArray[np.float32]) -> Prediction:
    """Answer by memory alone, right nine times in ten by its own word."""
    price_range = np.searchsorted((1_200.0, 2_100.0, 3_000.0), features[:, RAM])
    probabilities = np.full((len(features), 4), 0.1 / 3, np.float32)
    probabilities[np.arange(len(features)), price_range] = 0.9
    return Prediction(probabilities, price_range)


def test_only_the_feature_that_decides_counts(phones: LabelledPhones) -> None:
    truth = by_ram(phones.features).price_range
    found = importances(by_ram, phones.features, truth, seed=1)
    assert [one.feature for one in found] == list(FEATURE_NAMES)
    assert all((one.rise, one.accuracy_lost) == (0, 0) for one in found if one.feature != "ram")
    # three in four shuffled phones have another price range, and then pay ln(0.9 / (0.1 / 3))
    assert found[RAM].accuracy_lost == pytest.approx(0.75, abs=0.05)
    assert found[RAM].rise == pytest.approx(found[RAM].accuracy_lost * np.log(27), rel=1e-3)
    assert 0 < found[RAM].deviation < 0.2
    assert [one.feature for one in found if one.counts] == ["ram"]


def test_nothing_counts_where_labels_say_nothing(phones: LabelledPhones) -> None:
    truth = np.random.default_rng(0).permutation(phones.price_range)
    assert not any(one.counts for one in importances(by_ram, phones.features, truth, seed=1))


def test_the_seed_decides_the_shuffles(phones: LabelledPhones) -> None:
    truth = phones.price_range
    first, again, other = (importances(by_ram, phones.features, truth, seed) for seed in (1, 1, 2))
    assert first == again != other


def test_the_phones_stay_as_they_were(phones: LabelledPhones) -> None:
    before = phones.features.copy()
    importances(by_ram, phones.features, phones.price_range, seed=1)
    np.testing.assert_array_equal(phones.features, before)
