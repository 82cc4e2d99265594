"""A multilayer perceptron: blocks one after the other, and what their inputs cost."""

import torch
from torch import Tensor, nn
from torch.linalg import vector_norm

from training.network.activations import ACTIVATIONS, Maxout
from training.network.weight_layer import WeightLayer
from training.recipe import sections


class Residual(nn.Module):
    """What comes in, float32 [n, width], and what a block makes of it, added up.

    The block learns the difference alone (He et al., "Deep Residual Learning for Image Recognition", 2016).
    """

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, inputs: Tensor) -> Tensor:  # noqa: D102
        added: Tensor = inputs + self.block(inputs)
        return added


class Mlp(nn.Module):
    """Blocks of Linear -> BatchNorm1d -> activation -> Dropout: float32 [n, inputs] -> [n, width]."""

    def __init__(self, inputs: int, choices: sections.Mlp) -> None:
        super().__init__()
        self.blocks, self.layers = nn.Sequential(), list[WeightLayer]()
        self.stages: list[tuple[nn.Module, int, int]] = []
        """Each block with its inputs and its width."""
        before = inputs
        for number, (after, name, dropout) in enumerate(
            zip(choices.hidden, choices.activations, choices.dropout, strict=True), start=1
        ):
            pieces = choices.maxout_pieces if name == "maxout" else 1
            linear = nn.Linear(before, after * pieces)
            norm = [_batch_norm(after * pieces, choices.batch_norm_bias)] if choices.batch_norm else []
            activation = Maxout(pieces) if name == "maxout" else ACTIVATIONS[name]()
            block = nn.Sequential(linear, *norm, activation, nn.Dropout(dropout))
            if choices.residual and number > 1:
                block = nn.Sequential(Residual(block))
            self.blocks.extend(block)
            self.layers.append(WeightLayer(f"hidden {number}", linear, activation, name))
            self.stages.append((block, before, after))
            before = after
        self.skipped = inputs if choices.linear_skip else 0
        self.width = before + self.skipped
        self.input_sparsity, self.skip_sparsity = choices.input_sparsity, choices.skip_sparsity

    def forward(self, inputs: Tensor) -> Tensor:  # noqa: D102
        hidden: Tensor = self.blocks(inputs)
        return torch.cat([hidden, inputs], dim=1) if self.skipped else hidden

    def keep_inputs(self, kept: Tensor, head_weights: Tensor) -> None:
        """Hold the weights of all inputs but the kept ones, bool [inputs], at 0 from now on."""
        _hold_at_zero(self.layers[0].weights[0], kept)
        if self.skipped:
            _hold_at_zero(head_weights, torch.cat([kept.new_ones(self.width - self.skipped), kept]))

    def used_inputs(self, head_weights: Tensor) -> Tensor:
        """Return bool [inputs]: which have a weight that is not 0, in the first layer or in the skip."""
        used = self.layers[0].weights[0].detach().any(dim=0)
        return used | head_weights.detach()[:, -self.skipped :].any(dim=0) if self.skipped else used

    def penalty(self, head_weights: Tensor) -> Tensor:
        """Return the group-lasso penalties: the sum over the inputs of the norm of their weights, weighted.

        One is on the first layer, one on the linear skip, the last columns of the head's float32 [m, width].
        Each drives the inputs that carry nothing to weight 0 as one (Scardapane et al., "Group sparse
        regularization for deep neural networks", 2017).
        """
        penalty = head_weights.new_zeros(())
        if self.input_sparsity:
            penalty = penalty + self.input_sparsity * vector_norm(self.layers[0].weights[0], dim=0).sum()
        if self.skip_sparsity:
            penalty = (
                penalty + self.skip_sparsity * vector_norm(head_weights[:, -self.skipped :], dim=0).sum()
            )
        return penalty


def _hold_at_zero(weights: Tensor, kept: Tensor) -> None:
    """Set the columns of float32 [m, n] to 0 that are not kept, bool [n]; no step moves them from there."""
    with torch.no_grad():
        weights.mul_(kept)
    # a weight of 0 does not decay either
    weights.register_hook(lambda gradient: gradient * kept.to(gradient.device))  # type: ignore[no-untyped-call]


def _batch_norm(width: int, bias: float) -> nn.BatchNorm1d:
    norm = nn.BatchNorm1d(width)
    nn.init.constant_(norm.bias, bias)
    return norm
