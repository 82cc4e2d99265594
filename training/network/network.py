"""The network: a body of hidden layers, and a head that knows its loss; several of them; with all around."""

from collections.abc import Sequence
from typing import assert_never

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from training.network import heads
from training.network.heads import Head
from training.network.lstm import Lstm
from training.network.mlp import Mlp
from training.network.preprocess import Preprocess
from training.network.weight_layer import WeightLayer
from training.recipe import sections


class Network(nn.Module):
    """Preprocessed features float32 [n, inputs] -> the head's logits."""

    def __init__(self, inputs: int, choices: sections.Network, head: sections.Head) -> None:
        super().__init__()
        self.body = _body(inputs, choices)
        self.head = heads.make(self.body.width, head)
        self.l1 = choices.l1

    @property
    def layers(self) -> Sequence[WeightLayer]:
        """The layers with weights, from the input to the head."""
        head = self.get_submodule("head")
        return [*self.body.layers, WeightLayer("head", self.head.linear, head, None)]

    def forward(self, inputs: Tensor) -> Tensor:  # noqa: D102
        logits: Tensor = self.head(self.body(inputs))
        return logits

    def keep_inputs(self, kept: Tensor) -> None:
        """Do without all inputs but the kept ones, bool [inputs]: their weights are 0, and stay so.

        An LSTM, whose inputs share their weights, cannot.
        """
        assert isinstance(self.body, Mlp)
        self.body.keep_inputs(kept, self.head.linear.weight)

    def used_inputs(self) -> Tensor:
        """Return bool [inputs]: which have a weight that is not 0."""
        return self.body.used_inputs(self.head.linear.weight)

    def penalty(self) -> Tensor:
        """Return what the weights cost beside the loss."""
        penalty = self.body.penalty(self.head.linear.weight)
        if self.l1:
            sizes = [weight.abs().sum() for layer in self.layers for weight in layer.weights]
            penalty = penalty + self.l1 * torch.stack(sizes).sum()
        return penalty


def _body(inputs: int, choices: sections.Network) -> Mlp | Lstm:
    match choices:
        case sections.Mlp():
            return Mlp(inputs, choices)
        case sections.Lstm():
            return Lstm(inputs, choices)
        case _:
            assert_never(choices)


class Bagged(nn.Module):
    """Networks of one recipe that answer with the mean of their logits: float32 [n, inputs] -> the head's.

    Each has learned from rows of its own (Breiman, "Bagging predictors", 1996).
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        super().__init__()
        self.networks = networks
        # as torch wants to be told of them
        self.members = nn.ModuleList(networks)

    @property
    def head(self) -> Head:
        """What reads the logits: the first network's, which reads those of all alike."""
        return self.networks[0].head

    @property
    def layers(self) -> Sequence[WeightLayer]:
        """The layers with weights of all networks."""
        return [
            WeightLayer(f"network {number}, {one.name}", one.module, one.activation, one.nonlinearity)
            for number, network in enumerate(self.networks, start=1)
            for one in network.layers
        ]

    def forward(self, inputs: Tensor) -> Tensor:  # noqa: D102
        return torch.stack([network(inputs) for network in self.networks]).mean(dim=0)

    def used_inputs(self) -> Tensor:
        """Return bool [inputs]: which have a weight that is not 0 in a network."""
        return torch.stack([network.used_inputs() for network in self.networks]).any(dim=0)


class PhoneModel(nn.Module):
    """All that stands between a phone and its answer: this is what is exported."""

    temperature: Tensor

    def __init__(self, preprocess: Preprocess, network: Network | Bagged) -> None:
        super().__init__()
        self.preprocess = preprocess
        self.network = network
        self.register_buffer("temperature", torch.ones(()))
        """What logits are divided by: 1 until calibration says otherwise."""

    def used_features(self) -> npt.NDArray[np.intp]:
        """Return the places of the features that have a weight that is not 0: no other changes an answer."""
        used = self.network.used_inputs()
        if self.preprocess.directions is not None:
            used = self.preprocess.directions[:, used].any(dim=1)
        return np.flatnonzero(used.numpy())

    def logits(self, features: Tensor) -> Tensor:
        """Features float32 [n, 20] -> the head's logits, the temperature not applied."""
        logits: Tensor = self.network(self.preprocess(features))
        return logits

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Features float32 [n, 20] -> probabilities float32 [n, 4] and price range int64 [n]."""
        probabilities = self.network.head.probabilities(self.logits(features) / self.temperature)
        return probabilities, probabilities.argmax(dim=1)
