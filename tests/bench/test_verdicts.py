"""The cases of the bench of verdicts do to the data and the recipe what their names say."""

from collections import Counter

import pytest

from bench.verdicts import CASES, LABEL
from training.recipe import recipe

ROWS = [{"ram": str(row), "fc": "1", LABEL: str(row % 4)} for row in range(400)]
CASE = {case.name: case for case in CASES}


def labels(name: str) -> list[str]:
    return [row[LABEL] for row in CASE[name].rows([dict(row) for row in ROWS])]


def test_labels_are_shuffled_or_wrong_but_their_phones_are_the_same() -> None:
    own = [row[LABEL] for row in ROWS]
    assert labels("as published") == own
    assert Counter(labels("labels shuffled")) == Counter(own)
    changed = sum(ours != theirs for ours, theirs in zip(labels("20 % of labels wrong"), own, strict=True))
    assert 0.15 < changed / len(own) < 0.25
    assert sum(ours != theirs for ours, theirs in zip(labels("labels shuffled"), own, strict=True)) > 200


def test_few_phones_are_as_many_of_each_price_range_and_one_price_range_is_missing() -> None:
    assert Counter(labels("40 phones")) == dict.fromkeys("0123", 10)
    assert Counter(labels("60 phones")) == dict.fromkeys("0123", 15)
    assert set(labels("no phone very high")) == set("012")


def test_a_feature_is_constant_or_has_the_label() -> None:
    assert {row["ram"] for row in CASE["ram constant"].rows(list(ROWS))} == {"2000"}
    assert all(row["fc"] == row[LABEL] for row in CASE["label leaked into fc"].rows(list(ROWS)))


@pytest.mark.parametrize("name", CASE)
def test_only_the_dead_branch_is_of_another_recipe(name: str) -> None:
    shipped = recipe.DEFAULT.read_text()
    assert (CASE[name].recipe(shipped) != shipped) == (name == "dead branch")
