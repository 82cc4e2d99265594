"""A recipe: every choice of a training run by its name, read from a TOML file."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from training.errors import RecipeError, RecipeFileError

Activation = Literal["relu"]
Head = Literal["softmax", "ordinal"]
OptimiserName = Literal["adamw"]
ScheduleName = Literal["one_cycle"]

FOLDER = Path(__file__).parent.parent / "recipes"
"""The shipped recipes: beside the package `training` in the repository and in an installed wheel."""
DEFAULT = FOLDER / "phone_price_range.toml"

Share = Annotated[float, Field(gt=0, lt=1)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Strength = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Dropout = Annotated[float, Field(ge=0, lt=1)]
Width = Annotated[int, Field(ge=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Split(_Section):
    """Shares of the rows; the rest is the training part."""

    validation: Share = Field(description="Rows that early stopping looks at")
    test: Share = Field(description="Rows that nothing looks at before the evaluation")

    @model_validator(mode="after")
    def _leaves_rows_to_train_on(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test must leave a share of the rows to train on")
        return self


class Network(_Section):
    """Blocks of Linear -> BatchNorm1d -> activation -> Dropout, then a head."""

    hidden: list[Width] = Field(min_length=1, description="Width of each block")
    activation: Activation
    dropout: list[Dropout] = Field(description="Dropout probability of each block")
    batch_norm_bias: float = Field(
        allow_inf_nan=False,
        description="Where the biases of batch normalisation start: from about 3 on, every ReLU starts open",
    )
    head: Head

    @model_validator(mode="after")
    def _one_dropout_a_block(self) -> Self:
        if len(self.dropout) != len(self.hidden):
            raise ValueError(
                f"dropout needs one probability for each of the {len(self.hidden)} hidden widths"
            )
        return self


class Optimiser(_Section):
    """How a gradient becomes a step."""

    name: OptimiserName
    learning_rate: Rate = Field(description="The schedule's highest rate")
    weight_decay: Strength


class Schedule(_Section):
    """The learning rate's way through the run."""

    name: ScheduleName
    warm_up: Share = Field(description="Share of the steps in which the rate rises")


class Loop(_Section):
    """How long and in what pieces."""

    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=2, description="Batch normalisation needs two rows at least")
    patience: int = Field(
        ge=1, description="Epochs without a validation loss near the lowest that end the run early"
    )
    input_sparsity: Strength = Field(
        description="Weight of the group-sparsity penalty on the first layer's input columns"
    )


class Recipe(_Section):
    """Every choice of a training run."""

    seed: int = Field(ge=0, lt=2**32)
    split: Split
    network: Network
    optimiser: Optimiser
    schedule: Schedule
    loop: Loop


def read(path: Path) -> Recipe:
    """Read a recipe. Raises `RecipeFileError` where there is none, `RecipeError` on an impossible choice."""
    try:
        return Recipe.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeFileError(path, str(error)) from error
    except ValidationError as error:
        # a misspelt key is also a missing one: the unknown key says more
        details = min(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
        raise RecipeError(path, *_translated(details)) from error


def _translated(error: ErrorDetails) -> tuple[str, str, str]:
    """Say field, expected and found of an error of pydantic."""
    field = ".".join(map(str, error["loc"]))
    match error["type"]:
        case "extra_forbidden":
            known = ", ".join(_section_at(error["loc"][:-1]).model_fields)
            return field, f"one of the known keys: {known}", "an unknown key"
        case "missing":
            return field, "a value", "none"
        case "literal_error":
            return field, f"one of {error['ctx']['expected']}", repr(error["input"])
        case "value_error":
            return field, str(error["ctx"]["error"]), repr(error["input"])
        case _:
            expected = error["msg"].removeprefix("Input should be ")
            return field, expected[:1].lower() + expected[1:], repr(error["input"])


def _section_at(location: tuple[int | str, ...]) -> type[BaseModel]:
    section: type[BaseModel] = Recipe
    for key in location:
        annotation = section.model_fields[str(key)].annotation
        assert isinstance(annotation, type)
        section = annotation
    return section
