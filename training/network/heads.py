"""The last layer: what it answers with, how wrong that is, and what it means."""

import math
from typing import Protocol, assert_never

import torch
from torch import Tensor, nn

from pricerange.phone import LABELS
from training.network import losses
from training.network.losses import Loss
from training.recipe import sections


class Head(Protocol):
    """From the last hidden values to logits, which divided by a temperature are still logits."""

    linear: nn.Linear

    def __call__(self, hidden: Tensor) -> Tensor:
        """Turn hidden values float32 [n, width] into logits."""

    def loss(self, logits: Tensor, price_range: Tensor) -> Tensor:
        """Return each row's loss, float32 [n]; `price_range` is int64 [n]."""

    def probabilities(self, logits: Tensor) -> Tensor:
        """Turn logits into float32 [n, 4]: not negative, each row sums to 1."""


class SoftmaxHead(nn.Module):
    """One logit a price range; a loss of `losses.of_classes`."""

    def __init__(self, width: int, loss_of: Loss) -> None:
        super().__init__()
        self.linear = nn.Linear(width, len(LABELS))
        self.loss_of = loss_of

    def forward(self, hidden: Tensor) -> Tensor:  # noqa: D102
        logits: Tensor = self.linear(hidden)
        return logits

    def loss(self, logits: Tensor, price_range: Tensor) -> Tensor:  # noqa: D102
        return self.loss_of(logits, price_range)

    def probabilities(self, logits: Tensor) -> Tensor:  # noqa: D102
        return logits.softmax(dim=1)


class OrdinalHead(nn.Module):
    """One score a phone and three ordered thresholds; a loss of `losses.of_thresholds`, summed over them.

    The logits are float32 [n, 3]: logit k is score - threshold k, and its sigmoid is the probability that
    the price range is above k (proportional odds; McCullagh, "Regression Models for Ordinal Data", 1980).
    """

    running: Tensor

    def __init__(self, width: int, loss_of: Loss = losses.binary_cross_entropy) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 1)
        self.loss_of = loss_of
        # where the quartiles of a standard normal score lie
        self.first_threshold = nn.Parameter(torch.tensor([-0.67]))
        # logarithms: gaps stay positive, so that the thresholds stay in order, and the steepness, which
        # has to grow twentyfold, gets there in steps of a few per cent
        self.log_gaps = nn.Parameter(torch.full([len(LABELS) - 2], math.log(0.67)))
        self.log_steepness = nn.Parameter(torch.zeros(1))
        # gaps times this are their running sums: cumsum has no deterministic form on a GPU
        running = torch.ones(len(LABELS) - 2, len(LABELS) - 2).triu()
        self.register_buffer("running", running, persistent=False)

    def forward(self, hidden: Tensor) -> Tensor:  # noqa: D102
        gaps = self.log_gaps.exp() @ self.running
        thresholds = torch.cat([self.first_threshold, self.first_threshold + gaps])
        logits: Tensor = (self.linear(hidden) - thresholds) * self.log_steepness.exp()
        return logits

    def loss(self, logits: Tensor, price_range: Tensor) -> Tensor:  # noqa: D102
        above = price_range[:, None] > torch.arange(len(LABELS) - 1, device=logits.device)
        return self.loss_of(logits, above.to(logits.dtype)).sum(dim=1)

    def probabilities(self, logits: Tensor) -> Tensor:  # noqa: D102
        return _between_thresholds(logits)


class NumberHead(nn.Module):
    """The price range as a number, learned as one; thresholds halfway between the ranges read it.

    Logit k of float32 [n, 3] is (number - (k + 1/2)) / `NOISE`, and its sigmoid the probability that the
    price range is above k: what is learned is taken for the truth with logistic noise on it. `NOISE` is a
    guess at its scale; calibration with a temperature replaces it by the scale that the rows show.
    """

    NOISE = 0.125
    """In price ranges; a power of two, so that number and logits convert into each other without loss."""

    thresholds: Tensor

    def __init__(self, width: int, loss_of: Loss) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 1)
        self.loss_of = loss_of
        # the layer's own number counts from the middle of the price ranges, so that it starts there
        self.middle = (len(LABELS) - 1) / 2
        thresholds = torch.arange(len(LABELS) - 1) + 0.5 - self.middle
        self.register_buffer("thresholds", thresholds, persistent=False)

    def forward(self, hidden: Tensor) -> Tensor:  # noqa: D102
        logits: Tensor = (self.linear(hidden) - self.thresholds) / self.NOISE
        return logits

    def loss(self, logits: Tensor, price_range: Tensor) -> Tensor:  # noqa: D102
        number = logits[:, 0] * self.NOISE + self.thresholds[0]
        return self.loss_of(number, price_range - self.middle)

    def probabilities(self, logits: Tensor) -> Tensor:  # noqa: D102
        return _between_thresholds(logits)


def make(width: int, choices: sections.Head) -> Head:
    """Make the head that the recipe names for hidden values of that width."""
    match choices:
        case sections.Softmax():
            return SoftmaxHead(width, losses.of_classes(choices))
        case sections.Ordinal():
            return OrdinalHead(width, losses.of_thresholds(choices))
        case sections.Number():
            return NumberHead(width, losses.of_numbers(choices))
        case _:
            assert_never(choices)


def _between_thresholds(logits: Tensor) -> Tensor:
    """Turn the logits of being above each of three thresholds, falling, into float32 [n, 4].

    sigmoid(a) - sigmoid(b) is written sigmoid(a) sigmoid(-b) (1 - exp(b - a)): without a difference of
    close numbers it is never negative and keeps its digits where it is small.
    """
    above, below = logits.sigmoid(), (-logits).sigmoid()
    between = above[:, :-1] * below[:, 1:] * (1 - (logits[:, 1:] - logits[:, :-1]).exp())
    return torch.cat([below[:, :1], between, above[:, -1:]], dim=1)
