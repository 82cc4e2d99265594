"""Whether a run has left the numbers, and what took it there."""

import math

from torch import Tensor

from training.errors import DivergedError
from training.recipe.recipe import Recipe
from training.recipe.sections import Mlp

EXPLODING_NORM = 100.0
"""A gradient norm that tears a layer: with standardised inputs and a loss of about 1, it is 0.01 to 10."""


class DivergenceGuard:
    """Looks at the losses of each epoch; keeps the gradients that the run began with as evidence."""

    def __init__(self, layer_names: list[str], recipe: Recipe) -> None:
        """Guard a run of the recipe, which what is advised would change."""
        self._names = layer_names
        self._recipe = recipe
        self._first: list[float] = []

    def check(self, epoch: int, losses: Tensor, norms: Tensor, validation_loss: float, rate: float) -> None:
        """Raise `DivergedError` unless the losses float32 [batches] and the validation loss are finite.

        `norms` float32 [batches, layers] are those of the gradients; `rate` is the epoch's first.
        """
        self._first = self._first or norms[0].tolist()
        lost = (~losses.isfinite()).nonzero()
        if len(lost) == 0 and math.isfinite(validation_loss):
            return
        # a loss that only the validation part shows comes from the last step
        batch = int(lost[0]) if len(lost) else len(losses) - 1
        loss = losses[batch].item() if len(lost) else validation_loss
        # the loss of the very first batch comes before any step
        stepped = epoch > 1 or batch > 0 or len(lost) == 0
        raise DivergedError(epoch, batch + 1, loss, rate, self._cause(stepped, rate))

    def _cause(self, stepped: bool, rate: float) -> str:
        if not stepped:
            return (
                "initial weights that are too large, since no step had been taken yet: try "
                f"{self._remedies('initialisation', 'network.batch_norm', 'preprocess.standardise')}"
            )
        size, name = max(
            (norm if math.isfinite(norm) else math.inf, name)
            for norm, name in zip(self._first, self._names, strict=True)
        )
        beginning = f"the largest gradient norm in the first batch of the run was {size:.3g}, in {name}"
        if size > EXPLODING_NORM:
            return (
                f"an exploding gradient: {beginning}, before any step; try "
                f"{self._remedies('loop.clip_norm', 'network.batch_norm', 'initialisation')}"
            )
        return (
            f"a learning rate that is too high: {beginning}, so the steps made it explode; try a rate "
            f"far below {rate:g}, a warm-up or loop.clip_norm"
        )

    def _remedies(self, *keys: str) -> str:
        """List what the recipe does not do already."""
        network = self._recipe.network
        done = {
            "network.batch_norm": not isinstance(network, Mlp) or network.batch_norm,
            "preprocess.standardise": self._recipe.preprocess.standardise,
            "loop.clip_norm": self._recipe.loop.clip_norm is not None,
        }
        left = ["a different initialisation" if key == "initialisation" else key for key in keys]
        *first, last = [key for key in left if not done.get(key, False)]
        return f"{', '.join(first)} or {last}" if first else last
