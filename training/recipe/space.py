"""What a search may change about a recipe, and how far."""

import math
from dataclasses import dataclass, replace
from typing import Any

from optuna.trial import BaseTrial

from training.recipe.recipe import Recipe


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

    def around(self, value: float) -> "Between":
        """Widen the bounds as far as the value."""
        return replace(self, low=min(self.low, value), high=max(self.high, value))


@dataclass(frozen=True, slots=True)
class OneOf:
    """A few values."""

    values: tuple[int | str, ...]

    def suggest(self, trial: BaseTrial, name: str) -> Any:
        """Take the value that the study wants tried next."""
        return trial.suggest_categorical(name, self.values)

    def __contains__(self, value: int | str) -> bool:
        return value in self.values

    def around(self, value: int | str) -> "OneOf":
        """Add the value, unless it is there."""
        return self if value in self.values else OneOf((*self.values, value))


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
what it switches off by a 0 that the space does not hold stays off. The recipe's own value is always one of
those that are tried.

What a run costs, its epochs and its number of blocks, stays as the recipe says.
"""


_SWITCHES = {"network.batch_norm_bias": "batch_norm", "network.skip_sparsity": "linear_skip"}
"""What a key says nothing without."""
_FIXED = {"network.hidden.*": "residual"}
"""What leaves a key no choice of its own: residual blocks have one width."""


def variant(base: Recipe, trial: BaseTrial) -> Recipe:
    """Make the recipe that a trial asks for."""
    fields = base.model_dump(mode="json")
    for name, (holder, key) in _places(fields).items():
        holder[key] = _allowed(name, holder[key], fields).suggest(trial, name)
    return Recipe.model_validate(fields)


def as_parameters(base: Recipe) -> dict[str, Any]:
    """Name the base's own values as a trial would: a study can start there."""
    return {name: holder[key] for name, (holder, key) in _places(base.model_dump(mode="json")).items()}


def _allowed(name: str, own: Any, fields: dict[str, Any]) -> Between | OneOf:
    """Return what the space holds for a key of a recipe, and the recipe's own value."""
    allowed = SPACE[_pattern(name)]
    if name == "optimiser.learning_rate" and isinstance(allowed, Between):
        # the rate has to be above the one that the schedule ends at
        above = math.nextafter(fields["schedule"].get("minimum_rate", 0.0), math.inf)
        low = max(allowed.low, above)
        allowed = replace(allowed, low=low, high=max(allowed.high, low))
    return allowed.around(own)


def _places(fields: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Find where each key of the space stands in a recipe's fields."""
    places: dict[str, tuple[Any, Any]] = {}
    for pattern, allowed in SPACE.items():
        section, key, *each = pattern.split(".")
        holder = fields[section]
        if key not in holder or (holder[key] == 0 and 0 not in allowed):
            continue
        if pattern in _SWITCHES and not holder[_SWITCHES[pattern]]:
            continue
        if pattern in _FIXED and holder.get(_FIXED[pattern]):
            continue
        if each and isinstance(holder[key], list):
            places.update({f"{section}.{key}.{at}": (holder[key], at) for at in range(len(holder[key]))})
        elif not each:
            places[pattern] = holder, key
    return places


def _pattern(name: str) -> str:
    section, key, *each = name.split(".")
    return ".".join([section, key, *("*" for _ in each)])
