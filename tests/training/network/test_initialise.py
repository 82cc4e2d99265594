"""The weights that a network starts with."""

import math
import warnings

import pytest
import torch

from training.network.initialise import SymmetryWarning, initialise
from training.network.network import Network
from training.recipe import sections

WIDE = sections.Mlp(name="mlp", hidden=[300, 200], activation="relu", dropout=[0.0, 0.0])
LSTM = sections.Lstm(name="lstm", hidden=100)


def started(
    choices: sections.Initialisation, network: sections.Network = WIDE
) -> tuple[list[torch.Tensor], Network]:
    torch.manual_seed(0)
    made = Network(20, network, sections.Softmax(name="softmax"))
    initialise(made, choices)
    return [weight.detach() for layer in made.layers for weight in layer.weights], made


@pytest.mark.parametrize(
    ("name", "deviations"),
    [
        # sqrt(2 / inputs); He et al., "Delving Deep into Rectifiers", 2015
        pytest.param("kaiming_normal", [math.sqrt(2 / 20), math.sqrt(2 / 300)], id="kaiming_normal"),
        pytest.param("kaiming_uniform", [math.sqrt(2 / 20), math.sqrt(2 / 300)], id="kaiming_uniform"),
        # sqrt(2 / (inputs + outputs)); Glorot and Bengio, 2010
        pytest.param("xavier_normal", [math.sqrt(2 / 320), math.sqrt(2 / 500)], id="xavier_normal"),
        pytest.param("xavier_uniform", [math.sqrt(2 / 320), math.sqrt(2 / 500)], id="xavier_uniform"),
        pytest.param("auto", [math.sqrt(2 / 20), math.sqrt(2 / 300), math.sqrt(2 / 204)], id="auto"),
    ],
)
def test_weights_spread_by_the_rule_and_biases_are_0(name: str, deviations: list[float]) -> None:
    weights, network = started(sections.ByRule.model_validate({"name": name}))
    for weight, expected in zip(weights, deviations, strict=False):
        assert weight.std().item() == pytest.approx(expected, rel=0.07)
        assert "uniform" not in name or weight.abs().max().item() <= expected * 3**0.5
    for layer in network.layers:
        for bias in layer.biases:
            assert (bias == 0).all()


def test_auto_is_xavier_before_an_activation_that_is_no_relu() -> None:
    weights, _ = started(sections.ByRule(name="auto"), WIDE.model_copy(update={"activation": "tanh"}))
    assert weights[0].std().item() == pytest.approx(math.sqrt(2 / 320), rel=0.07)


@pytest.mark.parametrize(
    ("choices", "deviation"),
    [
        pytest.param(sections.Normal(name="normal", deviation=0.3), 0.3, id="normal"),
        pytest.param(sections.Uniform(name="uniform", bound=0.3), 0.3 / 3**0.5, id="uniform"),
    ],
)
def test_weights_spread_as_far_as_they_are_told(
    choices: sections.Normal | sections.Uniform, deviation: float
) -> None:
    weights, _ = started(choices)
    assert weights[0].std().item() == pytest.approx(deviation, rel=0.05)


@pytest.mark.parametrize(
    ("choices", "value"),
    [
        pytest.param(sections.Constant(name="constant", value=0.2), 0.2, id="constant"),
        pytest.param(sections.Fixed(name="zeros"), 0.0, id="zeros"),
        pytest.param(sections.Fixed(name="ones"), 1.0, id="ones"),
    ],
)
def test_a_start_that_cannot_break_symmetry_is_accepted_with_a_warning(
    choices: sections.Constant | sections.Fixed, value: float
) -> None:
    with pytest.warns(SymmetryWarning, match="the same gradient"):
        weights, _ = started(choices)
    for weight in weights:
        torch.testing.assert_close(weight, torch.full_like(weight, value))


def test_each_layer_starts_by_its_own_choice() -> None:
    choices = sections.PerLayer(
        name="per_layer",
        layers=[
            sections.Normal(name="normal", deviation=0.3),
            sections.ByRule(name="xavier_uniform"),
            sections.Fixed(name="ones"),
        ],
    )
    with warnings.catch_warnings():
        # the head's units differ by what they are to answer
        warnings.simplefilter("error")
        first, second, head = started(choices)[0]
    assert first.std().item() == pytest.approx(0.3, rel=0.05)
    assert second.abs().max().item() <= math.sqrt(6 / 500)
    assert (head == 1).all()


def test_a_hidden_layer_of_its_own_choice_cannot_break_symmetry_either() -> None:
    first, others = sections.Fixed(name="zeros"), sections.ByRule(name="auto")
    with pytest.warns(SymmetryWarning, match="'zeros'"):
        started(sections.PerLayer(name="per_layer", layers=[first, others, others]))


def test_torch_default_leaves_the_layers_as_torch_made_them_without_a_warning() -> None:
    torch.manual_seed(0)
    untouched = Network(20, WIDE, sections.Softmax(name="softmax"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, network = started(sections.ByRule(name="torch_default"))
    for name, parameter in network.named_parameters():
        assert torch.equal(parameter, untouched.get_parameter(name)), name


def test_an_lstm_starts_by_the_rule_too() -> None:
    weights, _ = started(sections.ByRule(name="auto"), LSTM)
    assert weights[1].std().item() == pytest.approx(math.sqrt(2 / (400 + 100)), rel=0.05)
