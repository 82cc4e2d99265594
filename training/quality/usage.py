"""What a network makes use of: its inputs' weights, its branch beside its skip, what is not linear."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from pricerange.phone import FEATURE_NAMES
from training.network.mlp import Mlp
from training.network.network import PhoneModel


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
    """Look into a model in eval mode while it answers n phones float32 [n, 20]."""
    rows = torch.from_numpy(features)
    inputs = model.preprocess(rows)
    hidden, logits = _into_the_head(model, rows)
    body, weights = model.network.body, model.network.head.linear.weight
    skip, first, branch = {}, {}, None
    if isinstance(body, Mlp):
        spread = inputs.std(dim=0, correction=0)
        width = body.width - body.skipped
        if model.preprocess.directions is None:
            skip = _by_feature(weights[:, width:], spread) if body.skipped else {}
            first = _by_feature(body.layers[0].weights[0], spread)
        if body.skipped:
            branch = _branch(model, hidden, width)
    return Usage(_not_linear(inputs, logits), skip, first, branch)


def _into_the_head(model: PhoneModel, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return what the head gets [n, width], and what it makes of that [n, m]."""
    seen: list[Tensor] = []

    def note(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        seen.append(given[0])

    hook = model.network.head.linear.register_forward_pre_hook(note)
    try:
        logits = model.logits(rows)
    finally:
        hook.remove()
    return seen[0], logits


def _branch(model: PhoneModel, hidden: Tensor, width: int) -> Branch:
    head = model.network.head
    added, skipped = (
        (hidden[:, part].double() @ head.linear.weight[:, part].double().T).var(dim=0).sum()
        for part in (slice(0, width), slice(width, None))
    )
    still = torch.cat([hidden[:, :width].mean(dim=0).expand(len(hidden), -1), hidden[:, width:]], dim=1)
    before, after = (
        head.probabilities(head(each) / model.temperature).argmax(dim=1) for each in (hidden, still)
    )
    together = (added + skipped).item()
    share = added.item() / together if together else 0.0
    return Branch(share, int((before != after).sum()), len(hidden))


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
