"""Comparison: who stands where, by how much, and what is written of it."""

import csv
import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from pricerange.phone import LABELS
from training.compare import compare, scoreboard
from training.compare.additions import ADDITIONS
from training.compare.baselines import BASELINES
from training.compare.compare import Comparison, Plan
from training.compare.contender import ByRecipe, FoldAnswers
from training.compare.folds import Difference, Fold, split
from training.compare.standings import standings
from training.data import LabelledPhones
from training.errors import OutputError
from training.ordinal_linear import OrdinalLinear
from training.output import check_folder
from training.quality.coverage import Coverage
from training.recipe import recipe
from training.recipe.recipe import Recipe


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("comparison") / "of" / "today"


@pytest.fixture(scope="module")
def comparison(recipe_file: Path, output: Path) -> Comparison:
    said = Console(file=io.StringIO(), width=100)
    plan = Plan(folds=2, repeats=1, seed=1)
    found = compare.compare(["synthetic:400"], [recipe_file, recipe_file], plan, said)
    check_folder(output)
    compare.write(found, output)
    return found


def test_recipes_come_first_then_every_baseline(comparison: Comparison) -> None:
    names = [one.name for one in comparison.standings]
    assert names == ["quick", "quick", *(one.name for one in BASELINES)]
    assert len(names) == 8
    assert comparison.rows == 400


def test_additions_are_an_ensemble_of_the_first_recipe_and_what_could_be_added_to_the_ordinal_model(
    recipe_file: Path,
) -> None:
    found = compare.contenders([recipe_file, recipe.DEFAULT], additions=True)
    names = [one.name for one in found]
    beside = [one.name for one in (*BASELINES, *ADDITIONS)]
    assert names == ["quick", "phone_price_range", "10 x quick", *beside]
    assert len(set(names)) == len(names)


def test_models_that_know_the_order_lead_and_the_majority_is_last(comparison: Comparison) -> None:
    accuracy = {one.name: one.accuracy.mean for one in comparison.standings}
    assert accuracy["majority"] == pytest.approx(0.25, abs=0.03)
    assert accuracy["ordinal linear"] == max(accuracy.values()) > 0.9
    assert all(accuracy["majority"] < value for name, value in accuracy.items() if name != "majority")


def test_the_same_recipe_twice_differs_by_nothing_and_the_others_by_their_accuracy(
    comparison: Comparison,
) -> None:
    first, again, *others = comparison.standings
    assert again.difference == again.nll_difference == Difference(0, 0, 1)
    assert again.nll == first.nll
    for one in others:
        assert one.difference.mean == pytest.approx(one.accuracy.mean - first.accuracy.mean)
        assert one.difference.error > 0
        assert 0 < one.difference.p <= 1
        if one.nll and one.nll_difference and first.nll:
            assert one.nll_difference.mean == pytest.approx(one.nll.mean - first.nll.mean)


def test_what_a_model_does_not_give_is_not_measured(comparison: Comparison) -> None:
    found = {one.name: one for one in comparison.standings}
    assert found["linear SVM"].nll is found["linear SVM"].ece is found["linear SVM"].conformal is None
    assert found["majority"].nll is not None
    assert found["majority"].nll.mean == pytest.approx(np.log(4), abs=0.02)
    assert found["majority"].conformal is None
    assert found["quick"].conformal is not None
    assert list(found["quick"].conformal) == ["0.9", "0.95", "0.99"]


def test_writes_a_table_for_programs_and_a_picture(comparison: Comparison, output: Path) -> None:
    stored = json.loads((output / "comparison.json").read_text())
    assert (stored["source"], stored["rows"], stored["plan"]["folds"]) == ("synthetic:400", 400, 2)
    rows = list(csv.DictReader((output / "comparison.csv").read_text().splitlines()))
    for one, in_json, in_csv in zip(comparison.standings, stored["standings"], rows, strict=True):
        assert in_json["name"] == in_csv["name"] == one.name
        assert in_json["accuracy"]["mean"] == float(in_csv["accuracy.mean"]) == one.accuracy.mean
    assert float(rows[0]["conformal.0.9.coverage"]) > 0.7
    assert rows[-1]["conformal.0.9.coverage"] == ""
    picture = (output / "comparison.svg").read_text()
    assert picture.startswith("<svg")
    assert "ordinal linear" in picture


