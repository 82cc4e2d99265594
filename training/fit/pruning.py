"""Inputs that earn their weights, and the others, which the network does without."""

import math

import torch
from torch import Tensor

from training.fit.examples import Examples
from training.network.network import Network


@torch.no_grad()
def earning_inputs(network: Network, learned: Examples, price: float) -> Tensor:
    """Return bool [inputs]: which lower the loss of the rows that were learned from by more than they cost.

    An input is worth the loss, summed over the n rows, that is added where it is held at its mean; it costs
    `price` times what the Bayesian information criterion takes for a number that is fitted, ln(n) / 2
    (Schwarz, "Estimating the dimension of a model", 1978). The one that is worth most is always among them.
    """
    loss = _loss(network, learned.features, learned.price_range)
    worth = learned.features.new_zeros(learned.features.shape[1])
    for place in range(len(worth)):
        held = learned.features.clone()
        held[:, place] = held[:, place].mean()
        worth[place] = _loss(network, held, learned.price_range) - loss
    earning = worth > price * math.log(len(learned.features)) / 2
    earning[worth.argmax()] = True
    return earning


def _loss(network: Network, features: Tensor, price_range: Tensor) -> Tensor:
    loss: Tensor = network.head.loss(network(features), price_range).sum()
    return loss
