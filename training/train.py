"""Learn the price range from a table of phones and write a model version."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from rich.console import Console

from pricerange import bundle
from pricerange.phone import FEATURE_NAMES, LABELS
from pricerange.tables.source.files import AS_USUAL, Reading
from training import data
from training.data import LabelledPhones
from training.export import answering, export, prove_equal
from training.fit.device import find_device, reproducible
from training.fit.history import Epoch, History
from training.fit.loop import Examples, fit, iterations
from training.network.initialise import initialise
from training.network.network import Network, PhoneModel
from training.network.preprocess import Preprocess
from training.progress import shown, summed_up
from training.quality import conformal
from training.quality.calibrate import calibrate
from training.quality.importance import importances
from training.quality.measures import measure
from training.recipe import recipe
from training.recipe.recipe import Recipe
from training.report import card
from training.report.diagnose import diagnose
from training.report.passport import passport
from training.report.run import Run
from training.report.yardstick import yardstick
from training.split import Indices, three_ways


def train(  # noqa: PLR0913, PLR0917
    sources: Sequence[str],
    models: Path,
    recipe_file: Path | None = None,
    console: Console | None = None,
    device: str = "cpu",
    reading: Reading = AS_USUAL,
) -> Path:
    """Train by a recipe, the shipped one if none is named, and return the folder of the new version.

    `sources` are what `data.load` reads. What the run says goes to `console`, standard error if none is
    given. The network learns on the `device` `cpu` or `cuda`; on one kind of device the same recipe and data
    give the same bytes of model.onnx.

    Raises the errors of `pricerange.tables.errors` and of `training.errors`; then no version was written, nor
    is it when the run is killed.
    """
    choices = recipe.read(recipe_file or recipe.DEFAULT)
    console = console or Console(stderr=True)
    phones = data.load(sources, reading, console)
    parts = three_ways(phones.price_range, choices.split, choices.seed)
    batches = iterations(len(parts.training), choices.loop.batch_size)
    with shown(choices.loop.epochs, batches, console) as on_epoch:
        model, history = learn(phones, parts.training, parts.validation, choices, on_epoch, device)
    with reproducible(choices.seed):
        calibration = calibrate(
            model,
            torch.from_numpy(phones.features[parts.validation]),
            torch.from_numpy(phones.price_range[parts.validation]),
        )
    graph = export(model, _metadata(phones))
    answers = prove_equal(model, graph, phones.features)
    tested = answers.probabilities[parts.test], phones.price_range[parts.test]
    evaluation, coverage = measure(*tested), conformal.coverage(*tested, calibration.conformal_quantiles)
    run = Run(
        recipe=choices,
        phones=phones,
        parts=parts,
        model=model,
        history=history,
        diagnosis=diagnose(history, choices, yardstick(phones, parts.training, parts.validation)),
        graph=graph,
        answers=answers,
        evaluation=evaluation,
        calibration=calibration,
        coverage=coverage,
        importances=importances(answering(graph), phones.features[parts.test], tested[1], choices.seed),
    )
    version = bundle.write(models, graph, passport(run), card.documents(run))
    summed_up(run.diagnosis, version, console)
    return version


def learn(  # noqa: PLR0913, PLR0917
    phones: LabelledPhones,
    training: Indices,
    validation: Indices,
    choices: Recipe,
    on_epoch: Callable[[Epoch], None],
    device: str = "cpu",
) -> tuple[PhoneModel, History]:
    """Train a network on the training rows, stopped by the validation rows; no other row is looked at.

    `device` is where the network learns, `cpu` or `cuda`; the model comes back on the CPU. Raises
    `DeviceError`, `ScheduleError` or `DivergedError`.
    """
    where = find_device(device)
    features, price_range = torch.from_numpy(phones.features), torch.from_numpy(phones.price_range)
    with reproducible(choices.seed, where):
        preprocess = Preprocess(features[training], choices.preprocess)
        network = Network(preprocess.outputs, choices.network, choices.head)
        initialise(network, choices.initialisation)
        learned, held_out = (
            Examples(preprocess(features[rows]).to(where), price_range[rows].to(where))
            for rows in (training, validation)
        )
        history = fit(network.to(where), learned, held_out, choices, on_epoch)
    return PhoneModel(preprocess, network.cpu()).eval(), history


def _metadata(phones: LabelledPhones) -> dict[str, str]:
    return {
        "features": ",".join(FEATURE_NAMES),
        "labels": ",".join(LABELS),
        "training_data_sha256": phones.sha256,
    }
