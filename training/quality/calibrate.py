"""Temperature scaling: one number that makes a trained network as sure as it is right."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from training.network.heads import Head
from training.network.network import PhoneModel

_PRIOR = 1.0
"""Standard deviation of the logarithm of the temperature before any row is seen.

Where all validation rows are answered rightly, the likelihood alone would take the temperature to 0.
"""
_BOUNDS = (-4.0, 4.0)
"""Of the logarithm of the temperature."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was fitted on `rows` phones, and what it did to their mean negative log-likelihood in nats."""

    method: str
    temperature: float
    rows: int
    nll_before: float
    nll_after: float


@torch.no_grad()
def calibrate(model: PhoneModel, features: Tensor, price_range: Tensor) -> Calibration:
    """Give the model in eval mode a temperature by phones float32 [n, 20] that it was not fitted to.

    The most likely temperature after the rows and a weak prior around 1 (Guo et al., "On Calibration of
    Modern Neural Networks", 2017, and a maximum a posteriori in place of maximum likelihood): the
    likelihood of the rows never falls.
    """
    head = model.network.head
    logits = model.logits(features).double()

    def penalised(log_temperature: float) -> float:
        prior = (log_temperature / _PRIOR) ** 2 / 2
        return _nll(head, logits / math.exp(log_temperature), price_range) + prior / len(logits)

    found = minimize_scalar(penalised, bounds=_BOUNDS, method="bounded", options={"xatol": 1e-6})
    temperature = float(np.float32(math.exp(found.x)))
    model.temperature.fill_(temperature)
    return Calibration(
        method="temperature",
        temperature=temperature,
        rows=len(logits),
        nll_before=_nll(head, logits, price_range),
        nll_after=_nll(head, logits / temperature, price_range),
    )


def _nll(head: Head, logits: Tensor, price_range: Tensor) -> float:
    own = head.probabilities(logits).gather(1, price_range[:, None])
    return -own.clamp_min(torch.finfo(torch.float32).eps).log().mean().item()
