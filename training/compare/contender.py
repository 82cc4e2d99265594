"""Something that learns from phones and answers others: a recipe, many networks of it, or a baseline."""

import time
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pricerange.answer.prediction_sets import PredictionSets
from pricerange.phone import LABELS
from training.data import LabelledPhones
from training.learn import answers, calibrated, learn
from training.quality.coverage import Coverage, coverage
from training.recipe.recipe import Recipe
from training.split import Indices, two_ways

_SEEDS_OF_FOLDS = 10_000
"""More than there are folds, each of which has a seed."""


@dataclass(frozen=True, slots=True)
class FoldAnswers:
    """Price ranges int64 [n], and what else a contender gave.

    `probabilities` are float32 [n, 4] where it knows any, `coverage` that of its prediction sets by level
    where it makes them; `seconds` is what learning and answering took.
    """

    price_range: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float32] | None
    coverage: dict[str, Coverage] | None
    seconds: float


class Contender(Protocol):
    """Learns anew for each fold; travels to other processes by pickle."""

    @property
    def name(self) -> str:
        """What a table calls it."""

    def answer(self, phones: LabelledPhones, training: Indices, test: Indices, number: int) -> FoldAnswers:
        """Learn from the training rows alone, answer the test rows; the fold's number seeds."""


@dataclass(frozen=True, slots=True)
class ByRecipe:
    """The network of a recipe, calibrated, as `pricerange train` makes it."""

    name: str
    recipe: Recipe

    def answer(self, phones: LabelledPhones, training: Indices, test: Indices, number: int) -> FoldAnswers:
        """Take the rows that stop and calibrate the network out of the training rows."""
        start = time.perf_counter()
        choices = self.recipe.model_copy(update={"seed": (self.recipe.seed + number) % 2**32})
        learned, validation = two_ways(
            training,
            phones.price_range,
            choices.split.validation,
            choices.seed,
            shuffle=choices.split.shuffle,
            among="outside of a fold",
        )
        model, _ = learn(phones, learned, validation, choices, lambda _: None)
        calibrated(model, phones, validation, choices)
        # the few validation rows, lest a fold be many
        sets = PredictionSets.measured(
            answers(model, phones.features[validation]), phones.price_range[validation]
        )
        probabilities = answers(model, phones.features[test])
        covered = coverage(probabilities, phones.price_range[test], sets)
        return FoldAnswers(probabilities.argmax(axis=1), probabilities, covered, time.perf_counter() - start)


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Networks of a recipe, each by a seed and with validation rows of its own; answers are averaged."""

    name: str
    recipe: Recipe
    members: int

    def answer(self, phones: LabelledPhones, training: Indices, test: Indices, number: int) -> FoldAnswers:
        """Let each member learn and answer as `ByRecipe` does."""
        # in float32, ten times a tenth can be more than 1
        total, seconds = np.zeros((len(test), len(LABELS))), 0.0
        for member in range(self.members):
            # far from the seeds of other folds
            seed = (self.recipe.seed + _SEEDS_OF_FOLDS * member) % 2**32
            one = ByRecipe(self.name, self.recipe.model_copy(update={"seed": seed}))
            answered = one.answer(phones, training, test, number)
            assert answered.probabilities is not None
            total += answered.probabilities
            seconds += answered.seconds
        probabilities = (total / self.members).astype(np.float32)
        return FoldAnswers(probabilities.argmax(axis=1), probabilities, None, seconds)
