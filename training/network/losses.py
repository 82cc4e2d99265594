"""How wrong an answer is, row by row: torch's losses by their standard names, and those that it lacks."""

from collections.abc import Callable
from functools import partial
from typing import assert_never

import torch
from torch import Tensor
from torch.nn import functional

from training.recipe import sections

Loss = Callable[[Tensor, Tensor], Tensor]
"""What a head says and what is true -> the loss of each; never a mean."""


def of_classes(choices: sections.Softmax) -> Loss:
    """Return the loss of logits float32 [n, 4] for price ranges int64 [n], float32 [n]."""
    match choices.loss:
        case "cross_entropy":
            smoothing = choices.label_smoothing
            return partial(functional.cross_entropy, reduction="none", label_smoothing=smoothing)
        case "hinge":
            return partial(functional.multi_margin_loss, reduction="none")
        case "exponential":
            return multi_class_exponential
        case _:
            assert_never(choices.loss)


def multi_class_exponential(logits: Tensor, price_range: Tensor) -> Tensor:
    """Return exp(mean logit - true logit), float32 [n].

    Its mean over rows is least where the softmax of the logits is their probability (Zhu et al., "Multi-class
    AdaBoost", 2009, whose logits are three times these).
    """
    true = logits.gather(1, price_range[:, None])[:, 0]
    return (logits.mean(dim=1) - true).exp()


def of_thresholds(choices: sections.Ordinal) -> Loss:
    """Return the loss of logits float32 [n, 3] for targets float32 [n, 3], 1 above a threshold and else 0."""
    match choices.loss:
        case "binary_cross_entropy":
            return binary_cross_entropy
        case "hinge":
            return lambda logits, target: (1 - _margins(logits, target)).clamp_min(0)
        case "exponential":
            return lambda logits, target: (-_margins(logits, target)).exp()
        case _:
            assert_never(choices.loss)


def binary_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Return -ln of the probability of the target, of the logits' shape."""
    return functional.binary_cross_entropy_with_logits(logits, target, reduction="none")


def _margins(logits: Tensor, target: Tensor) -> Tensor:
    """Return how far each logit lies on the right side of 0."""
    return (2 * target - 1) * logits


def of_numbers(choices: sections.Number) -> Loss:
    """Return the loss of numbers float32 [n] for the true ones, float32 [n]."""
    match choices.loss:
        case "mse":
            return partial(functional.mse_loss, reduction="none")
        case "mae":
            return partial(functional.l1_loss, reduction="none")
        case "smooth_l1":
            return partial(functional.smooth_l1_loss, reduction="none")
        case "huber":
            return partial(functional.huber_loss, reduction="none", delta=choices.delta)
        case "quantile":
            return partial(quantile_loss, quantile=choices.quantile)
        case _:
            assert_never(choices.loss)


def quantile_loss(numbers: Tensor, truth: Tensor, quantile: float) -> Tensor:
    """Return `quantile` times what a number lacks, or 1 - `quantile` times what it exceeds, float32 [n].

    Its mean over rows is least where that share of them lies below (Koenker and Bassett, "Regression
    Quantiles", 1978).
    """
    lacking = truth - numbers
    return torch.maximum(quantile * lacking, (quantile - 1) * lacking)
