"""The network: a body of hidden layers, and a head that knows its loss."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.linalg import vector_norm

from training.network import heads
from training.network.preprocess import Preprocess
from training.recipe import sections

ACTIVATIONS: dict[sections.Activation, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "prelu": nn.PReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


@dataclass(frozen=True, slots=True)
class WeightLayer:
    """A layer with weight matrices, and the module whose output is its activation.

    `nonlinearity` is None where none of the recipe's activations follows.
    """

    name: str
    module: nn.Module
    activation: nn.Module
    nonlinearity: sections.Activation | None

    @property
    def weights(self) -> list[nn.Parameter]:
        """The weight matrices."""
        return self._named("weight")

    @property
    def biases(self) -> list[nn.Parameter]:
        """The bias vectors."""
        return self._named("bias")

    def _named(self, start: str) -> list[nn.Parameter]:
        return [parameter for name, parameter in self.module.named_parameters() if name.startswith(start)]


class Mlp(nn.Module):
    """Blocks of Linear -> BatchNorm1d -> activation -> Dropout: float32 [n, inputs] -> [n, width]."""

    def __init__(self, inputs: int, choices: sections.Mlp) -> None:
        super().__init__()
        self.blocks, self.layers = nn.Sequential(), list[WeightLayer]()
        before = inputs
        for number, (after, dropout) in enumerate(zip(choices.hidden, choices.dropout, strict=True), start=1):
            linear, activation = nn.Linear(before, after), ACTIVATIONS[choices.activation]()
            norm = [_batch_norm(after, choices.batch_norm_bias)] if choices.batch_norm else []
            self.blocks.extend([linear, *norm, activation, nn.Dropout(dropout)])
            self.layers.append(WeightLayer(f"hidden {number}", linear, activation, choices.activation))
            before = after
        self.skipped = inputs if choices.linear_skip else 0
        self.width = before + self.skipped
        self.input_sparsity, self.skip_sparsity = choices.input_sparsity, choices.skip_sparsity

    def forward(self, inputs: Tensor) -> Tensor:  # noqa: D102
        hidden: Tensor = self.blocks(inputs)
        return torch.cat([hidden, inputs], dim=1) if self.skipped else hidden

    def keep_inputs(self, kept: Tensor, head_weights: Tensor) -> None:
        """Hold the weights of all inputs but the kept ones, bool [inputs], at 0 from now on."""
        _hold_at_zero(self.layers[0].weights[0], kept)
        if self.skipped:
            _hold_at_zero(head_weights, torch.cat([kept.new_ones(self.width - self.skipped), kept]))

    def used_inputs(self, head_weights: Tensor) -> Tensor:
        """Return bool [inputs]: which have a weight that is not 0, in the first layer or in the skip."""
        used = self.layers[0].weights[0].detach().any(dim=0)
        return used | head_weights.detach()[:, -self.skipped :].any(dim=0) if self.skipped else used

    def penalty(self, head_weights: Tensor) -> Tensor:
        """Return the group-lasso penalties: the sum over the inputs of the norm of their weights, weighted.

        One is on the first layer, one on the linear skip, the last columns of the head's float32 [m, width].
        Each drives the inputs that carry nothing to weight 0 as one (Scardapane et al., "Group sparse
        regularization for deep neural networks", 2017).
        """
        penalty = head_weights.new_zeros(())
        if self.input_sparsity:
            penalty = penalty + self.input_sparsity * vector_norm(self.layers[0].weights[0], dim=0).sum()
        if self.skip_sparsity:
            penalty = (
                penalty + self.skip_sparsity * vector_norm(head_weights[:, -self.skipped :], dim=0).sum()
            )
        return penalty


def _hold_at_zero(weights: Tensor, kept: Tensor) -> None:
    """Set the columns of float32 [m, n] to 0 that are not kept, bool [n]; no step moves them from there."""
    with torch.no_grad():
        weights.mul_(kept)
    # a weight of 0 does not decay either
    weights.register_hook(lambda gradient: gradient * kept.to(gradient.device))  # type: ignore[no-untyped-call]


def _batch_norm(width: int, bias: float) -> nn.BatchNorm1d:
    norm = nn.BatchNorm1d(width)
    nn.init.constant_(norm.bias, bias)
    return norm


class Lstm(nn.Module):
    """The inputs one after the other: float32 [n, inputs] -> the last hidden state, [n, width]."""

    def __init__(self, inputs: int, choices: sections.Lstm) -> None:
        super().__init__()
        self.inputs = inputs
        self.lstm = nn.LSTM(1, choices.hidden, choices.layers, batch_first=True)
        self.dropout = nn.Dropout(choices.dropout)
        self.layers = [WeightLayer("lstm", self.lstm, self.dropout, None)]
        self.width = choices.hidden

    def forward(self, inputs: Tensor) -> Tensor:  # noqa: D102
        states, _ = self.lstm(inputs.unsqueeze(2))
        last: Tensor = self.dropout(states[:, -1])
        return last

    def used_inputs(self, head_weights: Tensor) -> Tensor:
        """Return that all inputs are used, bool [inputs]: each passes the same weights."""
        return head_weights.new_ones(self.inputs, dtype=torch.bool)

    def penalty(self, head_weights: Tensor) -> Tensor:
        """Return nothing to pay: there is no column of weights for an input."""
        return head_weights.new_zeros(())


class Network(nn.Module):
    """Preprocessed features float32 [n, inputs] -> the head's logits."""

    def __init__(self, inputs: int, choices: sections.Network, head: sections.Head) -> None:
        super().__init__()
        self.body = _body(inputs, choices)
        self.head = heads.make(self.body.width, head)

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

    def penalty(self) -> Tensor:
        """Return what the weights cost beside the loss."""
        return self.body.penalty(self.head.linear.weight)


def _body(inputs: int, choices: sections.Network) -> Mlp | Lstm:
    match choices:
        case sections.Mlp():
            return Mlp(inputs, choices)
        case sections.Lstm():
            return Lstm(inputs, choices)
        case _:
            assert_never(choices)


class PhoneModel(nn.Module):
    """All that stands between a phone and its answer: this is what is exported."""

    temperature: Tensor

    def __init__(self, preprocess: Preprocess, network: Network) -> None:
        super().__init__()
        self.preprocess = preprocess
        self.network = network
        self.register_buffer("temperature", torch.ones(()))
        """What logits are divided by: 1 until calibration says otherwise."""

    def used_features(self) -> npt.NDArray[np.intp]:
        """Return the places of the features that have a weight that is not 0: no other changes an answer."""
        used = self.network.body.used_inputs(self.network.head.linear.weight)
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
