"""Learn from some rows, and answer others that were not learned from."""

import math
import warnings
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pricerange.phone import LABELS
from training.data import LabelledPhones
from training.fit.device import find_device, reproducible
from training.fit.examples import Examples, bootstrap
from training.fit.history import Epoch, History
from training.fit.loop import fit
from training.fit.pretraining import pretrain
from training.fit.pruning import earning_inputs
from training.network.initialise import initialise
from training.network.mlp import Mlp
from training.network.network import Bagged, Network, PhoneModel
from training.network.preprocess import Preprocess
from training.quality import unknown
from training.quality.calibrate import Calibration, calibrate
from training.quality.unknown import HeldOut, Pattern
from training.recipe.recipe import Recipe
from training.split import Folds, Indices

_LEAST_BATCH = 3
"""Rows of a batch, of which batch normalisation needs the variance."""


def learn(  # noqa: PLR0913, PLR0917
    phones: LabelledPhones,
    training: Indices,
    validation: Indices,
    choices: Recipe,
    on_epoch: Callable[[Epoch], None],
    device: str = "cpu",
) -> tuple[PhoneModel, History]:
    """Train a network on the training rows, stopped by the validation rows; no other row is looked at.

    Where the recipe prunes, a first network tells which inputs to do without, and its history is forgotten.
    Of networks that answer together, the history is the first one's.

    `device` is where the network learns, `cpu` or `cuda`; the model comes back on the CPU. Raises
    `DeviceError`, `ScheduleError`, `PretrainingError` or `DivergedError`.
    """
    where = find_device(device)
    features, price_range = torch.from_numpy(phones.features), torch.from_numpy(phones.price_range)
    preprocess = Preprocess(features[training], choices.preprocess)
    learned, held_out = (
        Examples(preprocess(features[rows]).to(where), price_range[rows].to(where))
        for rows in (training, validation)
    )

    def fitted(kept: Tensor | None, member: int | None = None) -> tuple[Network, History]:
        with reproducible((choices.seed + (member or 0)) % 2**32, where):
            network = Network(preprocess.outputs, choices.network, choices.head)
            initialise(network, choices.initialisation)
            if kept is not None:
                network.keep_inputs(kept.cpu())
            network.to(where)
            part = learned if member is None else bootstrap(learned)
            if isinstance(network.body, Mlp):
                pretrain(network.body, part.features, choices)
            return network, fit(network, part, held_out, choices, on_epoch)

    kept = earning_inputs(fitted(None)[0], learned, choices.pruning) if choices.pruning else None
    if choices.bagging is None:
        network, history = fitted(kept)
        return PhoneModel(preprocess, network.cpu()).eval(), history
    members = [fitted(kept, number) for number in range(choices.bagging.networks)]
    bagged = Bagged([network.cpu() for network, _ in members])
    return PhoneModel(preprocess, bagged).eval(), members[0][1]


def calibrated(
    model: PhoneModel, phones: LabelledPhones, validation: Indices, choices: Recipe
) -> Calibration:
    """Calibrate a model by the validation rows."""
    with reproducible(choices.seed):
        return calibrate(
            model,
            torch.from_numpy(phones.features[validation]),
            torch.from_numpy(phones.price_range[validation]),
        )


def answers(model: PhoneModel, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Answer phones float32 [n, 20] with probabilities float32 [n, 4]."""
    with torch.no_grad():
        probabilities: npt.NDArray[np.float32] = model(torch.from_numpy(features))[0].numpy()
    return probabilities


def out_of_fold(  # noqa: PLR0913, PLR0917
    phones: LabelledPhones,
    folds: Folds,
    choices: Recipe,
    batches: int,
    device: str = "cpu",
    patterns: Sequence[Pattern] = (),
) -> HeldOut:
    """Answer n rows, each by a network that has learned from other folds of them.

    Each is trained and calibrated as the recipe says, in as many `batches` an epoch as the network whose sets
    are made: a schedule counts them. Where the features of one of the `patterns` are unknown, phones that the
    network has learned from lend their values. Raises what `learn` raises.
    """
    rows = folds.rows
    probabilities = np.empty((len(rows), len(LABELS)), np.float32)
    averages = np.full((len(patterns), *probabilities.shape), np.nan, np.float32)
    network = np.empty(len(rows), np.int64)
    asked = unknown.asked_for(len(rows), patterns, choices.seed)
    for number, (training, validation, held_out) in enumerate(folds.parts):
        size = max(math.ceil(len(training) / batches), _LEAST_BATCH)
        loop = choices.loop.model_copy(update={"batch_size": size})
        choices = choices.model_copy(update={"loop": loop})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whoever trains by this recipe has been warned
            model, _ = learn(phones, training, validation, choices, lambda _: None, device)
        calibrated(model, phones, validation, choices)
        probabilities[held_out] = answers(model, phones.features[rows[held_out]])
        network[held_out] = number
        if patterns:
            some = held_out[asked[held_out]]
            lenders = unknown.background(phones, training, choices.seed)
            with reproducible(choices.seed):
                averages[:, some] = unknown.averaged(
                    partial(answers, model), lenders, phones.features[rows[some]], patterns
                )
    return HeldOut(probabilities, averages, network)
