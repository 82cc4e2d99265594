"""Every name that a recipe may hold trains and is exported with the answers that torch gives."""

import typing
from itertools import cycle, islice

import numpy as np
import pytest

from training.data import LabelledPhones
from training.export import export, prove_equal
from training.learn import learn
from training.recipe import sections
from training.recipe.recipe import Recipe
from training.split import three_ways

Choice = dict[str, object]

SECTIONS = {
    "initialisation": sections.Initialisation,
    "head": sections.Head,
    "optimiser": sections.Optimiser,
    "schedule": sections.Schedule,
}
NEEDED: dict[tuple[str, str], Choice] = {
    ("initialisation", "constant"): {"value": 0.1},
    ("head", "number"): {"loss": "mse"},
    ("schedule", "step"): {"step_size": 1},
    ("schedule", "multistep"): {"milestones": [1]},
    ("schedule", "piecewise_constant"): {"boundaries": [1], "factors": [1.0, 0.1]},
    ("schedule", "exponential"): {"gamma": 0.9},
    ("schedule", "inverse_time"): {"decay_rate": 0.5},
    ("schedule", "one_cycle"): {"warm_up": 0.5},
}
"""What these names cannot do without."""


def names(union: object) -> list[str]:
    members = typing.get_args(typing.get_args(union)[0])
    return [name for one in members for name in typing.get_args(one.model_fields["name"].annotation)]


def choices_of(section: str) -> list[Choice]:
    found: list[Choice] = []
    for name in names(SECTIONS[section]):
        rate: Choice = {"learning_rate": 0.01} if section == "optimiser" else {}
        found.append({"name": name, **rate, **NEEDED.get((section, name), {})})
    if section == "head":
        found += [{"name": "number", "loss": loss} for loss in ("mae", "smooth_l1")]
    return found


def mlp(activation: str = "relu", **others: object) -> Choice:
    return {"name": "mlp", "hidden": [6, 5], "activation": activation, "dropout": [0.1, 0.0], **others}


NETWORKS: list[Choice] = [
    *(mlp(activation) for activation in typing.get_args(sections.Activation)),
    mlp(batch_norm=False),
    mlp(linear_skip=True, skip_sparsity=0.1),
    mlp(input_sparsity=0.1),
    {"name": "lstm", "hidden": 5},
    {"name": "lstm", "hidden": 4, "layers": 2, "dropout": 0.2},
]
PREPROCESS: list[Choice] = [{}, {"svd": 3}, {"standardise": False}, {"svd": 20}]
LOOPS: list[Choice] = [
    {"batch_size": 64},
    {"batch_size": 1},
    {"batch_size": "full", "shuffle": False},
    {"batch_size": 100, "ema_decay": 0.9, "patience": 1},
    {"batch_size": 3, "clip_norm": 1.0},
    {"batch_size": 50, "clip_value": 0.1},
]


def combined() -> list[dict[str, Choice]]:
    """Name every choice of every section at least once, all sections at a time: an export takes a second."""
    columns = {
        **{section: choices_of(section) for section in SECTIONS},
        "network": NETWORKS,
        "preprocess": PREPROCESS,
        "loop": LOOPS,
    }
    longest = max(map(len, columns.values()))
    rows = zip(*(islice(cycle(choices), longest) for choices in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def described(changes: dict[str, Choice]) -> str:
    activation = changes["network"].get("activation", "")
    said = [str(changes[section]["name"]) for section in (*SECTIONS, "network")]
    return " ".join([*said, str(activation)]).strip()


@pytest.mark.parametrize("changes", [pytest.param(one, id=described(one)) for one in combined()])
@pytest.mark.filterwarnings("ignore::training.network.initialise.SymmetryWarning")
def test_trains_and_answers_after_export_as_torch_does(
    phones: LabelledPhones, quick: Recipe, changes: dict[str, Choice]
) -> None:
    changes = {**changes, "loop": {"patience": 2, **changes["loop"], "epochs": 2}}
    if changes["loop"]["batch_size"] == 1 and changes["network"]["name"] == "mlp":
        changes["network"] = {**changes["network"], "batch_norm": False}
    recipe = Recipe.model_validate({**quick.model_dump(), **changes})
    parts = three_ways(phones.price_range, recipe.split, recipe.seed)
    model, history = learn(phones, parts.training, parts.validation, recipe, lambda _: None)
    assert len(history.epochs) == 2
    answers = prove_equal(model, export(model, {}), phones.features)
    np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1, atol=1e-5)


ASKED_FOR = {
    "initialisation": "kaiming_normal kaiming_uniform xavier_normal xavier_uniform normal uniform constant "
    "zeros ones auto",
    "head": "softmax ordinal number",
    "optimiser": "sgd momentum nesterov adagrad rmsprop adam adamw",
    "schedule": "constant step multistep piecewise_constant exponential inverse_time cosine one_cycle",
    "network": "mlp lstm",
}
"""As the standard names go, whatever the tables of the sections say."""


@pytest.mark.parametrize("section", ASKED_FOR)
def test_every_name_that_was_asked_for_is_among_them(section: str) -> None:
    tried = {str(changes[section]["name"]) for changes in combined()}
    own = {"torch_default"} if section == "initialisation" else set()
    assert tried == set(ASKED_FOR[section].split()) | own


def test_every_activation_and_loss_is_among_them() -> None:
    activations = {str(changes["network"].get("activation")) for changes in combined()}
    assert activations >= {"relu", "leaky_relu", "prelu", "tanh", "sigmoid"}
    losses = {str(changes["head"].get("loss")) for changes in combined()}
    assert losses >= {"mse", "mae", "smooth_l1"}
    assert typing.get_args(sections.Softmax.model_fields["loss"].annotation) == ("cross_entropy",)
    assert {changes["loop"]["batch_size"] for changes in combined()} >= {1, 64, "full"}
    assert {"standardise": False} in [changes["preprocess"] for changes in combined()]
