"""Measures of quality against numbers worked out by hand and by scikit-learn."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import brier_score_loss, cohen_kappa_score, f1_score, log_loss

from training.quality.measures import Measures, measure
from training.quality.reliability import expected_calibration_error, reliability

Probabilities = npt.NDArray[np.float32]


def sure(answered: list[int], confidence: float = 0.7) -> Probabilities:
    """Answers of one confidence, the rest shared by the other price ranges."""
    rest = (1 - confidence) / 3
    return np.where(np.eye(4)[answered] > 0, confidence, rest).astype(np.float32)


@pytest.fixture(scope="module")
def drawn() -> tuple[Probabilities, npt.NDArray[np.int64]]:
    """600 answers that are as right as they say."""
    draw = np.random.default_rng(4)
    probabilities = draw.dirichlet([0.3] * 4, 600).astype(np.float32)
    return probabilities, np.array([draw.choice(4, p=row / row.sum()) for row in probabilities.astype(float)])


def test_measures_of_a_small_table() -> None:
    true = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 3])
    found = measure(sure([0, 0, 1, 1, 1, 2, 2, 2, 3, 3]), true)
    assert found.rows == 10
    assert found.accuracy == pytest.approx(0.8)
    assert found.confusion == [[2, 1, 0, 0], [0, 2, 0, 0], [0, 0, 3, 1], [0, 0, 0, 1]]
    assert found.classes["medium"].precision == pytest.approx(2 / 3)
    assert found.classes["medium"].recall == pytest.approx(1)
    assert found.classes["medium"].f1 == pytest.approx(0.8)
    assert found.macro.recall == pytest.approx((2 / 3 + 1 + 3 / 4 + 1) / 4)
    assert found.weighted.recall == pytest.approx(found.accuracy)
    assert found.far_errors == 0


def test_losses_of_answers_that_are_known_by_heart() -> None:
    found = measure(sure([0, 1, 2, 3, 0]), np.array([0, 1, 2, 3, 3]))
    assert found.nll == pytest.approx(-(4 * math.log(0.7) + math.log(0.1)) / 5, rel=1e-6)
    assert found.brier == pytest.approx(
        (4 * (0.3**2 + 3 * 0.1**2) + 0.7**2 + 0.9**2 + 2 * 0.1**2) / 5, rel=1e-6
    )
    assert found.ece == pytest.approx(0.8 - 0.7, rel=1e-6)
    assert found.far_errors == pytest.approx(0.2)


def test_a_price_range_that_is_never_answered_has_precision_0() -> None:
    found = measure(sure([0, 1, 2, 2]), np.array([0, 1, 2, 3]))
    assert found.classes["very high"].precision == 0
    assert found.classes["very high"].f1 == 0


def test_phones_of_one_price_range_all_answered_rightly_agree_fully() -> None:
    found = measure(sure([2, 2, 2]), np.array([2, 2, 2]))
    assert found.kappa == 1
    assert found.intervals["kappa"] == (1, 1)
    assert found.weighted.f1 == 1


def test_an_answer_of_probability_0_to_the_truth_costs_a_finite_number() -> None:
    found = measure(sure([0, 1], confidence=1.0), np.array([1, 1]))
    assert 5 < found.nll < 10


def test_reliability_bins_hold_all_phones_and_their_means() -> None:
    probabilities = np.concatenate([sure([0] * 4, 0.7), sure([1] * 2, 0.98), sure([2], 1.0)])
    bins = reliability(probabilities, np.array([0, 0, 0, 1, 1, 1, 2]))
    assert [one.rows for one in bins] == [4, 3]
    assert (bins[0].low, bins[0].high) == pytest.approx((10 / 15, 11 / 15))
    assert (bins[0].confidence, bins[0].accuracy) == pytest.approx((0.7, 0.75))
    assert (bins[1].confidence, bins[1].accuracy) == pytest.approx(((2 * 0.98 + 1) / 3, 1))
    expected = (4 * 0.05 + 3 * (1 - (2 * 0.98 + 1) / 3)) / 7
    assert expected_calibration_error(bins) == pytest.approx(expected, rel=1e-5)


def test_answers_as_sure_as_they_are_right_have_a_small_calibration_error(
    drawn: tuple[Probabilities, npt.NDArray[np.int64]],
) -> None:
    found = measure(*drawn)
    assert found.ece < 0.06
    assert measure(sure(drawn[0].argmax(axis=1).tolist(), 1.0), drawn[1]).ece > 0.15


def resampled(probabilities: Probabilities, true: npt.NDArray[np.int64]) -> dict[str, list[float]]:
    """The bootstrap once more, slowly, with scikit-learn's measures and other draws."""
    draw, labels = np.random.default_rng(99), [0, 1, 2, 3]
    values: dict[str, list[float]] = {name: [] for name in ("accuracy", "macro_f1", "kappa", "nll", "brier")}
    for _ in range(200):
        rows = draw.integers(0, len(true), len(true))
        given, truth = probabilities[rows], true[rows]
        answered = given.argmax(axis=1)
        values["accuracy"].append(float(np.mean(answered == truth)))
        values["macro_f1"].append(f1_score(truth, answered, average="macro"))
        values["kappa"].append(cohen_kappa_score(truth, answered, weights="quadratic"))
        values["nll"].append(log_loss(truth, given, labels=labels))
        values["brier"].append(brier_score_loss(truth, given, labels=labels))
    return values


def test_intervals_are_those_of_a_bootstrap_and_hold_the_measure(
    drawn: tuple[Probabilities, npt.NDArray[np.int64]],
) -> None:
    found = measure(*drawn)
    measures = {"accuracy": found.accuracy, "macro_f1": found.macro.f1, "kappa": found.kappa}
    measures |= {"nll": found.nll, "brier": found.brier}
    slowly = resampled(*drawn)
    assert set(found.intervals) == set(measures)
    for name, (low, high) in found.intervals.items():
        assert low < measures[name] < high
        np.testing.assert_allclose([low, high], np.quantile(slowly[name], [0.025, 0.975]), atol=0.015)


def test_intervals_are_the_same_each_time(drawn: tuple[Probabilities, npt.NDArray[np.int64]]) -> None:
    first, again = (measure(*drawn) for _ in range(2))
    assert isinstance(first, Measures)
    assert first == again
