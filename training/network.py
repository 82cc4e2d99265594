"""The network: blocks of Linear -> BatchNorm1d -> activation -> Dropout, and a head that knows its loss."""

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from pricerange.phone import FEATURE_NAMES, LABELS
from training import recipe

ACTIVATIONS: dict[recipe.Activation, Callable[[], nn.Module]] = {"relu": nn.ReLU}


class Head(Protocol):
    """The last layer: what it answers with, how wrong that is, and what it means."""

    def __call__(self, hidden: Tensor) -> Tensor:
        """Turn the last block's float32 [n, width] into logits."""

    def loss(self, logits: Tensor, price_range: Tensor) -> Tensor:
        """Return each row's loss, float32 [n]; `price_range` is int64 [n]."""

    def probabilities(self, logits: Tensor) -> Tensor:
        """Turn logits into float32 [n, 4]: not negative, each row sums to 1."""


class SoftmaxHead(nn.Module):
    """One logit a price range; cross-entropy."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, len(LABELS))

    def forward(self, hidden: Tensor) -> Tensor:  # noqa: D102
        logits: Tensor = self.linear(hidden)
        return logits

    def loss(self, logits: Tensor, price_range: Tensor) -> Tensor:  # noqa: D102
        return functional.cross_entropy(logits, price_range, reduction="none")

    def probabilities(self, logits: Tensor) -> Tensor:  # noqa: D102
        return logits.softmax(dim=1)


class OrdinalHead(nn.Module):
    """One score a phone and three ordered thresholds; the cumulative binary cross-entropy.

    The logits are float32 [n, 3]: logit k is score - threshold k, and its sigmoid is the probability that
    the price range is above k (proportional odds; McCullagh, "Regression Models for Ordinal Data", 1980).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.score = nn.Linear(width, 1)
        # where the quartiles of a standard normal score lie
        self.first_threshold = nn.Parameter(torch.tensor([-0.67]))
        # logarithms: gaps stay positive, so that the thresholds stay in order, and the steepness, which
        # has to grow twentyfold, gets there in steps of a few per cent
        self.log_gaps = nn.Parameter(torch.full([len(LABELS) - 2], math.log(0.67)))
        self.log_steepness = nn.Parameter(torch.zeros(1))

    def forward(self, hidden: Tensor) -> Tensor:  # noqa: D102
        gaps = self.log_gaps.exp().cumsum(0)
        thresholds = torch.cat([self.first_threshold, self.first_threshold + gaps])
        logits: Tensor = (self.score(hidden) - thresholds) * self.log_steepness.exp()
        return logits

    def loss(self, logits: Tensor, price_range: Tensor) -> Tensor:  # noqa: D102
        above = price_range[:, None] > torch.arange(len(LABELS) - 1)
        target = above.to(logits.dtype)
        return functional.binary_cross_entropy_with_logits(logits, target, reduction="none").sum(dim=1)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Turn the logits into float32 [n, 4].

        sigmoid(a) - sigmoid(b) is written sigmoid(a) sigmoid(-b) (1 - exp(b - a)): without a difference of
        close numbers it is never negative and keeps its digits where it is small.
        """
        above, below = logits.sigmoid(), (-logits).sigmoid()
        between = above[:, :-1] * below[:, 1:] * (1 - (logits[:, 1:] - logits[:, :-1]).exp())
        return torch.cat([below[:, :1], between, above[:, -1:]], dim=1)


HEADS: dict[recipe.Head, Callable[[int], Head]] = {"softmax": SoftmaxHead, "ordinal": OrdinalHead}


class Network(nn.Module):
    """Standardised features float32 [n, 20] -> the head's logits."""

    def __init__(self, choices: recipe.Network) -> None:
        super().__init__()
        widths = [len(FEATURE_NAMES), *choices.hidden]
        self.blocks = nn.Sequential()
        for before, after, dropout in zip(widths[:-1], widths[1:], choices.dropout, strict=True):
            norm = nn.BatchNorm1d(after)
            nn.init.constant_(norm.bias, choices.batch_norm_bias)
            self.blocks.extend(
                [nn.Linear(before, after), norm, ACTIVATIONS[choices.activation](), nn.Dropout(dropout)]
            )
        self.head = HEADS[choices.head](widths[-1])

    def forward(self, standardised: Tensor) -> Tensor:  # noqa: D102
        logits: Tensor = self.head(self.blocks(standardised))
        return logits

    def input_sparsity(self) -> Tensor:
        """Return the group-lasso penalty: the sum over the 20 features of the norm of their weights.

        It drives the features that carry nothing to weight 0 as one (Scardapane et al., "Group sparse
        regularization for deep neural networks", 2017).
        """
        first = self.blocks[0]
        assert isinstance(first, nn.Linear)
        penalty: Tensor = first.weight.norm(dim=0).sum()
        return penalty


class Standardise(nn.Module):
    """(features - mean) / deviation, with the statistics of the training rows."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, training_rows: Tensor) -> None:
        """Take the statistics of float32 [n, 20]; a feature that never varies is only centred."""
        super().__init__()
        exact = training_rows.double()
        deviation = exact.std(dim=0, correction=0)
        self.register_buffer("mean", exact.mean(dim=0).float())
        self.register_buffer("deviation", torch.where(deviation > 0, deviation, 1.0).float())

    def forward(self, features: Tensor) -> Tensor:  # noqa: D102
        return (features - self.mean) / self.deviation


class PhoneModel(nn.Module):
    """All that stands between a phone and its answer: this is what is exported."""

    def __init__(self, standardise: Standardise, network: Network) -> None:
        super().__init__()
        self.standardise = standardise
        self.network = network

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Features float32 [n, 20] -> probabilities float32 [n, 4] and price range int64 [n]."""
        probabilities = self.network.head.probabilities(self.network(self.standardise(features)))
        return probabilities, probabilities.argmax(dim=1)
