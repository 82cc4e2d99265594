"""Recipes: the shipped ones are read, impossible ones refused with field, expected and found."""

import typing
from pathlib import Path

import pytest

from training import loop, network, recipe
from training.errors import RecipeError, RecipeFileError


def refuse(recipe_file: Path, tmp_path: Path, old: str, new: str) -> RecipeError:
    text = recipe_file.read_text()
    assert old in text
    path = tmp_path / "recipe.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(RecipeError) as raised:
        recipe.read(path)
    assert raised.value.path == path
    return raised.value


def test_every_shipped_recipe_is_read() -> None:
    shipped = sorted(recipe.FOLDER.glob("*.toml"))
    assert recipe.DEFAULT in shipped
    for path in shipped:
        recipe.read(path)


@pytest.mark.parametrize(
    ("old", "new", "field", "expected", "found"),
    [
        pytest.param(
            "epochs =", "epoch =", "loop.epoch", "epochs, batch_size", "unknown key", id="unknown key"
        ),
        pytest.param(
            "[split]", "[spilt]", "spilt", "seed, split, network", "unknown key", id="unknown section"
        ),
        pytest.param("seed = 1", "", "seed", "a value", "none", id="missing key"),
        pytest.param('"relu"', '"rleu"', "network.activation", "'relu'", "'rleu'", id="activation"),
        pytest.param('"ordinal"', '"ord"', "network.head", "'softmax' or 'ordinal'", "'ord'", id="head"),
        pytest.param('"adamw"', '"adamv"', "optimiser.name", "'adamw'", "'adamv'", id="optimiser"),
        pytest.param('"one_cycle"', '"cycle"', "schedule.name", "'one_cycle'", "'cycle'", id="schedule"),
        pytest.param(
            "[0.05, 0.0]", "[1.0, 0.0]", "network.dropout.0", "less than 1", "1.0", id="dropout of 1"
        ),
        pytest.param(
            "[0.05, 0.0]", "[0.05]", "network", "each of the 2 hidden widths", "[16, 8]", id="one dropout"
        ),
        pytest.param("[16, 8]", "[]", "network.hidden", "at least 1 item", "[]", id="no layer"),
        pytest.param(
            "= 0.05\n", "= -0.05\n", "optimiser.learning_rate", "greater than 0", "-0.05", id="rate"
        ),
        pytest.param(
            "= 0.05\n", "= inf\n", "optimiser.learning_rate", "a finite number", "inf", id="infinite"
        ),
        pytest.param(
            "batch_size = 100", "batch_size = 1", "loop.batch_size", "equal to 2", "1", id="batch of 1"
        ),
        pytest.param("epochs = 30", 'epochs = "30"', "loop.epochs", "a valid integer", "'30'", id="text"),
        pytest.param("test = 0.1", "test = 0.95", "split", "to train on", "0.95", id="nothing to train on"),
    ],
)
def test_refuses_an_impossible_choice(
    recipe_file: Path, tmp_path: Path, old: str, new: str, field: str, expected: str, found: str
) -> None:
    error = refuse(recipe_file, tmp_path, old, new)
    assert error.field == field
    assert expected in error.expected
    assert found in error.found


def test_refuses_what_is_no_toml_and_what_is_not_there(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("seed = = 1")
    for path in (broken, tmp_path / "none.toml"):
        with pytest.raises(RecipeFileError, match=path.name):
            recipe.read(path)


@pytest.mark.parametrize(
    ("names", "table"),
    [
        pytest.param(recipe.Activation, network.ACTIVATIONS, id="activations"),
        pytest.param(recipe.Head, network.HEADS, id="heads"),
        pytest.param(recipe.OptimiserName, loop.OPTIMISERS, id="optimisers"),
        pytest.param(recipe.ScheduleName, loop.SCHEDULES, id="schedules"),
    ],
)
def test_every_name_that_a_recipe_may_hold_is_built(names: object, table: dict[str, object]) -> None:
    assert set(typing.get_args(names)) == set(table)
