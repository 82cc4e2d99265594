"""Networks of the shipped recipe that have not learned from what they are asked: 5 folds, some times over."""

import argparse
import os
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from sklearn.model_selection import RepeatedStratifiedKFold

from training import data
from training.data import LabelledPhones
from training.fit.batches import iterations
from training.learn import calibrated, learn
from training.network.network import PhoneModel
from training.recipe import recipe
from training.recipe.recipe import Recipe
from training.split import Folds, Indices, two_ways

GOAL_POINTS = 0.025
"""How far below the promise of its sets a price range may be covered."""
T = TypeVar("T")


class Fold(NamedTuple):
    """A network of a fold, as `pricerange train` makes it of the rows `learned`, and the rows `held_out`."""

    phones: LabelledPhones
    learned: Indices
    held_out: Indices
    choices: Recipe
    training: Indices
    validation: Indices
    model: PhoneModel

    @property
    def batches(self) -> int:
        """Iterations an epoch."""
        return iterations(len(self.training), self.choices.loop.batch_size)

    @property
    def folds(self) -> Folds:
        """The folds that calibrate its prediction sets."""
        return Folds.of(self.learned, self.phones.price_range, self.choices)


def of_each(
    description: str | None, repeats: int, work: Callable[[Fold], T]
) -> tuple[list[T], npt.NDArray[np.int64]]:
    """Read the command line, do the work for each fold, and return what it found.

    With the price ranges int64 [n] of all rows that were held out, fold by fold.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--repeats", type=int, default=repeats)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    wanted = parser.parse_args()
    phones, choices = data.load([wanted.data]), recipe.read(recipe.DEFAULT)
    splitter = RepeatedStratifiedKFold(n_splits=5, n_repeats=wanted.repeats, random_state=choices.seed)
    folds = list(splitter.split(phones.features, phones.price_range))
    found = Parallel(n_jobs=wanted.jobs)(
        delayed(_work)(work, phones, learned, held_out, choices, number)
        for number, (learned, held_out) in enumerate(folds)
    )
    return found, np.concatenate([phones.price_range[held_out] for _, held_out in folds])


def _work(  # noqa: PLR0913, PLR0917
    work: Callable[[Fold], T],
    phones: LabelledPhones,
    learned: Indices,
    held_out: Indices,
    choices: Recipe,
    number: int,
) -> T:
    choices = choices.model_copy(update={"seed": choices.seed + number})
    share = choices.split.validation / (1 - choices.split.test)
    training, validation = two_ways(learned, phones.price_range, share, choices.seed)
    model, _ = learn(phones, training, validation, choices, lambda _: None)
    calibrated(model, phones, validation, choices)
    return work(Fold(phones, learned, held_out, choices, training, validation, model))
