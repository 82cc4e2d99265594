"""Which rows a step learns from."""

import math
from typing import Literal

import torch
from torch import Tensor

from training.recipe import sections


def iterations(rows: int, batch_size: int | Literal["full"]) -> int:
    """Return the number of batches in an epoch: as few as that size allows."""
    return 1 if batch_size == "full" else math.ceil(rows / batch_size)


def batches_of(rows: int, loop: sections.Loop, device: torch.device) -> tuple[Tensor, ...]:
    """Return an epoch's batches of row numbers, int64 [m] each, on the device.

    They are of nearly one length: a last batch of a few rows would spoil the statistics of batch
    normalisation. The order is drawn on the CPU, wherever the rows lie.
    """
    order = torch.randperm(rows) if loop.shuffle else torch.arange(rows)
    return order.to(device).tensor_split(iterations(rows, loop.batch_size))
