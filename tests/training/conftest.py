"""A quick recipe and the phones to train on."""

from pathlib import Path

import pytest

from training import data
from training.data import LabelledPhones
from training.recipe import recipe
from training.recipe.recipe import Recipe


@pytest.fixture(scope="session")
def quick(recipe_file: Path) -> Recipe:
    return recipe.read(recipe_file)


@pytest.fixture(scope="session")
def phones() -> LabelledPhones:
    return data.generate(400)
