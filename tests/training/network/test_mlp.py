"""The blocks of a multilayer perceptron."""

import torch
from torch import nn

from training.network.mlp import Mlp, Residual
from training.network.network import Network
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


def test_a_maxout_block_has_a_linear_function_for_each_piece(quick: Recipe) -> None:
    body = mlp(quick, activation="maxout", maxout_pieces=3)
    linear, norm, *_ = body.blocks
    assert isinstance(linear, nn.Linear)
    assert isinstance(norm, nn.BatchNorm1d)
    assert (linear.out_features, norm.num_features) == (3 * 16, 3 * 16)
    assert body(torch.randn(4, 20)).shape == (4, 8)


def test_each_block_has_its_own_activation() -> None:
    choices = sections.Mlp(
        name="mlp", hidden=[3, 2, 2], activation=["sigmoid", "relu", "softmax"], dropout=[0.0] * 3
    )
    body = Mlp(3, choices)
    kinds = [type(layer.activation) for layer in body.layers]
    assert kinds == [nn.Sigmoid, nn.ReLU, nn.Softmax]
    assert [layer.nonlinearity for layer in body.layers] == choices.activation
    torch.testing.assert_close(body.eval()(torch.randn(5, 3)).sum(dim=1), torch.ones(5))


def test_a_residual_block_adds_what_comes_in_to_what_the_block_makes_of_it() -> None:
    choices = sections.Mlp(
        name="mlp", hidden=[4, 4, 4], activation="relu", dropout=[0.0] * 3, batch_norm=False, residual=True
    )
    body, rows = Mlp(20, choices), torch.randn(6, 20)
    assert [isinstance(part, Residual) for part in body.blocks] == [False] * 3 + [True] * 2
    first, second, third = (layer.module for layer in body.layers)
    after_one = first(rows).relu()
    after_two = after_one + second(after_one).relu()
    torch.testing.assert_close(body(rows), after_two + third(after_two).relu())


def test_stages_are_the_blocks_one_after_the_other(quick: Recipe) -> None:
    body, rows = mlp(quick).eval(), torch.randn(6, 20)
    assert [(before, after) for _, before, after in body.stages] == [(20, 16), (16, 8)]
    hidden = rows
    for block, _, _ in body.stages:
        hidden = block(hidden)
    torch.testing.assert_close(hidden, body(rows))
