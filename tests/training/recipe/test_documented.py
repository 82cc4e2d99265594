"""docs/recipes.md names every choice, and its examples are recipes."""

import re
import tomllib
import typing
from pathlib import Path

import pytest
from pydantic import BaseModel

from pricerange.refusal import sections_of
from training.recipe import recipe
from training.recipe.recipe import Recipe

DOCUMENT = (Path(__file__).parents[3] / "docs" / "recipes.md").read_text(encoding="utf-8")
CODE = set(re.findall(r"`([^`]+)`", DOCUMENT))
EXAMPLES = re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)


def words(section: type[BaseModel]) -> set[str]:
    """Return the keys of a section and the names that they may have."""
    found = set(section.model_fields) - {"name"}
    for field in section.model_fields.values():
        texts = (field.annotation, *typing.get_args(field.annotation))
        found |= {one for text in texts for one in typing.get_args(text) if isinstance(one, str)}
    return found


@pytest.mark.parametrize("section", [name for name in Recipe.model_fields if name != "seed"])
def test_every_name_and_key_is_there(section: str) -> None:
    asked = {word for one in sections_of(Recipe.model_fields[section].annotation) for word in words(one)}
    assert asked
    assert {word for word in asked if word not in CODE and f'"{word}"' not in CODE} == set()
    assert f"`[{section}]`" in DOCUMENT


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_is_a_recipe(example: str) -> None:
    textbook = tomllib.loads((recipe.FOLDER / "textbook.toml").read_text(encoding="utf-8"))
    changes = tomllib.loads(example)
    assert changes
    Recipe.model_validate({**textbook, **changes})
