"""Learn the price range from a table of phones and write a model version."""

from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console

from pricerange import bundle
from pricerange.phone import FEATURE_NAMES, LABELS
from training import card, data, recipe
from training.data import LabelledPhones
from training.evaluate import evaluate
from training.export import export, prove_equal
from training.history import Epoch, History
from training.loop import Part, fit, reproducible
from training.network import Network, PhoneModel, Standardise
from training.passport import passport
from training.progress import shown
from training.recipe import Recipe
from training.run import Run
from training.split import Rows, three_ways


def train(source: str, models: Path, recipe_file: Path | None = None, console: Console | None = None) -> Path:
    """Train by a recipe, the shipped one if none is named, and return the folder of the new version.

    `source` is a file with the 20 features and `price_range`, or `synthetic[:ROWS]`. What the run says goes
    to `console`, standard error if none is given. The same recipe and data give the same bytes of model.onnx.

    Raises the errors of `pricerange.table` and of `training.errors`; then no version was written, nor is it
    when the run is killed.
    """
    choices = recipe.read(recipe_file or recipe.DEFAULT)
    phones = data.load(source)
    parts = three_ways(phones.price_range, choices.split, choices.seed)
    with shown(choices.loop.epochs, console or Console(stderr=True)) as on_epoch:
        model, history = learn(phones, parts.training, parts.validation, choices, on_epoch)
    graph = export(model, _metadata(phones))
    answers = prove_equal(model, graph, phones.features)
    evaluation = evaluate(phones.price_range[parts.test], answers.price_range[parts.test])
    run = Run(choices, phones, parts, model, history, graph, answers, evaluation)
    return bundle.write(models, graph, passport(run), card.documents(run))


def learn(
    phones: LabelledPhones,
    training: Rows,
    validation: Rows,
    choices: Recipe,
    on_epoch: Callable[[Epoch], None],
) -> tuple[PhoneModel, History]:
    """Train a network on the training rows, stopped by the validation rows; no other row is looked at."""
    features, price_range = torch.from_numpy(phones.features), torch.from_numpy(phones.price_range)
    with reproducible(choices.seed):
        standardise = Standardise(features[training])
        network = Network(choices.network)
        learned, held_out = (
            Part(standardise(features[rows]), price_range[rows]) for rows in (training, validation)
        )
        history = fit(network, learned, held_out, choices, on_epoch)
    return PhoneModel(standardise, network).eval(), history


def _metadata(phones: LabelledPhones) -> dict[str, str]:
    return {
        "features": ",".join(FEATURE_NAMES),
        "labels": ",".join(LABELS),
        "training_data_sha256": phones.sha256,
    }
