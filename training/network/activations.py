"""What makes a layer more than a linear function: torch's activations by their standard names, and Maxout."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from training.recipe.sections import Activation


class Maxout(nn.Module):
    """The largest of some linear functions each: float32 [n, width x pieces] -> [n, width].

    A unit's functions stand side by side (Goodfellow et al., "Maxout Networks", 2013).
    """

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, inputs: Tensor) -> Tensor:  # noqa: D102
        return torch.unflatten(inputs, 1, (-1, self.pieces)).amax(dim=2)


ACTIVATIONS: dict[Activation, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "prelu": nn.PReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softmax": lambda: nn.Softmax(dim=1),
}
"""Those with an output for each input."""
