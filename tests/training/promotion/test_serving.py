"""What serves, and which rows a comparison with it may be made on."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pricerange import bundle
from pricerange.approval import Approval
from pricerange.errors import ApprovalError
from pricerange.predictor import Predictor
from training import data
from training.data import LabelledPhones
from training.promotion.comparisons import Answers
from training.promotion.serving import beside_served, serving
from training.recipe.recipe import Recipe
from training.split import Indices, three_ways


@pytest.fixture(scope="module")
def served(model_repository: Path) -> Predictor:
    found = serving(model_repository)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def learned() -> LabelledPhones:
    """The phones that the served version was made from."""
    return data.generate(1_000)


def own(served: Predictor, phones: LabelledPhones, test: Indices) -> Answers:
    return Answers(served.predict(phones.features[test]).probabilities, phones.price_range[test])


def test_an_empty_repository_serves_nothing_and_a_broken_one_is_an_error(
    model_repository: Path, tmp_path: Path
) -> None:
    assert serving(tmp_path) is None
    models = shutil.copytree(model_repository, tmp_path / "models")
    version = bundle.find(models, 1)
    Approval.now("rejected", "not any more").write(version)
    assert serving(models) is None
    (version / "approval.json").write_text("approved")
    with pytest.raises(ApprovalError):
        serving(models)


def test_by_the_same_split_all_test_rows_are_new_to_both(
    served: Predictor, learned: LabelledPhones, quick: Recipe
) -> None:
    test = three_ways(learned.price_range, quick.split, quick.seed).test
    found = beside_served(served, own(served, learned, test), learned, test)
    assert found is not None
    assert (found.version, found.rows, found.other_rows, found.nll_difference) == ("1", 100, 100, 0)


def test_by_another_seed_only_rows_that_neither_has_learned_from_count(
    served: Predictor, learned: LabelledPhones, quick: Recipe
) -> None:
    first, second = (three_ways(learned.price_range, quick.split, seed).test for seed in (quick.seed, 9))
    shared = np.intersect1d(first, second)
    found = beside_served(served, own(served, learned, second), learned, second)
    assert found is not None
    assert 0 < len(shared) < 40
    assert (found.rows, found.right) == (len(shared), int(own(served, learned, shared).right.sum()))


def test_on_other_data_the_versions_are_not_paired(served: Predictor, quick: Recipe) -> None:
    others = data.generate(500)
    test = three_ways(others.price_range, quick.split, quick.seed).test
    found = beside_served(served, own(served, others, test), others, test)
    assert found is not None
    assert found.nll_difference is None
    assert found.test == "Fisher's exact test, not paired"
    metrics = served.bundle.passport.metrics
    assert (found.rows, found.other_rows) == (50, 100)
    assert found.other_right == round(100 * metrics["accuracy"])


def test_a_split_that_does_not_hold_the_golden_rows_is_not_that_of_the_version(
    served: Predictor, learned: LabelledPhones, quick: Recipe
) -> None:
    test = three_ways(learned.price_range, quick.split, quick.seed).test
    moved = replace(learned, features=learned.features + np.float32(1))
    found = beside_served(served, own(served, learned, test), moved, test)
    assert found is not None
    assert found.nll_difference is None


def test_a_version_that_does_not_say_how_good_it_is_is_left_out(
    served: Predictor, quick: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = data.generate(500)
    test = three_ways(others.price_range, quick.split, quick.seed).test
    silent = served.bundle.passport.model_copy(update={"metrics": {}})
    monkeypatch.setattr(served, "bundle", replace(served.bundle, passport=silent))
    assert beside_served(served, own(served, others, test), others, test) is None
