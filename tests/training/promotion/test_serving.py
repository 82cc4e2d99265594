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


def test_in_other_files_rows_are_known_by_their_hashes(
    served: Predictor, learned: LabelledPhones, quick: Recipe
) -> None:
    kept = three_ways(learned.price_range, quick.split, quick.seed).test
    backwards = replace(
        learned, features=learned.features[::-1], price_range=learned.price_range[::-1], sha256="another"
    )
    everything = np.arange(1_000)
    found = beside_served(served, own(served, backwards, everything), backwards, everything)
    assert found is not None
    assert (found.rows, found.right) == (len(kept), int(own(served, learned, kept).right.sum()))


@pytest.fixture
def older(served: Predictor, monkeypatch: pytest.MonkeyPatch) -> Predictor:
    """The served version, as one from before there were hashes of rows."""
    passport = served.bundle.passport.model_copy(update={"seen_rows": None})
    monkeypatch.setattr(served, "bundle", replace(served.bundle, passport=passport))
    return served


def test_an_older_version_is_known_by_its_split_and_its_golden_rows(
    older: Predictor, learned: LabelledPhones, quick: Recipe
) -> None:
    first, second = (three_ways(learned.price_range, quick.split, seed).test for seed in (quick.seed, 9))
    found = beside_served(older, own(older, learned, second), learned, second)
    assert found is not None
    assert found.rows == len(np.intersect1d(first, second))
    moved = replace(learned, features=learned.features + np.float32(1))
    unknown = beside_served(older, own(older, learned, second), moved, second)
    assert unknown is not None
    assert unknown.nll_difference is None


@pytest.mark.parametrize(
    "split",
    [
        pytest.param(None, id="none"),
        pytest.param({"validation": 0.1, "test": 0.001}, id="too few rows"),
        pytest.param({"validation": 0.1, "test": 0.1, "shuffle": False}, id="one-sided"),
    ],
)
def test_a_split_that_cannot_be_done_again_tells_nothing(
    older: Predictor, learned: LabelledPhones, split: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = np.argsort(learned.price_range)
    sorted_ = replace(learned, features=learned.features[order], price_range=learned.price_range[order])
    passport = older.bundle.passport
    changed = passport.model_copy(update={"recipe": passport.recipe | {"split": split}})
    monkeypatch.setattr(older, "bundle", replace(older.bundle, passport=changed))
    test = np.arange(100)
    found = beside_served(older, own(older, sorted_, test), sorted_, test)
    assert found is not None
    assert found.nll_difference is None


def test_where_rows_cannot_be_told_apart_the_versions_are_not_paired(older: Predictor, quick: Recipe) -> None:
    others = data.generate(500)
    test = three_ways(others.price_range, quick.split, quick.seed).test
    found = beside_served(older, own(older, others, test), others, test)
    assert found is not None
    assert found.nll_difference is None
    assert found.test == "Fisher's exact test, not paired"
    assert (found.rows, found.other_rows) == (50, 100)
    assert found.other_right == round(100 * older.bundle.passport.metrics["accuracy"])


def test_few_new_rows_are_not_enough(served: Predictor, learned: LabelledPhones, quick: Recipe) -> None:
    parts = three_ways(learned.price_range, quick.split, quick.seed)
    mostly_seen = np.sort(np.concatenate([parts.test[:5], parts.training[:100]]))
    found = beside_served(served, own(served, learned, mostly_seen), learned, mostly_seen)
    assert found is not None
    assert found.nll_difference is None


def test_a_version_that_does_not_say_how_good_it_is_is_left_out(
    older: Predictor, quick: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = data.generate(500)
    test = three_ways(others.price_range, quick.split, quick.seed).test
    silent = older.bundle.passport.model_copy(update={"metrics": {}})
    monkeypatch.setattr(older, "bundle", replace(older.bundle, passport=silent))
    assert beside_served(older, own(older, others, test), others, test) is None
