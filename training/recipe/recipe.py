"""A recipe: every choice of a training run by its name, read from a TOML file."""

import tomllib
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError, model_validator

from pricerange.refusal import translated
from training.errors import RecipeError, RecipeFileError
from training.recipe import possible, sections
from training.recipe.sections import Mlp, Section

FOLDER = Path(__file__).parents[2] / "recipes"
"""The shipped recipes: beside the package `training` in the repository and in an installed wheel."""
DEFAULT = FOLDER / "phone_price_range.toml"


class Recipe(Section):
    """Every choice of a training run."""

    seed: int = Field(ge=0, lt=2**32)
    split: sections.Split
    preprocess: sections.Preprocess = sections.Preprocess()
    augmentation: sections.Augmentation = sections.Augmentation()
    network: sections.Network
    initialisation: sections.Initialisation = sections.ByRule(name="auto")
    head: sections.Head
    optimiser: sections.Optimiser
    schedule: sections.Schedule
    pretraining: sections.Pretraining | None = None
    loop: sections.Loop
    bagging: sections.Bagging | None = None
    sets: sections.Sets = sections.Sets()

    @property
    def pruning(self) -> float:
        """The price of an input, 0 where all are kept."""
        return self.network.pruning if isinstance(self.network, Mlp) else 0.0

    @property
    def networks(self) -> int:
        """How many networks answer together."""
        return self.bagging.networks if self.bagging else 1

    @property
    def fits(self) -> int:
        """How often a network is fitted: those that answer, and where inputs are left out, one with all."""
        return bool(self.pruning) + self.networks

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        possible.check(self)
        return self


def read(path: Path) -> Recipe:
    """Read a recipe. Raises `RecipeFileError` where there is none, `RecipeError` on an impossible choice."""
    try:
        return Recipe.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise RecipeFileError(path, error.strerror or str(error)) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeFileError(path, str(error)) from error
    except ValidationError as error:
        # a misspelt key is also a missing one: the unknown key says more
        details = min(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
        raise RecipeError(path, *translated(details, Recipe)) from error
