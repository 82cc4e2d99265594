"""Weights averaged over the steps."""

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def moving_average(network: nn.Module, decay: float) -> AveragedModel:
    """Make a copy of the network to be told of every step by `update_parameters`.

    After step t its weights are decay x average + (1 - decay) x weights, from the first weights on: without
    a correction, as none starts at 0. The statistics of batch normalisation are averaged likewise.
    """
    average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return AveragedModel(network, multi_avg_fn=average, use_buffers=True)
