"""The verdict: what is promotable, what speaks against it, and what should be known besides."""

from dataclasses import replace

import numpy as np
import pytest

from pricerange import synthetic
from pricerange.phone import FEATURE_NAMES
from training import data
from training.data import LabelledPhones
from training.promotion.comparisons import Answers
from training.promotion.verdict import verdict
from training.promotion.words import sentence, told
from training.quality.usage import Branch, Usage
from training.recipe.recipe import Recipe
from training.split import SplitRows, three_ways

USAGE = Usage(0.1, {"ram": 1.0}, {"ram": 1.0}, Branch(0.1, 12, 400))


@pytest.fixture(scope="module")
def parts(phones: LabelledPhones, quick: Recipe) -> SplitRows:
    return three_ways(phones.price_range, quick.split, quick.seed)


def answers(phones: LabelledPhones, parts: SplitRows, wrong: int, sure: float = 0.97) -> Answers:
    """Answer the test part, so many phones of it wrongly."""
    truth = phones.price_range[parts.test]
    given_range = np.where(np.arange(len(truth)) < wrong, (truth + 1) % 4, truth)
    probabilities = np.full((len(truth), 4), (1 - sure) / 3)
    probabilities[np.arange(len(truth)), given_range] = sure
    return Answers(probabilities, truth)


def test_a_model_that_beats_chance_and_is_no_worse_than_others_is_promotable(
    phones: LabelledPhones, parts: SplitRows
) -> None:
    found = verdict(answers(phones, parts, 1), phones, parts, USAGE, None)
    assert found.promotable
    assert [sentence(reason) for reason in found.reasons] == told(found)
    assert (found.comparisons.chance.outcome, found.comparisons.served) == ("better", None)
    assert found.remarks[-1] == "No version was served, so that there was none to compare with."


@pytest.mark.parametrize(
    ("wrong", "sure", "words"),
    [
        pytest.param(
            20,
            0.97,
            [
                "not better than chance beyond doubt: 20 of 40 test phones right, 11 by",
                "wrong as often as right, or more: 20 of 40",
                "significantly worse than the ordinal linear model",
            ],
            id="wrong half of the time",
        ),
        pytest.param(0, 0.3, ["significantly worse than the ordinal linear model"], id="hesitates"),
    ],
)
def test_what_speaks_against_a_model_is_said(
    phones: LabelledPhones, parts: SplitRows, wrong: int, sure: float, words: list[str]
) -> None:
    found = verdict(answers(phones, parts, wrong, sure), phones, parts, USAGE, None)
    assert not found.promotable
    assert [reason[: len(word)] for word, reason in zip(words, found.reasons, strict=True)] == words
    assert {sentence(reason) for reason in found.reasons} <= set(told(found))


def test_few_phones_prove_nothing_even_if_all_are_right() -> None:
    features, price_range = synthetic.phones(2_000)
    some = np.concatenate([np.flatnonzero(price_range == each)[:10] for each in range(4)])
    few = replace(data.generate(1), features=features[some].astype(np.float32), price_range=price_range[some])
    every_tenth = np.arange(40) % 10 == 0
    parts = SplitRows(*(np.flatnonzero(each) for each in (~every_tenth, ~every_tenth, every_tenth)))
    found = verdict(answers(few, parts, 0), few, parts, USAGE, None)
    assert not found.promotable
    assert found.reasons[0].startswith("too few test phones to tell it from chance: if all 4 were")


def test_constant_features_an_idle_branch_and_a_linear_model_as_good_are_said(
    phones: LabelledPhones, parts: SplitRows
) -> None:
    features = phones.features.copy()
    features[:, FEATURE_NAMES.index("fc")] = 7
    idle = replace(USAGE, branch=Branch(1e-9, 0, 400))
    found = verdict(answers(phones, parts, 2), replace(phones, features=features), parts, idle, None)
    constant, branch, linear, _ = found.remarks
    assert constant.endswith("nothing can be learned from it: `fc` 7.")
    assert branch.startswith("The hidden branch does nothing: it has less than 0.001 % of the variance")
    assert "changes none of 400 answers" in branch
    assert linear.startswith(f"A plain ordinal linear model is as good, as far as {len(parts.test)} test")
