"""Layers that learn one by one, without a price range, before the network learns as a whole."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.errors import PretrainingError
from training.fit import optimisers
from training.fit.batches import batches_of
from training.network.mlp import Mlp
from training.recipe.recipe import Recipe


def pretrain(body: Mlp, features: Tensor, choices: Recipe) -> None:
    """Let each block learn to encode what the blocks before it make of float32 [n, inputs].

    A block is good where a linear layer on top of it, thrown away afterwards, restores its inputs by least
    squares (Bengio et al., "Greedy layer-wise training of deep networks", 2007). Does nothing where the
    recipe has no pretraining. Raises `PretrainingError` where the steps lead out of the numbers.
    """
    if choices.pretraining is None:
        return
    rate = choices.pretraining.learning_rate
    stepped_by = choices.optimiser.model_copy(update={"learning_rate": rate})
    for number, (block, inputs, width) in enumerate(body.stages, start=1):
        decoder = nn.Linear(width, inputs).to(features.device)
        optimiser = optimisers.make([*block.parameters(), *decoder.parameters()], stepped_by)
        block.train()
        for _ in range(choices.pretraining.epochs):
            for rows in batches_of(len(features), choices.loop, features.device):
                loss = functional.mse_loss(decoder(block(features[rows])), features[rows])
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
        block.eval()
        with torch.no_grad():
            encoded = block(features)
            left = functional.mse_loss(decoder(encoded), features).item()
        if not math.isfinite(left):
            raise PretrainingError(number, left, rate)
        features = encoded
