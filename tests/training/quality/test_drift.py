"""What is kept of training rows and of answers out of fold."""

from pathlib import Path

import numpy as np
import pytest

from pricerange import bundle, synthetic
from pricerange.drift.expected_accuracy import logit
from pricerange.phone import FEATURE_NAMES
from training.quality.drift import drift_reference, feature_bins, recalibration


def test_a_trained_version_keeps_the_bins_of_its_training_rows_and_its_answers_out_of_fold(
    model_repository: Path,
) -> None:
    passport = bundle.read(bundle.find(model_repository)).passport
    kept = passport.drift
    assert kept is not None
    training_rows = passport.training_data.training_rows
    assert {sum(bins.counts) for bins in kept.features.values()} == {training_rows}
    assert sum(kept.answers) == training_rows + passport.metrics["parts"]["validation"]
    assert kept.features["wifi"].edges == [0]
    assert len(kept.features["ram"].counts) == 10
    assert abs(kept.accuracy - passport.metrics["accuracy"]) < 0.1


def test_bins_hold_the_rows_that_they_are_made_from() -> None:
    rows = synthetic.phones(1_000)[0].astype(np.float32)
    bins = feature_bins(rows)
    for name, column in zip(FEATURE_NAMES, rows.T, strict=True):
        places = np.searchsorted(np.float32(bins[name].edges), column)
        assert bins[name].counts == np.bincount(places).tolist()
    assert max(bins["ram"].counts) <= 105
    assert bins["m_dep"].edges == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]


def test_answers_are_described_by_share_confidence_and_accuracy() -> None:
    probabilities = np.float32([[0.7, 0.3, 0, 0], [0.2, 0.8, 0, 0], [0, 0, 0.1, 0.9], [0.9, 0.1, 0, 0]])
    rows = synthetic.phones(50)[0].astype(np.float32)
    kept = drift_reference(rows, probabilities, np.array([0, 1, 3, 1]))
    assert kept.answers == [2, 1, 0, 1]
    assert kept.mean_confidence == pytest.approx(0.825)
    assert kept.accuracy == 0.75


@pytest.mark.parametrize("slope", [0.5, 1.0, 2.0])
def test_scaling_is_found_again_from_many_answers(slope: float) -> None:
    draw = np.random.default_rng(1)
    confidence = draw.uniform(0.4, 0.999, 50_000)
    right = draw.random(50_000) < 1 / (1 + np.exp(0.3 - slope * logit(confidence)))
    found = recalibration(confidence, right)
    assert (found.intercept, found.slope) == pytest.approx((-0.3, slope), abs=0.1)
    assert found.right(confidence).mean() == pytest.approx(right.mean(), abs=1e-3)


@pytest.mark.parametrize(
    ("confidence", "right"),
    [
        pytest.param(np.linspace(0.5, 1, 100), np.ones(100, bool), id="all right"),
        pytest.param(np.linspace(0.5, 1, 100), np.zeros(100, bool), id="all wrong"),
        pytest.param(np.ones(100), np.arange(100) % 2 == 0, id="all certain"),
        pytest.param(np.full(100, 0.25), np.arange(100) % 4 == 0, id="all guessed"),
    ],
)
def test_there_is_a_finite_scaling_of_any_answers(confidence: np.ndarray, right: np.ndarray) -> None:
    found = recalibration(confidence, right)
    assert np.isfinite([found.intercept, found.slope]).all()
    assert found.right(confidence).mean() == pytest.approx(right.mean(), abs=0.05)
