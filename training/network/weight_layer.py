"""A layer that has weights."""

from dataclasses import dataclass

from torch import nn

from training.recipe import sections


@dataclass(frozen=True, slots=True)
class WeightLayer:
    """A layer with weight matrices, and the module whose output is its activation.

    `nonlinearity` is None where none of the recipe's activations follows.
    """

    name: str
    module: nn.Module
    activation: nn.Module
    nonlinearity: sections.Activation | None

    @property
    def weights(self) -> list[nn.Parameter]:
        """The weight matrices."""
        return self._named("weight")

    @property
    def biases(self) -> list[nn.Parameter]:
        """The bias vectors."""
        return self._named("bias")

    def _named(self, start: str) -> list[nn.Parameter]:
        return [parameter for name, parameter in self.module.named_parameters() if name.startswith(start)]
