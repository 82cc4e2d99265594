"""What a network is made of: its layers, what comes out of them, how many numbers they learn."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pricerange.phone import FEATURE_NAMES


@dataclass(frozen=True, slots=True)
class LayerRow:
    """A layer by its place in the model; `shape` is that of its output for one phone."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int


def layers(model: nn.Module) -> list[LayerRow]:
    """List a model's layers in the order in which a phone float32 [1, 20] passes them.

    A module is a layer if it has no parts, or parameters beside its parts'.
    """
    rows: list[LayerRow] = []

    def note(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, _: Any, output: Any) -> None:
            # a recurrent layer returns its states as well
            outcome: Tensor = output[0] if isinstance(output, tuple) else output
            own = sum(parameter.numel() for parameter in module.parameters(recurse=False))
            rows.append(LayerRow(name, type(module).__name__, tuple(outcome.shape[1:]), own))

        return hook

    hooks = [
        module.register_forward_hook(note(name))
        for name, module in model.named_modules()
        if not list(module.children()) or list(module.parameters(recurse=False))
    ]
    try:
        with torch.no_grad():
            model(torch.zeros(1, len(FEATURE_NAMES)))
    finally:
        for hook in hooks:
            hook.remove()
    return rows
