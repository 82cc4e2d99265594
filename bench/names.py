"""Every name that a recipe may hold, one at a time: `python -m bench.names [--data FILE] [--only SECTION]`.

Trains a small network by each for a few epochs, exports it and asks torch and ONNX Runtime about every row.
Exit code 1 where a probability differs by more than 1e-5.
"""

import argparse
import sys
import time
import typing
import warnings
from collections.abc import Iterator

import numpy as np
import torch

from bench.show.tables import show
from training import data
from training.data import LabelledPhones
from training.export import TOLERANCE, answering, export
from training.fit.batches import iterations
from training.fit.history import History
from training.learn import learn
from training.network import heads
from training.network.initialise import SymmetryWarning
from training.network.network import PhoneModel
from training.recipe import sections
from training.recipe.recipe import Recipe
from training.split import three_ways

Choice = dict[str, object]
"""A section of a recipe, as TOML has it."""

EPOCHS = 5
MLP: Choice = {
    "name": "mlp",
    "hidden": [6, 5],
    "activation": "relu",
    "dropout": [0.1, 0.0],
    "batch_norm": False,
}
BASE: dict[str, Choice] = {
    "split": {"validation": 0.1, "test": 0.1},
    "network": MLP,
    "head": {"name": "ordinal"},
    "optimiser": {"name": "adam", "learning_rate": 0.03},
    "schedule": {"name": "constant"},
    "loop": {"epochs": EPOCHS, "batch_size": 64},
}
"""What a choice is tried with."""

_UNIONS = {
    "initialisation": sections.Initialisation,
    "head": sections.Head,
    "optimiser": sections.Optimiser,
    "schedule": sections.Schedule,
}
_NEEDED: dict[tuple[str, str], Choice] = {
    ("initialisation", "constant"): {"value": 0.1},
    ("initialisation", "per_layer"): {
        "layers": [{"name": "xavier_normal"}, {"name": "normal", "deviation": 0.3}, {"name": "auto"}]
    },
    ("head", "number"): {"loss": "mse"},
    ("schedule", "step"): {"step_size": 1},
    ("schedule", "multistep"): {"milestones": [1]},
    ("schedule", "piecewise_constant"): {"boundaries": [1], "factors": [1.0, 0.1]},
    ("schedule", "exponential"): {"gamma": 0.9},
    ("schedule", "inverse_time"): {"decay_rate": 0.5},
    ("schedule", "one_cycle"): {"warm_up": 0.5},
}
"""What these names cannot do without."""

THREE_LAYERS: dict[str, Choice] = {
    "preprocess": {"svd": 3},
    "network": MLP
    | {"hidden": [3, 2, 2], "activation": ["sigmoid", "relu", "softmax"], "dropout": [0.0, 0.0, 0.0]},
    "initialisation": {
        "name": "per_layer",
        "layers": [
            {"name": "xavier_normal"},
            {"name": "kaiming_normal"},
            {"name": "xavier_uniform"},
            {"name": "auto"},
        ],
    },
}
"""The textbooks' 3-3-2-2: three inputs, a layer of sigmoid, one of ReLU, one of softmax."""


