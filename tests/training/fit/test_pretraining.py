"""Layers that learn one by one to restore what comes in."""

import copy

import pytest
import torch
from torch import Tensor, nn

from training.errors import PretrainingError
from training.fit.device import reproducible
from training.fit.pretraining import pretrain
from training.network.mlp import Mlp
from training.recipe.recipe import Recipe
from training.recipe.sections import Pretraining, Sgd

SGD = Sgd(name="sgd", learning_rate=0.1)


def mostly_two_numbers() -> Tensor:
    """Rows of 20 numbers that two numbers make, but for some noise."""
    draw = torch.Generator().manual_seed(1)
    plane = torch.randn(200, 2, generator=draw) @ torch.randn(2, 20, generator=draw)
    return plane / 2 + torch.randn(200, 20, generator=draw) / 2


def body(quick: Recipe) -> Mlp:
    torch.manual_seed(3)
    choices = quick.network.model_copy(
        update={"hidden": [3, 1], "activation": "tanh", "dropout": [0.0, 0.0], "batch_norm_bias": 0.0}
    )
    return Mlp(20, choices)


def unexplained(block: nn.Module, inputs: Tensor) -> float:
    """Return the share of the inputs' variance that no linear layer restores from what the block answers."""
    with torch.no_grad():
        hidden = torch.column_stack([block(inputs), torch.ones(len(inputs))])
    found = torch.linalg.lstsq(hidden, inputs).solution
    return ((hidden @ found - inputs).var() / inputs.var()).item()


def test_each_block_learns_to_keep_what_comes_in(quick: Recipe) -> None:
    rows, untrained = mostly_two_numbers(), body(quick).eval()
    trained = copy.deepcopy(untrained)
    recipe = quick.model_copy(update={"pretraining": Pretraining(epochs=40, learning_rate=0.02)})
    with reproducible(1):
        pretrain(trained, rows, recipe)
    assert not trained.blocks[0].training
    inputs = rows
    for (raw, *_), (learned, *_) in zip(untrained.stages, trained.stages, strict=True):
        assert unexplained(learned, inputs) < 0.8 * unexplained(raw, inputs)
        with torch.no_grad():
            inputs = learned(inputs)


def test_nothing_happens_where_the_recipe_has_none(quick: Recipe) -> None:
    network = body(quick)
    before, state = copy.deepcopy(network.state_dict()), torch.get_rng_state()
    pretrain(network, mostly_two_numbers(), quick)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


def test_weights_held_at_0_stay_so(quick: Recipe) -> None:
    network, kept = body(quick), torch.arange(20) < 5
    network.keep_inputs(kept, torch.zeros(1, 1))
    pretrain(network, mostly_two_numbers(), quick.model_copy(update={"pretraining": Pretraining(epochs=2)}))
    assert torch.equal(network.layers[0].weights[0].detach().any(dim=0), kept)


@pytest.mark.parametrize(("batch_size", "rate"), [(50, 1e6), ("full", 1e30)], ids=["in time", "last step"])
def test_steps_that_lead_out_of_the_numbers_are_an_error_of_the_pretraining(
    quick: Recipe, batch_size: object, rate: float
) -> None:
    loop = quick.loop.model_copy(update={"batch_size": batch_size})
    once = Pretraining(epochs=1, learning_rate=rate)
    recipe = quick.model_copy(update={"pretraining": once, "loop": loop, "optimiser": SGD})
    with (
        reproducible(1),
        pytest.raises(PretrainingError, match=r"block 1 .* far below") as raised,
    ):
        pretrain(body(quick), mostly_two_numbers(), recipe)
    assert (raised.value.block, raised.value.learning_rate, raised.value.exit_code) == (1, rate, 47)
