"""Comparisons: numbers that can be worked out by hand, and error rates that are kept."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricerange.verdict import Comparison
from training.promotion.comparisons import Answers, beside_chance, chance_of, paired, unpaired


def answers(price_range: list[int], right: list[bool], sure: float = 0.9) -> Answers:
    """Give the true price range, or the next one, the probability `sure`."""
    given_range = [(truth + (not is_right)) % 4 for truth, is_right in zip(price_range, right, strict=True)]
    probabilities = np.full((len(right), 4), (1 - sure) / 3)
    probabilities[np.arange(len(right)), given_range] = sure
    return Answers(probabilities, np.array(price_range))


def test_chance_is_the_commonest_price_range_by_the_binomial_distribution() -> None:
    found = beside_chance(answers([0, 1, 2, 3], [True] * 4))
    assert (found.right, found.other_right, found.outcome) == (4, 1, "no worse")
    assert found.p == pytest.approx(0.25**4)
    five = beside_chance(answers([0, 1, 2, 3, 3], [True] * 5))
    assert five.p == pytest.approx(0.4**5)
    assert beside_chance(answers([0, 1, 2, 3] * 2, [True] * 8)).outcome == "better"
    assert chance_of(0, 10, 3) == 1


def test_right_answers_are_compared_by_those_that_only_one_has() -> None:
    truth = [0, 1, 2, 3] * 5
    ours = answers(truth, [True] * 11 + [False] * 9)
    theirs = answers(truth, [True] * 10 + [False] + [True] * 9)
    found = paired(ours, theirs)
    # McNemar: of 10 phones that one of them gets right, 1 or fewer are ours, or theirs
    assert found.p == pytest.approx(2 * (1 + 10) / 2**10)
    assert (found.right, found.other_right, found.outcome) == (11, 19, "worse")
    assert paired(theirs, ours).outcome == "better"


def test_the_likelihood_is_compared_phone_by_phone() -> None:
    truth = [0, 1, 2, 3]
    sure = Answers(np.eye(4)[truth] * 0.6 + 0.1, np.array(truth))
    surer = Answers(np.array([[0.97, 0.01, 0.01, 0.01]] * 3 + [[0.1, 0.1, 0.1, 0.7]]), np.array([0, 0, 0, 3]))
    found = paired(
        Answers(sure.probabilities, sure.price_range), Answers(surer.probabilities, surer.price_range)
    )
    differences = [-math.log(0.7) + math.log(0.97)] * 3 + [0.0]
    mean = sum(differences) / 4
    error = math.sqrt(sum((each - mean) ** 2 for each in differences) / 3 / 4)
    assert found.nll_difference == pytest.approx(mean)
    assert found.nll_error == pytest.approx(error)
    # three equal differences and a 0 make t = 3 whatever their size; P(|t| > 3) with 3 degrees of freedom
    assert found.nll_p == pytest.approx(0.05767, abs=1e-5)
    assert found.outcome == "no worse"


def test_an_answer_that_excludes_the_truth_costs_no_more_than_float32_can_tell_from_zero() -> None:
    excluded = Answers(np.array([[1.0, 0.0, 0.0, 0.0]], np.float32), np.array([2]))
    assert excluded.losses == pytest.approx([-math.log(np.finfo(np.float32).eps)])


def test_a_model_beside_itself_is_no_worse() -> None:
    own = answers([0, 1, 2, 3], [True, False, True, True])
    found = paired(own, own)
    assert (found.p, found.nll_difference, found.nll_p, found.outcome) == (1, 0, None, "no worse")
    assert paired(own.of(own.right & [True, False, False, False]), own.of(~own.right)).nll_error is None


def test_other_phones_are_compared_by_fishers_test() -> None:
    few = unpaired("2", answers([0, 1, 2, 3], [True, True, True, False]), 1, 4)
    assert few.p == pytest.approx(34 / 70)  # of the lady who tasted tea
    assert few.outcome == "no worse"
    ours = answers([0, 1, 2, 3] * 10, [True, False] * 20)
    assert unpaired("2", ours, 39, 40).outcome == "worse"
    assert unpaired("2", ours, 1, 40).outcome == "better"


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_whoever_is_worse_has_a_better_opponent(rows: list[tuple[int, bool, bool]]) -> None:
    truth, first, second = (list(column) for column in zip(*rows, strict=True))
    ours, theirs = answers(truth, first), answers(truth, second)
    found, mirrored = paired(ours, theirs), paired(theirs, ours)
    assert Comparison.model_validate_json(found.model_dump_json()) == found
    assert found.p == pytest.approx(mirrored.p)
    assert (found.outcome == "worse") == (mirrored.outcome == "better")


def test_of_models_that_are_equally_good_few_are_found_worse() -> None:
    draw = np.random.default_rng(0)
    worse = 0
    for _ in range(400):
        truth = draw.integers(0, 4, 160)
        ours, theirs = (
            Answers(draw.dirichlet([1, 1, 1, 1], 160) * 0.2 + np.eye(4)[truth] * 0.8, truth) for _ in range(2)
        )
        worse += paired(ours, theirs).outcome == "worse"
    assert worse <= 0.05 * 400 + 2 * math.sqrt(0.05 * 0.95 * 400)