def main() -> None:
    """Print for each name: the loss that it began and ended with, and the largest difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", default="synthetic:400")
    parser.add_argument("--only", help="a section of the recipe")
    wanted = parser.parse_args()
    phones = data.load([wanted.data])
    warnings.simplefilter("ignore", SymmetryWarning)
    tried = [
        (section, _said(section, one), {section: one})
        for section, choices in every_choice().items()
        for one in choices
        if one and one != BASE.get(section) and wanted.only in (None, section)
    ]
    if wanted.only is None:
        tried.append(("network", "3-3-2-2, initialised layer by layer", THREE_LAYERS))
    start, rows, differences = time.perf_counter(), [], []
    for section, said, changes in tried:
        history, difference = trained_and_exported(phones, recipe(changes))
        differences.append(difference)
        first, last = history.epochs[0], history.epochs[-1]
        rows.append((section, said, f"{first.loss:.3f}", f"{last.loss:.3f}", f"{difference:.2g}"))
    head = ("section", "choice", "loss, epoch 1", f"epoch {EPOCHS}", "largest difference")
    show(f"{phones.source}: {len(phones.features):,} rows", head, rows)
    right = sum(difference <= TOLERANCE for difference in differences)
    print(f"\n{right} of {len(rows)} trained, exported and answer within {TOLERANCE:g} of torch; ", end="")
    print(f"the largest difference is {max(differences):.2g}; {time.perf_counter() - start:.0f} s")
    if wanted.only is None:
        show("Figures that can be worked out by hand.", ("figure", "expected", "found"), _by_hand())
    sys.exit(right < len(rows))


def every_choice() -> dict[str, list[Choice | None]]:
    """Return every name at least once, by the section that it stands in; None where there is no section."""
    heads: list[Choice | None] = [
        {"name": "number", "loss": "mae"},
        {"name": "ordinal", "loss": "exponential"},
        {"name": "softmax", "loss": "exponential"},
        {"name": "number", "loss": "smooth_l1"},
        {"name": "number", "loss": "huber", "delta": 0.5},
        {"name": "softmax", "loss": "hinge"},
        {"name": "ordinal", "loss": "hinge"},
        {"name": "number", "loss": "quantile", "quantile": 0.6},
    ]
    return {
        **{section: [*_named(section), *(heads if section == "head" else [])] for section in _UNIONS},
        "network": [
            *(MLP | {"activation": one, "batch_norm": True} for one in typing.get_args(sections.Activation)),
            MLP | {"activation": "maxout", "maxout_pieces": 3},
            MLP | {"activation": ["tanh", "maxout"]},
            MLP | {"hidden": [5, 5], "residual": True},
            MLP | {"linear_skip": True, "skip_sparsity": 0.1},
            MLP | {"input_sparsity": 0.1},
            MLP | {"l1": 0.01},
            {"name": "lstm", "hidden": 5},
            {"name": "lstm", "hidden": 4, "layers": 2, "dropout": 0.2},
            {"name": "lstm", "hidden": 5, "truncation": 4, "l1": 0.01},
        ],
        "preprocess": [{}, {"svd": 3}, {"standardise": False}, {"svd": 20}],
        "augmentation": [{}, {"input_dropout": 0.2}, {"noise": 0.3}],
        "split": [BASE["split"], BASE["split"] | {"shuffle": False}],
        "loop": [
            BASE["loop"] | one
            for one in (
                {"batch_size": 64},
                {"batch_size": 1},
                {"batch_size": "full", "shuffle": False},
                {"batch_size": 100, "ema_decay": 0.9, "patience": 1},
                {"batch_size": 3, "clip_norm": 1.0},
                {"batch_size": 50, "clip_value": 0.1},
            )
        ],
        "pretraining": [{"epochs": 2}, None, None, None],
        "bagging": [None, {"networks": 3}, None],
    }


def _named(section: str) -> Iterator[Choice]:
    for one in typing.get_args(typing.get_args(_UNIONS[section])[0]):
        for name in typing.get_args(one.model_fields["name"].annotation):
            rate: Choice = {"learning_rate": 0.01} if section == "optimiser" else {}
            yield {"name": name} | rate | _NEEDED.get((section, name), {})


def recipe(changes: dict[str, Choice]) -> Recipe:
    """Fill up some sections to a recipe."""
    return Recipe.model_validate({"seed": 1, **BASE, **changes})


def trained_and_exported(phones: LabelledPhones, choices: Recipe) -> tuple[History, float]:
    """Return how a network learned and how far the exported one is from it: a probability, at most."""
    parts = three_ways(phones.price_range, choices.split, choices.seed)
    model, history = learn(phones, parts.training, parts.validation, choices, lambda _: None)
    return history, _difference(model, phones)


def _difference(model: PhoneModel, phones: LabelledPhones) -> float:
    found = answering(export(model, {}))(phones.features).probabilities
    with torch.no_grad():
        expected = model(torch.from_numpy(phones.features))[0].numpy()
    return float(np.abs(found - expected).max())


def _by_hand() -> list[tuple[str, str, str]]:
    logits = torch.tensor([[0.1, 0.7, 0.2, 0.0]]).log()
    cross_entropy = heads.make(1, sections.Softmax(name="softmax")).loss(logits, torch.tensor([1]))
    ten_epochs = 10 * iterations(50_000, 256)
    return [
        ("iterations an epoch, 50,000 rows in batches of 256", "196", str(iterations(50_000, 256))),
        ("... in 10 epochs", "1,960", f"{ten_epochs:,}"),
        ("updates, 100 rows over 50 epochs, in full batches", "50", f"{50 * iterations(100, 'full'):,}"),
        ("... one by one", "5,000", f"{50 * iterations(100, 1):,}"),
        ("... in 5 batches of 20", "250", f"{50 * iterations(100, 20):,}"),
        ("cross-entropy of (0, 1, 0) against (.1, .7, .2)", "0.3567", f"{cross_entropy.item():.4f}"),
    ]


def _said(section: str, choice: Choice) -> str:
    """Name a choice by what distinguishes it."""
    usual = MLP if choice.get("name") == "mlp" else BASE.get(section, {})
    keys = {key: value for key, value in choice.items() if key == "name" or usual.get(key) != value}
    return ", ".join(
        _shown(value) if key == "name" else f"{key} {_shown(value)}" for key, value in keys.items()
    )


def _shown(value: object) -> str:
    if isinstance(value, list):
        return " ".join(str(one["name"] if isinstance(one, dict) else one) for one in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    main()
