"""Measures of quality against numbers worked out by hand and by scikit-learn."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    brier_score_loss,
    cohen_kappa_score,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
)

from pricerange.phone import LABELS
from training.quality.measures import Measures, measure
from training.quality.reliability import expected_calibration_error, reliability

SCORES = {"precision": precision_score, "recall": recall_score, "f1": f1_score}
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


def test_phones_of_one_price_range_all_answered_rightly_have_no_kappa_and_no_quality_of_the_others() -> None:
    found = measure(sure([2, 2, 2]), np.array([2, 2, 2]))
    assert found.accuracy == found.macro.f1 == found.weighted.f1 == 1
    assert found.kappa is None
    assert found.classes == {"low": None, "medium": None, "high": found.macro, "very high": None}


def test_three_phones_answered_rightly_say_little_about_others() -> None:
    found = measure(sure([0, 1, 2]), np.array([0, 1, 2]))
    # the accuracy p of which three of three have the probability p ** 3 = 0.025
    assert found.intervals["accuracy"] == pytest.approx((0.025 ** (1 / 3), 1))
    assert found.intervals["far_errors"] == pytest.approx((0, 1 - 0.025 ** (1 / 3)))
    assert {found.intervals[name] for name in ("macro_f1", "kappa", "nll", "brier")} == {None}


@pytest.mark.parametrize(("wrong", "enough"), [(0, False), (4, False), (5, True), (155, True), (156, False)])
def test_f1_and_kappa_have_an_interval_where_enough_answers_are_wrong_and_right(
    wrong: int, enough: bool
) -> None:
    true = np.tile([0, 1, 2, 3], 40)
    answered = np.where(np.arange(160) < wrong, (true + 1) % 4, true)
    found = measure(sure(answered.tolist()), true)
    for name, value in (("macro_f1", found.macro.f1), ("kappa", found.kappa)):
        ends = found.intervals[name]
        assert (ends is not None) == enough
        assert ends is None or (value is not None and ends[0] < value < ends[1])


def test_many_phones_all_answered_rightly_have_an_interval_of_what_varies_or_is_a_share() -> None:
    true = np.tile([0, 1, 2, 3], 40)
    confidence = np.linspace(0.6, 0.99, 160)[:, None]
    answers = np.where(np.eye(4)[true] > 0, confidence, (1 - confidence) / 3).astype(np.float32)
    found = measure(answers, true)
    assert found.intervals["accuracy"] == pytest.approx((0.025 ** (1 / 160), 1))
    assert found.intervals["kappa"] is found.intervals["macro_f1"] is None
    assert found.intervals["nll"] is not None
    low, high = found.intervals["nll"]
    assert low < found.nll < high


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12),
)
def test_means_are_over_the_price_ranges_that_occur_or_are_answered(pairs: list[tuple[int, int]]) -> None:
    true, answered = map(list, zip(*pairs, strict=True))
    found = measure(sure(answered), np.array(true))
    for name in ("precision", "recall", "f1"):
        by_sklearn = SCORES[name](true, answered, average="macro", zero_division=0)
        assert getattr(found.macro, name) == pytest.approx(by_sklearn)
    occur = [LABELS[place] for place in sorted({*true, *answered})]
    assert [name for name, quality in found.classes.items() if quality] == occur
    assert (found.kappa is None) == (len(occur) == 1)


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
    values: dict[str, list[float]] = {
        name: [] for name in ("accuracy", "far_errors", "macro_f1", "kappa", "nll", "brier")
    }
    for _ in range(200):
        rows = draw.integers(0, len(true), len(true))
        given, truth = probabilities[rows], true[rows]
        answered = given.argmax(axis=1)
        values["accuracy"].append(float(np.mean(answered == truth)))
        values["far_errors"].append(float(np.mean(np.abs(answered - truth) > 1)))
        values["macro_f1"].append(f1_score(truth, answered, average="macro"))
        values["kappa"].append(cohen_kappa_score(truth, answered, weights="quadratic"))
        values["nll"].append(log_loss(truth, given, labels=labels))
        values["brier"].append(brier_score_loss(truth, given, labels=labels))
    return values


def test_intervals_are_as_wide_as_those_of_a_bootstrap_and_hold_the_measure(
    drawn: tuple[Probabilities, npt.NDArray[np.int64]],
) -> None:
    found = measure(*drawn)
    measures = {"accuracy": found.accuracy, "macro_f1": found.macro.f1, "kappa": found.kappa}
    measures |= {"far_errors": found.far_errors, "nll": found.nll, "brier": found.brier}
    slowly = resampled(*drawn)
    assert set(found.intervals) == set(measures)
    for name, ends in found.intervals.items():
        assert ends is not None
        low, high = ends
        assert low < measures[name] < high
        np.testing.assert_allclose([low, high], np.quantile(slowly[name], [0.025, 0.975]), atol=0.015)


def test_intervals_are_the_same_each_time(drawn: tuple[Probabilities, npt.NDArray[np.int64]]) -> None:
    first, again = (measure(*drawn) for _ in range(2))
    assert isinstance(first, Measures)
    assert first == again
