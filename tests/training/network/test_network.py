"""The network's parts against their definitions."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from training.network.network import ACTIVATIONS, Mlp, Network
from training.recipe import sections
from training.recipe.recipe import Recipe


def mlp(quick: Recipe, **changes: object) -> Mlp:
    body = Network(20, quick.network.model_copy(update=changes), quick.head).body
    assert isinstance(body, Mlp)
    return body


def test_blocks_are_linear_batch_norm_activation_dropout_as_the_recipe_says(quick: Recipe) -> None:
    blocks = mlp(quick).blocks
    assert [type(layer) for layer in blocks] == [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Dropout] * 2
    assert [layer.out_features for layer in blocks if isinstance(layer, nn.Linear)] == [16, 8]
    assert [layer.p for layer in blocks if isinstance(layer, nn.Dropout)] == [0.05, 0.0]
    for layer in blocks:
        if isinstance(layer, nn.BatchNorm1d):
            assert (layer.bias == 3.0).all()


def test_blocks_go_without_batch_norm_where_the_recipe_says_so(quick: Recipe) -> None:
    kinds = [type(layer) for layer in mlp(quick, batch_norm=False).blocks]
    assert kinds == [nn.Linear, nn.ReLU, nn.Dropout] * 2


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_the_functions_of_that_name(name: sections.Activation) -> None:
    inputs = torch.linspace(-3, 3, 50)
    expected = {
        "relu": inputs.clamp_min(0),
        "leaky_relu": torch.maximum(inputs, 0.01 * inputs),
        "prelu": torch.maximum(inputs, 0.25 * inputs),
        "tanh": (inputs.exp() - (-inputs).exp()) / (inputs.exp() + (-inputs).exp()),
        "sigmoid": 1 / (1 + (-inputs).exp()),
    }
    torch.testing.assert_close(ACTIVATIONS[name]()(inputs).detach(), expected[name])


def test_linear_skip_lets_the_head_see_the_inputs(quick: Recipe) -> None:
    network = Network(20, quick.network.model_copy(update={"linear_skip": True}), quick.head)
    assert network.head.linear.in_features == 8 + 20
    rows = torch.randn(5, 20)
    torch.testing.assert_close(network.body(rows)[:, 8:], rows)


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        pytest.param({"input_sparsity": 0.5, "skip_sparsity": 0.0}, lambda first, _: 0.5 * first, id="first"),
        pytest.param({"input_sparsity": 0.0, "skip_sparsity": 0.2}, lambda _, skip: 0.2 * skip, id="skip"),
        pytest.param(
            {"input_sparsity": 0.5, "skip_sparsity": 0.2},
            lambda first, skip: 0.5 * first + 0.2 * skip,
            id="both",
        ),
        pytest.param({"input_sparsity": 0.0, "skip_sparsity": 0.0}, lambda *_: 0.0, id="none"),
    ],
)
def test_penalty_weighs_the_sums_of_the_norms_of_the_columns_of_inputs(
    quick: Recipe, choices: dict[str, float], expected: Callable[[float, float], float]
) -> None:
    changed = quick.network.model_copy(update={**choices, "linear_skip": True})
    network = Network(20, changed, sections.Softmax(name="softmax"))
    first = network.layers[0].weights[0]
    skip = network.head.linear.weight[:, 8:]
    norms = (
        sum(weights[:, column].square().sum().sqrt().item() for column in range(20))
        for weights in (first, skip)
    )
    assert network.penalty().item() == pytest.approx(expected(*norms), rel=1e-5)


def test_lstm_reads_the_features_in_their_order_and_answers_with_the_last_state(quick: Recipe) -> None:
    network = Network(20, sections.Lstm(name="lstm", hidden=6, layers=2), quick.head).eval()
    lstm = network.get_submodule("body.lstm")
    rows = torch.randn(3, 20)
    _, (hidden, _) = lstm(rows[:, :, None])
    torch.testing.assert_close(network.body(rows), hidden[-1])
    assert network(rows).shape == (3, 3)
    assert network.penalty().item() == 0


def test_layers_with_weights_go_from_the_input_to_the_head(quick: Recipe) -> None:
    layers = Network(20, quick.network, quick.head).layers
    assert [layer.name for layer in layers] == ["hidden 1", "hidden 2", "head"]
    assert [[tuple(weight.shape) for weight in layer.weights] for layer in layers] == [
        [(16, 20)],
        [(8, 16)],
        [(1, 8)],
    ]
    recurrent = Network(20, sections.Lstm(name="lstm", hidden=6), quick.head).layers
    assert [tuple(weight.shape) for weight in recurrent[0].weights] == [(24, 1), (24, 6)]
