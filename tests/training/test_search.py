"""Search: it resumes, shares its storage, reports on phones that it never saw, and writes a recipe."""

import dataclasses
import io
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from rich.console import Console

from training import data, search
from training.compare.compare import shipped
from training.errors import OutputError, StudyMismatchError, StudyStorageError
from training.recipe import recipe, space
from training.recipe.recipe import Recipe
from training.search import Found, Stored

SOURCES, STUDY = ["synthetic:300"], "phone_price_range"
RUN = """
import sys
from pathlib import Path
from training.search import Stored, search
search([sys.argv[1]], Stored(sys.argv[2], int(sys.argv[3])), Path(sys.argv[4]))
"""


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('search') / 'search.db'}"


def trials(storage: str) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name=STUDY, storage=storage).trials


@pytest.fixture(scope="module")
def short(recipe_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipes") / "short.toml"
    text = (
        recipe_file.read_text().replace("epochs = 30", "epochs = 8").replace("patience = 30", "patience = 8")
    )
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def first(storage: str, short: Path) -> tuple[Found, str]:
    said = io.StringIO()
    return search.search(SOURCES, Stored(storage, 2), short, console=Console(file=said)), said.getvalue()


def test_begins_with_the_base_and_says_each_trial(
    first: tuple[Found, str], storage: str, short: Path
) -> None:
    found, said = first
    assert found.trials == 2
    base, other = trials(storage)
    assert base.params == space.as_parameters(recipe.read(short))
    assert space.variant(recipe.read(short), optuna.trial.FixedTrial(base.params)) == recipe.read(short)
    assert base.params != other.params
    assert "1/2 trial 0 NLL" in said
    assert "2/2 trial 1" in said


def test_reports_on_held_out_phones(first: tuple[Found, str]) -> None:
    found, _ = first
    assert found.rows == 60
    assert 0 < found.base.accuracy <= 1
    assert found.difference == pytest.approx(found.tuned.accuracy - found.base.accuracy)
    lines = search.describe(found).splitlines()
    assert lines[0].startswith("Finished trials: 2. Means of 5 runs on 60 held-out phones")
    assert f"{found.tuned.accuracy:.4f}" in lines[2]


def test_goes_on_where_it_was_left_and_writes_the_best_recipe(
    first: tuple[Found, str], storage: str, short: Path, tmp_path: Path
) -> None:
    output = tmp_path / "best.toml"
    said = io.StringIO()
    found = search.search(SOURCES, Stored(storage, 3), short, Console(file=said))
    search.write(found, STUDY, output)
    assert len(trials(storage)) == found.trials == 3
    assert said.getvalue().startswith("1/1 trial 2")
    assert recipe.read(output) == found.recipe
    best = optuna.load_study(study_name=STUDY, storage=storage).best_params
    assert found.recipe.optimiser.learning_rate == best["optimiser.learning_rate"]


def test_a_study_that_has_its_trials_is_only_reported(
    first: tuple[Found, str], storage: str, short: Path
) -> None:
    said = io.StringIO()
    before = len(trials(storage))
    search.search(SOURCES, Stored(storage, 1), short, console=Console(file=said))
    assert len(trials(storage)) == before
    assert said.getvalue() == ""


@pytest.mark.parametrize("other", [pytest.param("data", id="data"), pytest.param("recipe", id="recipe")])
def test_refuses_a_study_that_was_begun_with_something_else(
    first: tuple[Found, str], storage: str, short: Path, recipe_file: Path, other: str
) -> None:
    sources, base = (SOURCES, recipe_file) if other == "recipe" else (["synthetic:320"], short)
    with pytest.raises(StudyMismatchError, match=f"a different {other}"):
        search.search(sources, Stored(storage, 9), base)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("search.db", id="no URL"),
        pytest.param("nosuch:///search.db", id="unknown database"),
        pytest.param("sqlite:////no/such/folder/search.db", id="no folder"),
    ],
)
def test_refuses_a_storage_that_cannot_be_used(url: str, short: Path) -> None:
    with pytest.raises(StudyStorageError):
        search.search(SOURCES, Stored(url, 1), short)


