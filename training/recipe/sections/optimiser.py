"""How a gradient becomes a step."""

from typing import Annotated, Literal

from pydantic import Field

from training.recipe.sections.section import Portion, Positive, Section, Share, Strength


class _Rated(Section):
    learning_rate: Positive = Field(description="The schedule's highest rate")
    weight_decay: Strength = 0.0


class Sgd(_Rated):
    """Steps along the gradient."""

    name: Literal["sgd"]


class Momentum(_Rated):
    """Steps along the gradient and, fading, the steps before; `nesterov` looks one step ahead."""

    name: Literal["momentum", "nesterov"]
    momentum: Share = 0.9


class Adagrad(_Rated):
    """Rates that fall with the squared gradients so far."""

    name: Literal["adagrad"]
    initial_accumulator: Strength = 0.0
    epsilon: Positive = 1e-10


class RmsProp(_Rated):
    """Rates by the running mean of squared gradients."""

    name: Literal["rmsprop"]
    alpha: Portion = 0.99
    momentum: Portion = 0.0
    epsilon: Positive = 1e-8


class Adam(_Rated):
    """Rates by running means of the gradient and its square; `adamw` decays weights apart from them."""

    name: Literal["adam", "adamw"]
    beta1: Portion = 0.9
    beta2: Portion = 0.999
    epsilon: Positive = 1e-8


Optimiser = Annotated[Sgd | Momentum | Adagrad | RmsProp | Adam, Field(discriminator="name")]
