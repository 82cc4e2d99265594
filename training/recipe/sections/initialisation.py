"""The weights at the start."""

from typing import Annotated, Literal

from pydantic import Field

from training.recipe.sections.section import LARGEST, Finite, Positive, Section


class ByRule(Section):
    """A spread by a layer's widths; `auto` is kaiming_normal for the ReLU family, xavier_normal else."""

    name: Literal[
        "auto", "kaiming_normal", "kaiming_uniform", "xavier_normal", "xavier_uniform", "torch_default"
    ]


class Normal(Section):
    """Weights from a normal distribution around 0."""

    name: Literal["normal"]
    deviation: Positive = 0.05


class Uniform(Section):
    """Weights from -bound to bound."""

    name: Literal["uniform"]
    bound: float = Field(
        default=0.05,
        gt=0,
        le=LARGEST / 2,
        allow_inf_nan=False,
        description="Half of a width that is a float32",
    )


class Constant(Section):
    """All weights the same."""

    name: Literal["constant"]
    value: Finite


class Fixed(Section):
    """All weights 0 or all weights 1."""

    name: Literal["zeros", "ones"]


LayerInitialisation = Annotated[ByRule | Normal | Uniform | Constant | Fixed, Field(discriminator="name")]


class PerLayer(Section):
    """Each layer by a choice of its own."""

    name: Literal["per_layer"]
    layers: list[LayerInitialisation] = Field(
        min_length=2, description="Tables like this section's, from the first layer to the head"
    )


Initialisation = Annotated[
    ByRule | Normal | Uniform | Constant | Fixed | PerLayer, Field(discriminator="name")
]
