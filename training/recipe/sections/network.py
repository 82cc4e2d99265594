"""The network's body."""

import typing
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from training.recipe.sections.section import Count, Finite, Portion, Section, Strength

Activation = Literal["relu", "leaky_relu", "prelu", "tanh", "sigmoid", "softmax", "maxout"]


def _known_activations(value: object) -> object:
    names = typing.get_args(Activation)
    if value in names or (isinstance(value, list) and value and all(one in names for one in value)):
        return value
    listed = ", ".join(map(repr, names))
    raise PydanticCustomError(
        "activation",
        "Input should be {expected}",
        {"expected": f"one of {listed}, or a list of them, one for each hidden width"},
    )


L1 = Annotated[
    Strength, Field(description="Weight of the L1 penalty: the sizes of all weights but the biases, summed")
]


class Mlp(Section):
    """Blocks of Linear -> BatchNorm1d -> activation -> Dropout."""

    name: Literal["mlp"]
    hidden: list[Count] = Field(min_length=1, description="Width of each block")
    activation: Annotated[Activation | list[Activation], BeforeValidator(_known_activations)] = Field(
        description="Of all blocks, or a list with that of each"
    )
    maxout_pieces: int = Field(
        default=2, ge=2, description="Linear functions of which a maxout unit is the largest"
    )
    dropout: list[Portion] = Field(description="Dropout probability of each block")
    batch_norm: bool = True
    batch_norm_bias: Finite = Field(
        default=0.0,
        description="Initial bias of batch normalisation: from about 3 on, every ReLU starts active",
    )
    residual: bool = Field(
        default=False,
        description="From the second on, blocks add what comes in to what goes out; they have one width",
    )
    linear_skip: bool = Field(default=False, description="The head gets the inputs as well as the last block")
    input_sparsity: Strength = Field(
        default=0.0, description="Weight of the group-sparsity penalty on the first layer's input columns"
    )
    skip_sparsity: Strength = Field(
        default=0.0, description="Weight of the group-sparsity penalty on the linear skip's input columns"
    )
    pruning: Strength = Field(
        default=0.0,
        description="Price of an input, in times of the BIC's for one weight: those that lower the training "
        "loss by less get weights of 0, and the network is trained anew without them; 0 keeps all",
    )

    l1: L1 = 0.0

    @property
    def activations(self) -> list[Activation]:
        """The activation of each block."""
        one = self.activation
        return one if isinstance(one, list) else [one] * len(self.hidden)


class Lstm(Section):
    """The features as a sequence of 20 numbers; the head sees the last hidden state."""

    name: Literal["lstm"]
    hidden: Count = Field(description="Width of the hidden state")
    layers: Count = 1
    dropout: Portion = Field(default=0.0, description="Dropout probability of the last hidden state")
    truncation: Count | None = Field(
        default=None,
        description="Last steps of the sequence that errors are propagated back through; left out, all",
    )
    l1: L1 = 0.0


Network = Annotated[Mlp | Lstm, Field(discriminator="name")]