def test_tables_name_every_contender_that_has_the_measure(comparison: Comparison) -> None:
    said = io.StringIO()
    accuracies, probabilities, sets = scoreboard.tables(comparison.standings)
    assert (accuracies.row_count, probabilities.row_count, sets.row_count) == (8, 7, 2)
    Console(file=said, width=120).print(accuracies, probabilities)
    assert "less quick" in said.getvalue()
    assert "majority" in said.getvalue()
    assert " p " in said.getvalue()
    assert "…" not in said.getvalue()


def test_a_recipes_name_is_no_markup(comparison: Comparison) -> None:
    said = io.StringIO()
    named = [dataclasses.replace(one, name=f"[b]{one.name}") for one in comparison.standings]
    Console(file=said, width=150).print(*scoreboard.tables(named))
    assert said.getvalue().count("less [b]quick") == 2
    assert said.getvalue().count("[b]majority") == 2


def test_the_shipped_recipes_begin_with_that_of_the_served_model() -> None:
    shipped = compare.shipped()
    assert shipped[0] == recipe.DEFAULT
    assert sorted(shipped) == sorted(recipe.FOLDER.glob("*.toml"))


def test_standings_of_answers_known_by_heart() -> None:
    price_range = np.array([0, 1, 2, 3] * 2)
    folds = [Fold(number, 0, np.arange(8)[1 - number :: 2], np.arange(8)[number::2]) for number in range(2)]

    def answers(wrong: int, by: int) -> list[FoldAnswers]:
        found = []
        for number, fold in enumerate(folds):
            answered = price_range[fold.test].copy()
            if number == 0:
                answered[:wrong] += by
            given = np.where(np.eye(4)[answered] > 0, 0.97, 0.01).astype(np.float32)
            found.append(
                FoldAnswers(
                    answered,
                    given,
                    {"0.9": Coverage(number / 2, 1 + number, dict.fromkeys(LABELS, number / 2))},
                    2.0,
                )
            )
        return found

    first, second = standings(["first", "second"], [answers(0, 0), answers(1, 2)], folds, price_range)
    assert (first.accuracy.mean, second.accuracy.mean) == (1, 0.875)
    assert second.difference.mean == -0.125
    # fold by fold -0.25 and 0: variance 1 / 32, times 1 / 2 and 1
    assert second.difference.error == pytest.approx((1.5 / 32) ** 0.5)
    # t of one degree of freedom: its distribution is Cauchy's
    statistic = 0.125 / second.difference.error
    assert second.difference.p == pytest.approx(1 - 2 * np.arctan(statistic) / np.pi)
    assert (first.far_errors, second.far_errors) == (0, 0.125)
    assert second.nll is not None
    assert second.nll.mean == pytest.approx(-(7 * np.log(0.97) + np.log(0.01)) / 8, rel=1e-5)
    assert second.ece == pytest.approx(0.97 - 0.875, rel=1e-5)
    assert second.conformal == {"0.9": Coverage(0.25, 1.5, dict.fromkeys(LABELS, 0.25))}
    assert second.seconds == 2


def test_the_ordinal_linear_model_finds_the_rule_of_the_phones(phones: LabelledPhones) -> None:
    standardised = (phones.features - phones.features.mean(axis=0)) / phones.features.std(axis=0)
    (part, *_) = split(phones.price_range, 4, 1, 0)
    model = OrdinalLinear().fit(standardised[part.training], phones.price_range[part.training])
    probabilities = model.predict_proba(standardised[part.test])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-9)
    assert np.mean(model.predict(standardised[part.test]) == phones.price_range[part.test]) > 0.9


def test_an_output_that_cannot_be_had_is_refused_before_the_work(tmp_path: Path) -> None:
    file = tmp_path / "comparison"
    file.touch()
    for folder in (file, file / "of" / "today"):
        with pytest.raises(OutputError, match=str(folder)) as raised:
            # so many phones that the work would be noticed
            compare.run(["synthetic:1000000"], folder=folder)
        assert raised.value.exit_code == 51


def test_a_fold_after_the_largest_seed_begins_again(phones: LabelledPhones, quick: Recipe) -> None:
    (part, *_) = split(phones.price_range, 2, 1, 0)
    first, wrapped = (
        ByRecipe("run", quick.model_copy(update={"seed": seed})).answer(
            phones, part.training, part.test, number
        )
        for seed, number in ((1, 0), (2**32 - 1, 2))
    )
    np.testing.assert_array_equal(first.price_range, wrapped.price_range)
