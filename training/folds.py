"""How good a recipe is on phones it has not seen: repeated stratified folds, beside a baseline."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.data import LabelledPhones
from training.recipe import Recipe
from training.split import Rows, two_ways
from training.train import learn

Predict = Callable[[Rows, Rows, int], npt.NDArray[np.int64]]
"""Learn from the rows of a fold's training part, answer those of its test part; the fold's number seeds."""


@dataclass(frozen=True, slots=True)
class Score:
    """Accuracy of one model in each fold, in the order of the folds."""

    accuracies: list[float]

    @property
    def mean(self) -> float:
        """Mean accuracy of the folds."""
        return float(np.mean(self.accuracies))

    @property
    def standard_error(self) -> float:
        """Standard error of the mean, the folds taken as independent."""
        return float(np.std(self.accuracies, ddof=1) / len(self.accuracies) ** 0.5)


def score(phones: LabelledPhones, predict: Predict, folds: int, repeats: int, seed: int) -> Score:
    """Measure a model on the same folds for the same seed, whatever the model."""
    splitter = RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=seed)
    accuracies = []
    for number, (training, test) in enumerate(splitter.split(phones.features, phones.price_range)):
        answered = predict(training, test, number)
        accuracies.append(float(np.mean(answered == phones.price_range[test])))
    return Score(accuracies)


def recipe_on(phones: LabelledPhones, choices: Recipe) -> Predict:
    """Train by a recipe; the rows that stop it early are taken from the fold's training part."""

    def predict(training: Rows, test: Rows, number: int) -> npt.NDArray[np.int64]:
        seeded = choices.model_copy(update={"seed": choices.seed + number})
        learned, validation = two_ways(training, phones.price_range, choices.split.validation, seeded.seed)
        model, _ = learn(phones, learned, validation, seeded, lambda _: None)
        with torch.no_grad():
            answered: npt.NDArray[np.int64] = model(torch.from_numpy(phones.features[test]))[1].numpy()
        return answered

    return predict


def logistic_regression_on(phones: LabelledPhones) -> Predict:
    """Fit standardised logistic regression, C = 100, on the fold's whole training part."""

    def predict(training: Rows, test: Rows, number: int) -> npt.NDArray[np.int64]:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=100, max_iter=10_000))
        model.fit(phones.features[training], phones.price_range[training])
        answered: npt.NDArray[np.int64] = model.predict(phones.features[test])
        return answered

    return predict
