"""The network's parts against their definitions."""

from collections.abc import Callable

import pytest
import torch

from training.network.network import Bagged, Network
from training.recipe import sections
from training.recipe.recipe import Recipe

MLP = sections.Mlp(name="mlp", hidden=[4], activation="relu", dropout=[0.0], batch_norm=False)
LSTM = sections.Lstm(name="lstm", hidden=3)


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


@pytest.mark.parametrize("body", [MLP, LSTM], ids=["mlp", "lstm"])
def test_l1_penalty_is_the_sum_of_the_sizes_of_all_weights_but_the_biases(
    quick: Recipe, body: sections.Network
) -> None:
    network = Network(20, body.model_copy(update={"l1": 0.5}), quick.head)
    weights = [one for name, one in network.named_parameters() if "weight" in name]
    assert network.penalty().item() == pytest.approx(
        0.5 * sum(one.abs().sum().item() for one in weights), rel=1e-5
    )


def test_networks_side_by_side_answer_with_the_mean_of_their_logits(quick: Recipe) -> None:
    networks = [Network(20, MLP, quick.head).eval() for _ in range(3)]
    bagged = Bagged(networks)
    rows = torch.randn(5, 20)
    torch.testing.assert_close(bagged(rows), sum(network(rows) for network in networks) / 3)
    assert [layer.name for layer in bagged.layers][:3] == [
        "network 1, hidden 1",
        "network 1, head",
        "network 2, hidden 1",
    ]
    assert sum(one.numel() for one in bagged.parameters()) == 3 * sum(
        one.numel() for one in networks[0].parameters()
    )


def test_an_input_is_used_that_one_of_the_networks_uses(quick: Recipe) -> None:
    networks = [Network(20, MLP, quick.head) for _ in range(2)]
    for network, used in zip(networks, (3, 7), strict=True):
        network.keep_inputs(torch.arange(20) == used)
    assert Bagged(networks).used_inputs().nonzero().flatten().tolist() == [3, 7]
