"""The parts against numbers worked out by hand, each with its derivation."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from training.fit import optimisers
from training.fit.batches import iterations
from training.fit.device import reproducible
from training.fit.examples import Examples
from training.fit.loop import fit
from training.fit.moving_average import moving_average
from training.network import heads
from training.network.heads import OrdinalHead
from training.network.mlp import Mlp
from training.network.network import Network
from training.recipe import sections
from training.recipe.recipe import Recipe


def sigmoid_network(inputs: int, *widths: int) -> Mlp:
    choices = sections.Mlp(
        name="mlp",
        hidden=list(widths),
        activation="sigmoid",
        dropout=[0.0] * len(widths),
        batch_norm=False,
    )
    return Mlp(inputs, choices)


def softmax_loss(logits: Tensor, price_range: list[int], loss: str = "cross_entropy") -> Tensor:
    choices = sections.Softmax.model_validate({"name": "softmax", "loss": loss})
    return heads.make(8, choices).loss(logits, torch.tensor(price_range))


def test_categorical_cross_entropy() -> None:
    # (-ln .95 - ln .1) / 2 = (.0513 + 2.3026) / 2; logits that are logarithms of probabilities are left as
    # they are by the softmax; the fourth price range has probability 0
    logits = torch.tensor([[0.05, 0.95, 0.0, 0.0], [0.1, 0.8, 0.1, 0.0]]).log()
    losses = softmax_loss(logits, [1, 2])
    assert losses.mean().item() == pytest.approx(1.1769, abs=5e-5)
    # of (0, 1, 0) against (.1, .7, .2), -ln .7
    [loss] = softmax_loss(torch.tensor([[0.1, 0.7, 0.2, 0.0]]).log(), [1])
    assert loss.item() == pytest.approx(-math.log(0.7), rel=1e-6) == pytest.approx(0.3567, abs=5e-5)


def test_binary_cross_entropy() -> None:
    # of 0 against .4 and 1 against .6: -ln .6 both times. The ordinal head sums over its thresholds: price
    # range 1 is above the first, answered with .6, and not the second, answered with .4, nor the third
    logits = torch.tensor([[math.log(0.6 / 0.4), math.log(0.4 / 0.6), -100.0]])
    loss = OrdinalHead(8).loss(logits, torch.tensor([1]))
    assert loss.item() / 2 == pytest.approx(0.5108, abs=5e-5)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        # max(0, 1 - margin), the margins being 2, -.5 and 3 on the right side
        pytest.param("hinge", 1.5, id="hinge: 0 + 1.5 + 0"),
        pytest.param("exponential", math.exp(-2) + math.exp(0.5) + math.exp(-3), id="exponential"),
    ],
)
def test_margin_losses_of_three_thresholds(loss: str, expected: float) -> None:
    # price range 2 is above the first two thresholds, and not above the third
    head = heads.make(8, sections.Ordinal.model_validate({"name": "ordinal", "loss": loss}))
    [found] = head.loss(torch.tensor([[2.0, -0.5, -3.0]]), torch.tensor([2]))
    assert found.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        # the others' logits less the true one, and 1, where that is above 0: .5 + 0 + .2, over 4 classes
        pytest.param("hinge", 0.7 / 4, id="hinge: torch's multi-margin loss"),
        # the mean logit is .55
        pytest.param("exponential", math.exp(0.55 - 1.5), id="exponential"),
    ],
)
def test_margin_losses_of_four_price_ranges(loss: str, expected: float) -> None:
    [found] = softmax_loss(torch.tensor([[1.5, 1.0, -1.0, 0.7]]), [0], loss)
    assert found.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        pytest.param({"loss": "smooth_l1"}, 0.18, id="smooth_l1: .6^2 / 2"),
        pytest.param({"loss": "huber"}, 0.18, id="huber: .6^2 / 2"),
        pytest.param({"loss": "huber", "delta": 0.5}, 0.5 * (0.6 - 0.25), id="huber: delta (.6 - delta / 2)"),
        pytest.param({"loss": "mse"}, 0.36, id="squared: .6^2"),
        pytest.param({"loss": "mae"}, 0.6, id="absolute: .6"),
        pytest.param({"loss": "quantile"}, 0.3, id="median: half the absolute"),
        # one number is .6 too much, the other lacks .6
        pytest.param({"loss": "quantile", "quantile": 0.9}, (0.1 * 0.6 + 0.9 * 0.6) / 2, id="quantile"),
    ],
)
def test_losses_of_a_number(choices: dict[str, object], expected: float) -> None:
    # 0 against .6 and 1 against .4: both are .6 away
    head = heads.make(1, sections.Number.model_validate({"name": "number", **choices}))
    nn.init.ones_(head.linear.weight)
    nn.init.constant_(head.linear.bias, -1.5)
    losses = head.loss(head(torch.tensor([[0.6], [0.4]])), torch.tensor([0, 1]))
    assert losses.mean().item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("choices", "weights"),
    [
        # the gradient of w^2 / 2 is w
        pytest.param(sections.Sgd(name="sgd", learning_rate=0.1), [0.9, 0.81], id="sgd: w - .1 w"),
        # velocity 1, then .9 x 1 + .9: steps .1 and .18
        pytest.param(
            sections.Momentum(name="momentum", learning_rate=0.1, momentum=0.9), [0.9, 0.72], id="momentum"
        ),
        # gradient + .9 x velocity: 1 + .9 = 1.9, then .81 + .9 (.9 + .81) = 2.349: steps .19 and .2349
        pytest.param(
            sections.Momentum(name="nesterov", learning_rate=0.1, momentum=0.9),
            [0.81, 0.81 - 0.2349],
            id="nesterov",
        ),
        # 1 - .1 / sqrt(.1 + 1^2)
        pytest.param(
            sections.Adagrad(name="adagrad", learning_rate=0.1, initial_accumulator=0.1),
            [0.9046537],
            id="adagrad",
        ),
        # 1 - .1 / sqrt(.1 x 1^2), the running mean of squares after one step with alpha .9
        pytest.param(
            sections.RmsProp(name="rmsprop", learning_rate=0.1, alpha=0.9), [1 - 0.1 / 0.1**0.5], id="rmsprop"
        ),
        # corrected for their start, both means are the gradient's: the first step has the length of the rate
        pytest.param(sections.Adam(name="adam", learning_rate=0.1), [0.9], id="adam"),
        # the same step after w - rate x decay x w
        pytest.param(
            sections.Adam(name="adamw", learning_rate=0.1, weight_decay=0.5), [0.95 - 0.1], id="adamw"
        ),
    ],
)
def test_steps_down_half_a_square(choices: sections.Optimiser, weights: list[float]) -> None:
    weight = nn.Parameter(torch.ones(1))
    optimiser = optimisers.make([weight], choices)
    for expected in weights:
        optimiser.zero_grad()
        (weight.square().sum() / 2).backward()
        optimiser.step()
        assert weight.item() == pytest.approx(expected, abs=1e-6)


def test_forward_and_backward_through_two_sigmoid_layers() -> None:
    # h1 = sigmoid(.15 x .05 + .2 x .1 + .35) = .5933, o1 = sigmoid(.4 h1 + .45 h2 + .6) = .7514;
    # d loss / d w5 = (o1 - .01) o1 (1 - o1) h1 = .0822, so w5 becomes .4 - .5 x .0822 = .3589
    network = sigmoid_network(2, 2, 2)
    first, second = (layer.module for layer in network.layers)
    weights = {first: [[0.15, 0.2], [0.25, 0.3]], second: [[0.4, 0.45], [0.5, 0.55]]}
    for module, bias in ((first, 0.35), (second, 0.6)):
        assert isinstance(module, nn.Linear)
        with torch.no_grad():
            module.weight.copy_(torch.tensor(weights[module]))
            module.bias.fill_(bias)
    optimiser = optimisers.make(network.parameters(), sections.Sgd(name="sgd", learning_rate=0.5))
    outputs: Tensor = network(torch.tensor([[0.05, 0.1]]))
    assert outputs[0].tolist() == pytest.approx([0.7514, 0.7729], abs=5e-5)
    loss = (torch.tensor([[0.01, 0.99]]) - outputs).square().sum() / 2
    assert loss.item() == pytest.approx(0.2984, abs=5e-5)
    loss.backward()
    optimiser.step()
    assert network.layers[1].weights[0][0, 0].item() == pytest.approx(0.3589, abs=5e-5)
    assert network.layers[0].weights[0][0, 0].item() == pytest.approx(0.1498, abs=5e-5)


def test_parameters_of_a_small_network() -> None:
    # 3 x 3 + 3, 3 x 2 + 2, 2 x 2 + 2
    assert sum(parameter.numel() for parameter in sigmoid_network(3, 3, 2, 2).parameters()) == 26


@pytest.mark.parametrize(
    ("rows", "batch_size", "expected"),
    [
        pytest.param(50_000, 256, 196, id="mini-batches: 195 full ones and the rest"),
        pytest.param(50_000, "full", 1, id="batch gradient descent"),
        pytest.param(50_000, 1, 50_000, id="stochastic gradient descent"),
        pytest.param(512, 256, 2, id="no rest"),
        pytest.param(10, 256, 1, id="fewer rows than a batch"),
    ],
)
def test_iterations_an_epoch(rows: int, batch_size: int, expected: int) -> None:
    assert iterations(rows, batch_size) == expected


def test_iterations_of_ten_epochs() -> None:
    assert 10 * iterations(50_000, 256) == 1_960


@pytest.mark.parametrize(
    ("batch_size", "updates"),
    [
        pytest.param("full", 50, id="batch gradient descent"),
        pytest.param(1, 5_000, id="stochastic gradient descent"),
        pytest.param(20, 250, id="five mini-batches an epoch"),
    ],
)
def test_updates_of_the_weights_by_100_rows_in_50_epochs(
    quick: Recipe, batch_size: int | str, updates: int
) -> None:
    recipe = quick.model_copy(
        update={
            "network": sections.Mlp(
                name="mlp", hidden=[1], activation="relu", dropout=[0.0], batch_norm=False
            ),
            "optimiser": sections.Sgd(name="sgd", learning_rate=0.01),
            "schedule": sections.Steady(name="constant"),
            "loop": sections.Loop.model_validate({"epochs": 50, "batch_size": batch_size}),
        }
    )
    rows = Examples(torch.randn(100, 2), torch.arange(100) % 4)
    steps = []
    hook = register_optimizer_step_post_hook(lambda *_: steps.append(1))
    try:
        with reproducible(1):
            fit(Network(2, recipe.network, recipe.head), rows, rows, recipe, lambda _: None)
    finally:
        hook.remove()
    assert len(steps) == updates


@pytest.mark.parametrize(
    ("decay", "expected"),
    [
        # average = decay x average + (1 - decay) x weight, from the first weight on:
        # 1, 1.9, 2.89, 3.889, 4.8889
        pytest.param(0.1, 4.8889, id="short memory"),
        # 1, 1.1, 1.29, 1.561, 1.9049
        pytest.param(0.9, 1.9049, id="long memory"),
    ],
)
def test_exponential_moving_average_of_1_to_5(decay: float, expected: float) -> None:
    network = nn.Linear(1, 1)
    averaged = moving_average(network, decay)
    for value in range(1, 6):
        nn.init.constant_(network.weight, value)
        averaged.update_parameters(network)
    assert averaged.module.weight.item() == pytest.approx(expected, abs=1e-6)
