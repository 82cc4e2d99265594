"""Rows that a network learns from, and others drawn or made of them."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from training.recipe import sections


@dataclass(frozen=True, slots=True)
class Examples:
    """Rows that the network can take: preprocessed float32 [n, inputs] and price ranges int64 [n]."""

    features: Tensor
    price_range: Tensor


def bootstrap(part: Examples) -> Examples:
    """Draw n of n rows, each as often as chance will have it (Efron, "Bootstrap methods", 1979).

    They are drawn on the CPU wherever the rows lie.
    """
    rows = torch.randint(len(part.features), (len(part.features),)).to(part.features.device)
    return Examples(part.features[rows], part.price_range[rows])


def augmented(features: Tensor, choices: sections.Augmentation) -> Tensor:
    """Return the inputs of a batch, float32 [n, inputs], without some and with noise, as the recipe says."""
    if choices.input_dropout:
        features = functional.dropout(features, choices.input_dropout)
    if choices.noise:
        features = features + choices.noise * torch.randn_like(features)
    return features
