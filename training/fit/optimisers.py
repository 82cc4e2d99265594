"""How a gradient becomes a step: torch's optimisers by their standard names."""

from collections.abc import Iterable
from typing import assert_never

from torch import nn
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

from training.recipe import sections


def make(parameters: Iterable[nn.Parameter], choices: sections.Optimiser) -> Optimizer:
    """Make the optimiser that the recipe names; weight decay is part of the gradient but in AdamW."""
    rate, decay = choices.learning_rate, choices.weight_decay
    match choices:
        case sections.Sgd():
            return SGD(parameters, lr=rate, weight_decay=decay, fused=True)
        case sections.Momentum():
            nesterov = choices.name == "nesterov"
            return SGD(parameters, rate, choices.momentum, weight_decay=decay, nesterov=nesterov, fused=True)
        case sections.Adagrad():
            start, epsilon = choices.initial_accumulator, choices.epsilon
            return Adagrad(parameters, rate, weight_decay=decay, initial_accumulator_value=start, eps=epsilon)
        case sections.RmsProp():
            alpha, momentum, epsilon = choices.alpha, choices.momentum, choices.epsilon
            return RMSprop(parameters, rate, alpha, epsilon, decay, momentum)
        case sections.Adam():
            kind = AdamW if choices.name == "adamw" else Adam
            betas = choices.beta1, choices.beta2
            return kind(parameters, rate, betas, choices.epsilon, decay, fused=True)
        case _:
            assert_never(choices)
