"""Every name that a recipe may hold trains and is exported with the answers that torch gives."""

import typing
from itertools import cycle, islice

import pytest
from corpus import few

from bench.names import MLP, THREE_LAYERS, Choice, every_choice, recipe, trained_and_exported
from training.data import LabelledPhones
from training.export import TOLERANCE
from training.recipe import sections

Changes = dict[str, Choice]


def combined() -> list[Changes]:
    """Name every choice of every section at least once, all sections at a time: an export takes a second."""
    columns = every_choice()
    longest = max(map(len, columns.values()))
    rows = zip(*(islice(cycle(choices), longest) for choices in columns.values()), strict=True)
    return [
        {section: one for section, one in zip(columns, row, strict=True) if one is not None} for row in rows
    ]


def quick(changes: Changes) -> Changes:
    """Keep it to two epochs, and go without what a batch of one row cannot have."""
    loop = {"patience": 2} | changes.get("loop", {"batch_size": 64}) | {"epochs": 2}
    network = changes["network"]
    if loop["batch_size"] == 1 and network["name"] == "mlp":
        network = network | {"batch_norm": False}
    schedule = changes.get("schedule", {"name": "constant"})
    if schedule["name"] == "reduce_on_plateau":
        loop["epochs"] = 3
    return changes | {"loop": loop, "network": network}


def described(changes: Changes) -> str:
    said = [
        changes[section]["name"] for section in ("initialisation", "head", "optimiser", "schedule", "network")
    ]
    activation = changes["network"].get("activation", "")
    return " ".join(
        map(str, [*said, *(activation if isinstance(activation, list) else [activation])])
    ).strip()


@pytest.mark.parametrize("changes", few(8, (pytest.param(one, id=described(one)) for one in combined())))
@pytest.mark.filterwarnings("ignore::training.network.initialise.SymmetryWarning")
def test_trains_and_answers_after_export_as_torch_does(phones: LabelledPhones, changes: Changes) -> None:
    choices = recipe(quick(changes))
    history, difference = trained_and_exported(phones, choices)
    assert len(history.epochs) == choices.loop.epochs
    assert difference <= TOLERANCE


def test_three_layers_of_sigmoid_relu_and_softmax_are_a_recipe(phones: LabelledPhones) -> None:
    choices = recipe(THREE_LAYERS | {"loop": {"epochs": 2, "batch_size": 64}})
    assert isinstance(choices.network, sections.Mlp)
    assert [choices.preprocess.outputs, *choices.network.hidden] == [3, 3, 2, 2]
    assert choices.network.activations == ["sigmoid", "relu", "softmax"]
    _, difference = trained_and_exported(phones, choices)
    assert difference <= TOLERANCE


ASKED_FOR = {
    "initialisation": "kaiming_normal kaiming_uniform xavier_normal xavier_uniform normal uniform constant "
    "zeros ones auto per_layer",
    "head": "softmax ordinal number",
    "optimiser": "sgd momentum nesterov adagrad rmsprop adam adamw",
    "schedule": "constant step multistep piecewise_constant exponential inverse_time cosine one_cycle "
    "reduce_on_plateau",
    "network": "mlp lstm",
}
"""As the standard names go, whatever the tables of the sections say."""


@pytest.mark.parametrize("section", ASKED_FOR)
def test_every_name_that_was_asked_for_is_among_them(section: str) -> None:
    tried = {str(changes[section]["name"]) for changes in combined()}
    own = {"torch_default"} if section == "initialisation" else set()
    assert tried == set(ASKED_FOR[section].split()) | own


@pytest.mark.parametrize(
    ("section", "key", "names"),
    [
        ("network", "activation", "relu leaky_relu prelu tanh sigmoid softmax maxout"),
        ("head", "loss", "mse mae smooth_l1 huber quantile hinge exponential"),
        ("network", "name", "mlp lstm"),
    ],
)
def test_every_activation_and_loss_is_among_them(section: str, key: str, names: str) -> None:
    assert {str(changes[section].get(key)) for changes in combined()} >= set(names.split())


def test_every_key_that_switches_something_on_is_among_them() -> None:
    tried = {(section, key) for changes in combined() for section, one in changes.items() for key in one}
    assert tried >= {
        ("network", "residual"),
        ("network", "truncation"),
        ("network", "l1"),
        ("network", "maxout_pieces"),
        ("augmentation", "input_dropout"),
        ("augmentation", "noise"),
        ("preprocess", "standardise"),
        ("split", "shuffle"),
        ("pretraining", "epochs"),
        ("bagging", "networks"),
    }
    assert {changes["loop"]["batch_size"] for changes in combined()} >= {1, 64, "full"}


def test_the_losses_of_a_head_without_a_choice_are_the_standard_ones() -> None:
    assert sections.Softmax(name="softmax").loss == "cross_entropy"
    assert sections.Ordinal(name="ordinal").loss == "binary_cross_entropy"
    assert {*typing.get_args(sections.Activation)} >= {str(MLP["activation"])}
