"""Prediction sets hold the truth as often as promised, whatever the model and whichever the truth."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricerange.answer.prediction_sets import PredictionSets

LEVELS = (0.9, 0.95, 0.99)

Probabilities = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def answers(draw: np.random.Generator, rows: int, sharpness: float) -> tuple[Probabilities, Labels]:
    """Answers that are more or less sure than they are right, and the truth."""
    honest = draw.dirichlet([0.2] * 4, rows)
    truth = (honest.cumsum(axis=1) < draw.random(rows)[:, None]).sum(axis=1).clip(max=3)
    claimed = (honest + 1e-9) ** sharpness
    return (claimed / claimed.sum(axis=1, keepdims=True)).astype(np.float32), truth


def contiguous(sets: npt.NDArray[np.bool_]) -> bool:
    changes = np.abs(np.diff(np.pad(sets, ((0, 0), (1, 1))).astype(int), axis=1)).sum(axis=1)
    return bool((changes == 2).all())


@pytest.mark.parametrize("sharpness", [pytest.param(0.5, id="too modest"), pytest.param(3, id="too sure")])
@pytest.mark.parametrize("rows", [160, 800])
def test_sets_hold_each_price_range_as_promised_on_average_over_many_draws(
    rows: int, sharpness: float
) -> None:
    draw = np.random.default_rng(rows)
    found: dict[float, list[npt.NDArray[np.float64]]] = {level: [] for level in LEVELS}
    for _ in range(300):
        probabilities, truth = answers(draw, rows + 400, sharpness)
        sets = PredictionSets.measured(probabilities[:rows], truth[:rows])
        for level in LEVELS:
            held = sets.of(probabilities[rows:], level)[np.arange(400), truth[rows:]]
            found[level].append(np.array([held[truth[rows:] == one].mean() for one in range(4)]))
    for level in LEVELS:
        assert (np.nanmean(found[level], axis=0) > level - 0.01).all()


@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 400),
    sharpness=st.sampled_from([0.3, 1.0, 4.0]),
    level=st.floats(0.01, 0.999),
    higher=st.floats(0.01, 0.999),
)
def test_sets_are_never_empty_have_no_gaps_and_grow_with_the_promise(
    seed: int, rows: int, sharpness: float, level: float, higher: float
) -> None:
    probabilities, truth = answers(np.random.default_rng(seed), rows, sharpness)
    sets = PredictionSets.measured(probabilities, truth)
    low, high = sorted((level, higher))
    smaller, larger = sets.of(probabilities, low), sets.of(probabilities, high)
    assert contiguous(smaller)
    assert smaller[np.arange(rows), probabilities.argmax(axis=1)].all()
    assert not (smaller & ~larger).any()
    # on the very rows that made it, each price range is held as promised
    held = larger[np.arange(rows), truth]
    assert all(held[truth == one].mean() >= high for one in range(4) if (truth == one).any())


@given(seed=st.integers(0, 1_000), rows=st.integers(2, 50))
def test_a_phone_has_the_same_set_whatever_phones_it_is_asked_beside(seed: int, rows: int) -> None:
    probabilities, truth = answers(np.random.default_rng(seed), rows, 1.0)
    sets = PredictionSets.measured(probabilities, truth)
    together = sets.of(probabilities, 0.9)
    alone = np.concatenate([sets.of(probabilities[row : row + 1], 0.9) for row in range(rows)])
    assert (together == alone).all()


def test_the_threshold_is_the_rank_that_allows_for_one_more_phone() -> None:
    own = np.linspace(0.99, 0.01, 19)
    probabilities = np.column_stack([own, 1 - own, 0 * own, 0 * own]).astype(np.float32)
    sets = PredictionSets.measured(probabilities, np.zeros(19, np.int64))
    given = np.sort(probabilities[:, 0])
    assert sets.thresholds(0.9)[0] == given[1]  # ceil(20 x 0.9) = 18 of 19 are at least that
    assert sets.thresholds(0.95)[0] == given[0]
    # and too few phones for a promise make it a set of all
    assert sets.thresholds(0.96)[0] == 0
    assert sets.thresholds(0.5)[1:].tolist() == [0, 0, 0]


def test_what_lies_between_two_likely_price_ranges_is_in_the_set() -> None:
    sets = PredictionSets([[0.3] * 99] * 4)
    probabilities = np.array(
        [[0.4, 0.2, 0.4, 0.0], [0.28, 0.24, 0.24, 0.24], [0.0, 0.0, 0.35, 0.65]], np.float32
    )
    assert sets.of(probabilities, 0.9).tolist() == [
        [True, True, True, False],
        [True, False, False, False],
        [False, False, True, True],
    ]


def test_scores_survive_being_written() -> None:
    probabilities, truth = answers(np.random.default_rng(3), 200, 1.0)
    sets = PredictionSets.measured(probabilities, truth)
    again = PredictionSets(sets.of_truth)
    assert all((sets.thresholds(level) == again.thresholds(level)).all() for level in LEVELS)


@pytest.mark.parametrize("level", LEVELS)
def test_mapie_leaves_in_each_set_what_we_do_before_gaps_and_empty_sets_are_filled(level: float) -> None:
    from mapie.classification import SplitConformalClassifier
    from sklearn.base import BaseEstimator, ClassifierMixin

    class AsGiven(ClassifierMixin, BaseEstimator):
        """A classifier whose features are its probabilities."""

        def fit(self, given: Probabilities, truth: Labels) -> "AsGiven":
            self.classes_ = np.arange(4)
            return self

        def predict_proba(self, given: Probabilities) -> Probabilities:
            return given

        def predict(self, given: Probabilities) -> Labels:
            return given.argmax(axis=1)

    probabilities, truth = answers(np.random.default_rng(5), 900, 1.0)
    known, asked = slice(0, 600), slice(600, 900)
    thresholds = PredictionSets.measured(probabilities[known], truth[known]).thresholds(level)
    for one in range(4):
        of_class = truth[known] == one
        conformal = SplitConformalClassifier(
            AsGiven().fit(probabilities, truth), confidence_level=level, conformity_score="lac", prefit=True
        )
        with pytest.warns(UserWarning, match="less labels"):
            conformal.conformalize(probabilities[known][of_class], truth[known][of_class])
        _, sets = conformal.predict_set(probabilities[asked])
        assert (sets[:, one, 0] == (probabilities[asked][:, one] >= thresholds[one])).all()
