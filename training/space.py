"""What a search may change about a recipe, and how far."""

from dataclasses import dataclass
from typing import Any

from optuna.trial import BaseTrial

from training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Between:
    """Numbers between two bounds, by their size where `log` is set."""

    low: float
    high: float
    log: bool = False

    def suggest(self, trial: BaseTrial, name: str) -> Any:
        """Take the number that the study wants tried next."""
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class OneOf:
    """A few values."""

    values: tuple[int, ...]

    def suggest(self, trial: BaseTrial, name: str) -> Any:
        """Take the value that the study wants tried next."""
        return trial.suggest_categorical(name, self.values)

    def __contains__(self, value: float) -> bool:
        return value in self.values


SPACE: dict[str, Between | OneOf] = {
    "network.hidden.*": OneOf((16, 32, 64, 128)),
    "network.dropout.*": Between(0, 0.2),
    "network.batch_norm_bias": Between(0, 4),
    "network.input_sparsity": Between(1e-3, 1, log=True),
    "network.skip_sparsity": Between(1e-3, 0.3, log=True),
    "optimiser.learning_rate": Between(3e-3, 0.15, log=True),
    "optimiser.weight_decay": Between(1e-4, 0.3, log=True),
    "schedule.warm_up": Between(0.1, 0.6),
    "loop.batch_size": OneOf((100, 200, 400)),
}
"""By the key in the recipe; `*` is each item of a list. A recipe without a key is searched without it, and
what it switches off by a 0 that the space does not hold stays off.

What a run costs, its epochs and its number of blocks, stays as the recipe says.
"""


def variant(base: Recipe, trial: BaseTrial) -> Recipe:
    """Make the recipe that a trial asks for."""
    fields = base.model_dump(mode="json")
    for name, (holder, key) in _places(fields).items():
        holder[key] = SPACE[_pattern(name)].suggest(trial, name)
    return Recipe.model_validate(fields)


def as_parameters(base: Recipe) -> dict[str, Any]:
    """Name the base's own values as a trial would, those that the space holds: a study can start there."""
    places = _places(base.model_dump(mode="json"))
    own = {name: holder[key] for name, (holder, key) in places.items()}
    return {name: value for name, value in own.items() if value in SPACE[_pattern(name)]}


def _places(fields: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Find where each key of the space stands in a recipe's fields."""
    places: dict[str, tuple[Any, Any]] = {}
    for pattern, allowed in SPACE.items():
        section, key, *each = pattern.split(".")
        holder = fields[section]
        if key not in holder or (holder[key] == 0 and 0 not in allowed):
            continue
        if each and isinstance(holder[key], list):
            places.update({f"{section}.{key}.{at}": (holder[key], at) for at in range(len(holder[key]))})
        elif not each:
            places[pattern] = holder, key
    return places


def _pattern(name: str) -> str:
    section, key, *each = name.split(".")
    return ".".join([section, key, *("*" for _ in each)])
