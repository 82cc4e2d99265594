"""A recipe: every choice of a training run by its name, read from a TOML file."""

import tomllib
import typing
from itertools import pairwise
from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from training.errors import RecipeError, RecipeFileError
from training.recipe import sections
from training.recipe.sections import Cosine, Lstm, Mlp, MultiStep, OneCycle, PiecewiseConstant, Section, Step

FOLDER = Path(__file__).parents[2] / "recipes"
"""The shipped recipes: beside the package `training` in the repository and in an installed wheel."""
DEFAULT = FOLDER / "phone_price_range.toml"


class _ImpossibleError(ValueError):
    """Choices that are each possible and not together."""

    def __init__(self, field: str, expected: str, found: object) -> None:
        super().__init__(field, expected, repr(found))


class Recipe(Section):
    """Every choice of a training run."""

    seed: int = Field(ge=0, lt=2**32)
    split: sections.Split
    preprocess: sections.Preprocess = sections.Preprocess()
    network: sections.Network
    initialisation: sections.Initialisation = sections.ByRule(name="auto")
    head: sections.Head
    optimiser: sections.Optimiser
    schedule: sections.Schedule
    loop: sections.Loop
    sets: sections.Sets = sections.Sets()

    @property
    def pruning(self) -> float:
        """The price of an input, 0 where all are kept."""
        return self.network.pruning if isinstance(self.network, Mlp) else 0.0

    @property
    def fits(self) -> int:
        """How often the network is fitted: with all inputs, and where some are left out, without those."""
        return 2 if self.pruning else 1

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        _check_split(self.split)
        if isinstance(self.network, Mlp):
            _check_blocks(self.network)
            _check_pruning(self.network, self.preprocess)
        _check_batches(self.loop, self.network)
        _check_schedule(self.schedule, self.loop.epochs)
        _check_rates(self.schedule, self.optimiser.learning_rate)
        _check_patience(self.loop)
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
        raise RecipeError(path, *_translated(details)) from error


def _check_split(split: sections.Split) -> None:
    if split.validation + split.test >= 1:
        expected = "shares of validation and test that leave rows for training"
        raise _ImpossibleError("split", expected, [split.validation, split.test])


def _check_blocks(network: Mlp) -> None:
    if len(network.dropout) != len(network.hidden):
        expected = f"one probability for each of the {len(network.hidden)} hidden widths"
        raise _ImpossibleError("network.dropout", expected, network.dropout)
    if network.batch_norm_bias and not network.batch_norm:
        raise _ImpossibleError("network.batch_norm_bias", "0 without batch_norm", network.batch_norm_bias)
    if network.skip_sparsity and not network.linear_skip:
        raise _ImpossibleError("network.skip_sparsity", "0 without linear_skip", network.skip_sparsity)


def _check_pruning(network: Mlp, preprocess: sections.Preprocess) -> None:
    if network.pruning and preprocess.svd is not None:
        raise _ImpossibleError("network.pruning", "0 with svd, which mixes the features", network.pruning)


def _check_batches(loop: sections.Loop, network: Mlp | Lstm) -> None:
    # batches are of nearly the same length: of an odd number of rows in twos, one batch has one row
    if isinstance(network, Mlp) and network.batch_norm and loop.batch_size in (1, 2):
        expected = "'full' or at least 3, since batch_norm needs the variance of a batch"
        raise _ImpossibleError("loop.batch_size", expected, loop.batch_size)


def _check_schedule(schedule: sections.Schedule, epochs: int) -> None:
    """Refuse changes of rate that the run does not live to see."""
    match schedule:
        case Step(step_size=size) if size >= epochs:
            raise _ImpossibleError("schedule.step_size", f"less than the {epochs} epochs", size)
        case MultiStep(milestones=changes):
            _check_changes("schedule.milestones", changes, epochs)
        case PiecewiseConstant(boundaries=changes, factors=factors):
            _check_changes("schedule.boundaries", changes, epochs)
            if len(factors) != len(changes) + 1:
                expected = f"{len(changes) + 1} factors, one more than boundaries"
                raise _ImpossibleError("schedule.factors", expected, factors)


def _check_rates(schedule: sections.Schedule, highest: float) -> None:
    """Refuse a way down that leads up."""
    match schedule:
        case Cosine(minimum_rate=lowest) if lowest >= highest:
            expected = f"less than the learning rate of {highest:g}"
            raise _ImpossibleError("schedule.minimum_rate", expected, lowest)
        case OneCycle(base_momentum=low, max_momentum=high) if low > high:
            expected = f"at most max_momentum, {high:g}"
            raise _ImpossibleError("schedule.base_momentum", expected, low)


def _check_patience(loop: sections.Loop) -> None:
    # as many as the epochs end no run early, and keep the weights of a good epoch in place of the last
    if loop.patience is not None and loop.patience > loop.epochs:
        raise _ImpossibleError("loop.patience", f"at most the {loop.epochs} epochs", loop.patience)


def _check_changes(field: str, changes: list[int], epochs: int) -> None:
    if changes[-1] >= epochs or any(later <= earlier for earlier, later in pairwise(changes)):
        raise _ImpossibleError(field, f"rising numbers below the {epochs} epochs", changes)


def _translated(error: ErrorDetails) -> tuple[str, str, str]:  # noqa: PLR0911
    """Say field, expected and found of an error of pydantic."""
    section, location = _located(error["loc"])
    field = ".".join(location)
    match error["type"]:
        case "extra_forbidden":
            return field, f"one of the known keys: {', '.join(section.model_fields)}", "an unknown key"
        case "missing":
            return field, "a value", "none"
        case "union_tag_invalid":
            return f"{field}.name", f"one of {error['ctx']['expected_tags']}", repr(error["ctx"]["tag"])
        case "union_tag_not_found":
            return f"{field}.name", "a value", "none"
        case "too_short":
            least = error["ctx"]["min_length"]
            return field, f"at least {least} item{'s' if least > 1 else ''}", repr(error["input"])
        case "less_than_equal":
            return field, f"less than or equal to {error['ctx']['le']:g}", repr(error["input"])
        case "literal_error":
            return field, f"one of {error['ctx']['expected']}", repr(error["input"])
        case "value_error":
            field, expected, found = error["ctx"]["error"].args
            return field, expected, found
        case _:
            expected = error["msg"].removeprefix("Input should be ")
            return field, expected[:1].lower() + expected[1:], repr(error["input"])


def _located(location: tuple[int | str, ...]) -> tuple[type[BaseModel], list[str]]:
    """Return the section in which an error lies, and the place as it is written in the file.

    Pydantic's place has the chosen name between a section and its key; the file does not.
    """
    names = [str(key) for key in location]
    field = Recipe.model_fields.get(names[0]) if len(names) > 1 else None
    if field is None:
        return Recipe, names
    if field.discriminator is None:
        return typing.cast("type[BaseModel]", field.annotation), names
    chosen = names.pop(1)
    one: type[BaseModel]
    for one in typing.get_args(field.annotation):
        if chosen in typing.get_args(one.model_fields["name"].annotation):
            return one, names
    raise AssertionError(chosen)
