"""The network's parts against their definitions."""

import pytest
import torch
from torch import nn

from training.network import HEADS, Network, OrdinalHead, SoftmaxHead, Standardise
from training.recipe import Recipe


def test_standardise_gives_mean_0_and_deviation_1_and_only_centres_what_never_varies() -> None:
    rows = torch.randn(500, 20) * torch.logspace(-2, 4, 20) + 1_000
    rows[:, 7] = 42.0
    scaled = Standardise(rows)(rows)
    torch.testing.assert_close(scaled.mean(dim=0), torch.zeros(20), atol=1e-2, rtol=0)
    expected = torch.ones(20)
    expected[7] = 0
    torch.testing.assert_close(scaled.std(dim=0, correction=0), expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("name", HEADS)
def test_probabilities_are_never_negative_and_sum_to_1(name: str) -> None:
    head = HEADS[name](8)  # type: ignore[index]
    hidden = torch.randn(1_000, 8) * torch.logspace(-3, 3, 1_000)[:, None]
    probabilities = head.probabilities(head(hidden))
    assert probabilities.shape == (1_000, 4)
    assert (probabilities >= 0).all()
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(1_000), atol=1e-6, rtol=0)


def test_softmax_head_loses_the_cross_entropy() -> None:
    head = SoftmaxHead(8)
    logits, price_range = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 1, 2])
    chosen = head.probabilities(logits)[torch.arange(6), price_range]
    torch.testing.assert_close(head.loss(logits, price_range), -chosen.log())


def test_ordinal_head_loses_the_cumulative_binary_cross_entropy() -> None:
    logits = torch.tensor([[2.0, 0.5, -1.0]])
    above = logits.sigmoid()[0]
    losses = [OrdinalHead(8).loss(logits, torch.tensor([price_range])).item() for price_range in range(4)]
    for price_range, loss in enumerate(losses):
        expected = -above[:price_range].log().sum() - (1 - above[price_range:]).log().sum()
        assert loss == pytest.approx(expected.item(), rel=1e-5)


def test_ordinal_probabilities_are_the_differences_of_the_cumulative_ones() -> None:
    logits = torch.tensor([[2.0, 0.5, -1.0], [30.0, 12.0, -4.0]], dtype=torch.float64)
    above = torch.cat([torch.ones(2, 1), logits.sigmoid(), torch.zeros(2, 1)], dim=1)
    torch.testing.assert_close(OrdinalHead(8).probabilities(logits), above[:, :-1] - above[:, 1:])


def test_ordinal_thresholds_stay_in_order_whatever_is_learned() -> None:
    head = OrdinalHead(8)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.randn_like(parameter) * 3)
    logits = head(torch.randn(100, 8))
    assert (logits.diff(dim=1) <= 0).all()


def test_blocks_are_linear_batch_norm_activation_dropout_as_the_recipe_says(quick: Recipe) -> None:
    network = Network(quick.network)
    kinds = [type(layer) for layer in network.blocks]
    assert kinds == [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Dropout] * 2
    assert [layer.out_features for layer in network.blocks if isinstance(layer, nn.Linear)] == [16, 8]
    assert [layer.p for layer in network.blocks if isinstance(layer, nn.Dropout)] == [0.05, 0.0]
    for layer in network.blocks:
        if isinstance(layer, nn.BatchNorm1d):
            assert (layer.bias == 3.0).all()


def test_input_sparsity_is_the_sum_of_the_norms_of_the_input_columns(quick: Recipe) -> None:
    network = Network(quick.network)
    first = network.blocks[0]
    assert isinstance(first, nn.Linear)
    expected = sum(first.weight[:, column].square().sum().sqrt().item() for column in range(20))
    assert network.input_sparsity().item() == pytest.approx(expected, rel=1e-5)
