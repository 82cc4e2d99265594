"""The weights that a network starts with."""

import warnings
from typing import assert_never

from torch import Tensor, nn

from training.network.network import Network
from training.network.weight_layer import WeightLayer
from training.recipe import sections

RELU_FAMILY = ("relu", "leaky_relu", "prelu")


class SymmetryWarning(UserWarning):
    """A start from which the units of a layer cannot become different."""


def initialise(network: Network, choices: sections.Initialisation) -> None:
    """Set weight matrices by the recipe's rule and biases to 0; batch normalisation keeps its own start.

    Warns with `SymmetryWarning` where all weights of a hidden layer become the same: then all its units get
    the same gradient and stay one unit many times over. Those of the head have targets of their own.
    """
    of_layers = choices.layers if isinstance(choices, sections.PerLayer) else [choices] * len(network.layers)
    same = {one.name for one in of_layers[:-1] if isinstance(one, sections.Constant | sections.Fixed)}
    for name in sorted(same):
        message = (
            f"initialisation {name!r} gives all units of a layer the same weights, and so the same "
            "gradient: only dropout can make them differ; use 'auto', which breaks the symmetry"
        )
        warnings.warn(message, SymmetryWarning, stacklevel=2)
    for layer, one in zip(network.layers, of_layers, strict=True):
        if one.name == "torch_default":
            continue
        for weight in layer.weights:
            _fill(weight, layer, one)
        for bias in layer.biases:
            nn.init.zeros_(bias)


def _fill(weight: Tensor, layer: WeightLayer, choices: sections.LayerInitialisation) -> None:
    match choices:
        case sections.ByRule(name=name):
            _fill_by_rule(weight, _rule(layer) if name == "auto" else name)
        case sections.Normal():
            nn.init.normal_(weight, std=choices.deviation)
        case sections.Uniform():
            nn.init.uniform_(weight, -choices.bound, choices.bound)
        case sections.Constant():
            nn.init.constant_(weight, choices.value)
        case sections.Fixed():
            nn.init.constant_(weight, 1.0 if choices.name == "ones" else 0.0)
        case _:
            assert_never(choices)


def _rule(layer: WeightLayer) -> str:
    return "kaiming_normal" if layer.nonlinearity in RELU_FAMILY else "xavier_normal"


def _fill_by_rule(weight: Tensor, name: str) -> None:
    match name:
        case "kaiming_normal":
            nn.init.kaiming_normal_(weight, nonlinearity="relu")
        case "kaiming_uniform":
            nn.init.kaiming_uniform_(weight, nonlinearity="relu")
        case "xavier_normal":
            nn.init.xavier_normal_(weight)
        case "xavier_uniform":
            nn.init.xavier_uniform_(weight)
