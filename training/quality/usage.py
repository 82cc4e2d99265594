"""What a network makes use of: its inputs' weights, its branch beside its skip, what is not linear."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pricerange.phone import FEATURE_NAMES
from training.network.mlp import Mlp
from training.network.network import Bagged, Network, PhoneModel


@dataclass(frozen=True, slots=True)
class Branch:
    """The hidden layers beside the linear skip, both of which lead to the head, on `rows` phones.

    `share` is the variance of what the branch adds to the head's sums, over that and the variance of what
    the skip adds; `changed` counts the answers that differ where the branch adds its mean.
    """

    share: float
    changed: int
    rows: int

    @property
    def is_idle(self) -> bool:
        """Whether the model would answer all these phones alike without the hidden layers."""
        return self.changed == 0


@dataclass(frozen=True, slots=True)
class Usage:
    """`not_linear` is the share of the logits' variance that no linear function of the features has.

    `skip` and `first_layer` are the norms of the features' weights there, times the deviations of the inputs,
    and of the features that have any, the largest being 1; they are empty where there is no such layer, or
    where its inputs are not the features. `branch` is None without a linear skip.
    """

    not_linear: float
    skip: dict[str, float]
    first_layer: dict[str, float]
    branch: Branch | None


@torch.no_grad()
def usage(model: PhoneModel, features: npt.NDArray[np.float32]) -> Usage:
    """Look into a model in eval mode while it answers n phones float32 [n, 20]; bagged networks are one."""
    rows = torch.from_numpy(features)
    inputs = model.preprocess(rows)
    networks = model.network.networks if isinstance(model.network, Bagged) else [model.network]
    hidden = [network.body(inputs) for network in networks]
    bodies = [network.body for network in networks if isinstance(network.body, Mlp)]
    skip, first, branch = {}, {}, None
    if bodies:
        skips, width = bodies[0].skipped, bodies[0].width - bodies[0].skipped
        if model.preprocess.directions is None:
            spread = inputs.std(dim=0, correction=0)
            # the mean of what they add is what all of them add
            weights = torch.stack([network.head.linear.weight[:, width:] for network in networks]).mean(dim=0)
            skip = _by_feature(weights, spread) if skips else {}
            first = _by_feature(torch.cat([body.layers[0].weights[0] for body in bodies]), spread)
        if skips:
            branch = _branch(model, networks, hidden, width)
    return Usage(_not_linear(inputs, model.logits(rows)), skip, first, branch)


def _branch(model: PhoneModel, networks: Sequence[Network], hidden: Sequence[Tensor], width: int) -> Branch:
    def varies(part: slice) -> Tensor:
        sums = [
            given[:, part].double() @ network.head.linear.weight[:, part].double().T
            for network, given in zip(networks, hidden, strict=True)
        ]
        return torch.stack(sums).mean(dim=0).var(dim=0).sum()

    def answers(given: Sequence[Tensor]) -> Tensor:
        logits = [network.head(each) for network, each in zip(networks, given, strict=True)]
        mean = torch.stack(logits).mean(dim=0)
        return model.network.head.probabilities(mean / model.temperature).argmax(dim=1)

    added, skipped = varies(slice(0, width)), varies(slice(width, None))
    still = [
        torch.cat([each[:, :width].mean(dim=0).expand(len(each), -1), each[:, width:]], dim=1)
        for each in hidden
    ]
    together = (added + skipped).item()
    share = added.item() / together if together else 0.0
    return Branch(share, int((answers(hidden) != answers(still)).sum()), len(hidden[0]))


def _by_feature(weights: Tensor, spread: Tensor) -> dict[str, float]:
    """Return the norms of the columns of [m, 20], of those that are not 0, over the largest."""
    norms = (torch.linalg.vector_norm(weights, dim=0) * spread).numpy()
    largest = norms.max()
    return {FEATURE_NAMES[place]: float(norms[place] / largest) for place in np.flatnonzero(norms)}


def _not_linear(inputs: Tensor, logits: Tensor) -> float:
    """Return what is left of the logits' variance after least squares."""
    known = torch.cat([inputs, torch.ones(len(inputs), 1)], dim=1).double().numpy()
    wanted = logits.double().numpy()
    fitted = known @ np.linalg.lstsq(known, wanted)[0]
    whole = float(wanted.var(axis=0).sum())
    return float(np.square(wanted - fitted).mean(axis=0).sum()) / whole if whole else 0.0
