"""The network: a body of hidden layers, and a head that knows its loss."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

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


def _batch_norm(width: int, bias: float) -> nn.BatchNorm1d:
    norm = nn.BatchNorm1d(width)
    nn.init.constant_(norm.bias, bias)
    return norm


class Lstm(nn.Module):
    """The inputs one after the other: float32 [n, inputs] -> the last hidden state, [n, width]."""

    def __init__(self, choices: sections.Lstm) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, choices.hidden, choices.layers, batch_first=True)
        self.dropout = nn.Dropout(choices.dropout)
        self.layers = [WeightLayer("lstm", self.lstm, self.dropout, None)]
        self.width = choices.hidden

    def forward(self, inputs: Tensor) -> Tensor:  # noqa: D102
        states, _ = self.lstm(inputs.unsqueeze(2))
        last: Tensor = self.dropout(states[:, -1])
        return last

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

    def penalty(self) -> Tensor:
        """Return what the weights cost beside the loss."""
        return self.body.penalty(self.head.linear.weight)


def _body(inputs: int, choices: sections.Network) -> Mlp | Lstm:
    match choices:
        case sections.Mlp():
            return Mlp(inputs, choices)
        case sections.Lstm():
            return Lstm(choices)
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

    def logits(self, features: Tensor) -> Tensor:
        """Features float32 [n, 20] -> the head's logits, the temperature not applied."""
        logits: Tensor = self.network(self.preprocess(features))
        return logits

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Features float32 [n, 20] -> probabilities float32 [n, 4] and price range int64 [n]."""
        probabilities = self.network.head.probabilities(self.logits(features) / self.temperature)
        return probabilities, probabilities.argmax(dim=1)
