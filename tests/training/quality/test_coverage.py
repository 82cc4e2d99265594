"""Prediction sets hold the truth as often as promised, whatever the model."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training.quality.conformal import LEVELS, coverage, quantiles, sets

Probabilities = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def answers(draw: np.random.Generator, rows: int, sharpness: float) -> tuple[Probabilities, Labels]:
    """Answers that are more or less sure than they are right, and the truth."""
    honest = draw.dirichlet([0.2] * 4, rows)
    truth = (honest.cumsum(axis=1) < draw.random(rows)[:, None]).sum(axis=1).clip(max=3)
    claimed = (honest + 1e-9) ** sharpness
    return (claimed / claimed.sum(axis=1, keepdims=True)).astype(np.float32), truth


@pytest.mark.parametrize("sharpness", [pytest.param(0.5, id="too modest"), pytest.param(3, id="too sure")])
@pytest.mark.parametrize("rows", [40, 128, 320])
def test_sets_cover_as_promised_on_average_over_many_draws(rows: int, sharpness: float) -> None:
    draw = np.random.default_rng(rows)
    found: dict[str, list[float]] = {str(level): [] for level in LEVELS}
    for _ in range(600):
        probabilities, truth = answers(draw, rows + 200, sharpness)
        of = quantiles(probabilities[:rows], truth[:rows])
        for level, measured in coverage(probabilities[rows:], truth[rows:], of).items():
            found[level].append(measured.coverage)
    for level in LEVELS:
        mean = np.mean(found[str(level)])
        assert level - 0.008 < mean
        if rows + 1 >= 1 / (1 - level):
            # beyond what whole ranks add, sure answers of exactly 1 share their score
            assert mean < level + 1 / (rows + 1) + 0.008


@given(seed=st.integers(0, 10_000), rows=st.integers(1, 400), sharpness=st.sampled_from([0.3, 1.0, 4.0]))
def test_a_higher_promise_never_has_smaller_sets_and_holds_on_its_own_rows(
    seed: int, rows: int, sharpness: float
) -> None:
    probabilities, truth = answers(np.random.default_rng(seed), rows, sharpness)
    of = quantiles(probabilities, truth)
    assert list(of) == ["0.9", "0.95", "0.99"]
    assert 0 <= of["0.9"] <= of["0.95"] <= of["0.99"] <= 1
    measured = coverage(probabilities, truth, of)
    for level in LEVELS:
        assert measured[str(level)].coverage >= level
    sizes = [one.mean_size for one in measured.values()]
    assert sizes == sorted(sizes)


def test_quantile_is_the_rank_that_allows_for_one_more_phone() -> None:
    own = np.linspace(0.99, 0.01, 19)
    probabilities = np.column_stack([own, 1 - own, 0 * own, 0 * own]).astype(np.float32)
    of = quantiles(probabilities, np.zeros(19, np.int64))
    scores = np.sort(1 - probabilities[:, 0].astype(np.float64))
    assert of["0.9"] == scores[17]  # ceil(20 x 0.9) = 18
    assert of["0.95"] == scores[18]


def test_too_few_phones_for_a_promise_make_it_a_set_of_all() -> None:
    probabilities, truth = answers(np.random.default_rng(1), 50, 1.0)
    of = quantiles(probabilities, truth)
    assert of["0.99"] == 1
    assert sets(probabilities, of["0.99"]).all()


def test_a_set_holds_every_price_range_that_is_likely_enough() -> None:
    probabilities = np.array([[0.875, 0.125, 0, 0], [0.5, 0.25, 0.25, 0]], np.float32)
    assert sets(probabilities, 0.75).tolist() == [[True, False, False, False], [True, True, True, False]]
    assert sets(probabilities, 0.25).tolist() == [[True, False, False, False], [False] * 4]