@pytest.mark.long
def test_processes_share_a_storage(tmp_path: Path, short: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'shared.db'}"
    arguments = [sys.executable, "-c", RUN, *SOURCES, storage, "3", str(short)]
    both = [subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    finished = [one for one in trials(storage) if one.state.is_finished()]
    # one more may have been under way in the other process
    assert 3 <= len(finished) <= 4
    # the base is tried once, or by both where both found an empty study
    assert len({str(one.params) for one in finished}) >= len(finished) - 1


def test_phones_that_are_held_out_change_no_trial(quick: Recipe) -> None:
    phones = data.generate(300)
    seen, held_out = search.hold_out(phones)
    assert sorted([*seen, *held_out]) == list(range(300))
    price_range = phones.price_range.copy()
    price_range[held_out] = 0
    other = dataclasses.replace(phones, price_range=price_range)
    trial = optuna.trial.FixedTrial(space.as_parameters(quick))
    first, second = (search.judgement(one, seen, quick)(trial) for one in (phones, other))
    assert first == second


def test_a_variant_keeps_what_the_space_does_not_name(quick: Recipe) -> None:
    own = space.as_parameters(quick)
    assert own["network.dropout.0"] == 0.05
    # a width of 8 is not in the space, but the recipe's own
    assert own["network.hidden.1"] == 8
    wanted = {**own, "network.hidden.0": 64, "network.hidden.1": 16, "optimiser.learning_rate": 0.01}
    found = space.variant(quick, optuna.trial.FixedTrial(wanted))
    fields = quick.model_dump(mode="json")
    fields["network"]["hidden"] = [64, 16]
    fields["optimiser"]["learning_rate"] = 0.01
    assert found.model_dump(mode="json") == fields


def test_what_a_recipe_has_not_or_switches_off_is_not_searched(quick: Recipe) -> None:
    fields = quick.model_dump(mode="json")
    fields["schedule"] = {"name": "constant"}
    fields["network"] = {"name": "lstm", "hidden": 16}
    fields["optimiser"]["weight_decay"] = 0.0
    own = space.as_parameters(Recipe.model_validate(fields))
    assert set(own) == {"optimiser.learning_rate", "loop.batch_size"}


def test_residual_blocks_keep_their_one_width(quick: Recipe) -> None:
    fields = quick.model_dump(mode="json")
    fields["network"] |= {"hidden": [16, 16], "residual": True}
    base = Recipe.model_validate(fields)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    assert all(space.variant(base, study.ask()).network.hidden == [16, 16] for _ in range(10))


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in shipped()])
def test_every_shipped_recipe_can_be_searched_from_its_own_values(path: Path) -> None:
    base = recipe.read(path)
    assert space.variant(base, optuna.trial.FixedTrial(space.as_parameters(base))) == base
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    study.enqueue_trial(space.as_parameters(base))
    assert space.variant(base, study.ask()) == base
    others = [space.variant(base, study.ask()) for _ in range(20)]
    assert base not in others


def test_a_base_outside_the_space_widens_it(quick: Recipe) -> None:
    fields = quick.model_dump(mode="json")
    fields["loop"]["batch_size"] = "full"
    fields["optimiser"]["learning_rate"] = 1.5
    fields["network"] |= {"hidden": [300, 7], "dropout": [0.5, 0.5], "batch_norm_bias": -1.0}
    base = Recipe.model_validate(fields)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    study.enqueue_trial(space.as_parameters(base))
    assert space.variant(base, study.ask()) == base
    assert "full" in {space.variant(base, study.ask()).loop.batch_size for _ in range(30)}


def test_no_variant_has_a_rate_below_the_one_that_its_schedule_ends_at(quick: Recipe) -> None:
    fields = quick.model_dump(mode="json")
    fields["schedule"] = {"name": "cosine", "minimum_rate": 0.04}
    base = Recipe.model_validate(fields)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    assert all(space.variant(base, study.ask()).optimiser.learning_rate > 0.04 for _ in range(30))


def test_an_output_that_cannot_be_written_is_refused_before_the_search(tmp_path: Path, short: Path) -> None:
    database = tmp_path / "search.db"
    for output in (tmp_path / "no" / "best.toml", tmp_path):
        with pytest.raises(OutputError) as raised:
            search.run(SOURCES, Stored(f"sqlite:///{database}", 1), short, output)
        assert raised.value.exit_code == 51
    assert not database.exists()


def test_the_result_is_shown_before_it_is_written(
    first: tuple[Found, str],
    storage: str,
    short: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(*_: object) -> None:
        raise OutputError(tmp_path, "No space left on device")

    monkeypatch.setattr(search, "write", full)
    with pytest.raises(OutputError):
        search.run(SOURCES, Stored(storage, 1), short, tmp_path / "best.toml")
    assert capsys.readouterr().out.startswith("Finished trials:")
