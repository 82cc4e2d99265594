"""The learning rate's way through the run; lengths are in epochs."""

from typing import Annotated, Literal

from pydantic import Field

from training.recipe.sections.section import Count, Portion, Positive, Section, Share, Strength


class Steady(Section):
    """The same rate all the time."""

    name: Literal["constant"]


class Step(Section):
    """The rate times `gamma` after every `step_size` epochs."""

    name: Literal["step"]
    step_size: Count
    gamma: Share = 0.1


class MultiStep(Section):
    """The rate times `gamma` after each of these epochs."""

    name: Literal["multistep"]
    milestones: list[Count] = Field(min_length=1)
    gamma: Share = 0.1


class PiecewiseConstant(Section):
    """The rate times the first factor up to the first boundary, times the second up to the next."""

    name: Literal["piecewise_constant"]
    boundaries: list[Count] = Field(min_length=1, description="Last epoch of each piece except the last")
    factors: list[Positive] = Field(description="One more than boundaries")


class Exponential(Section):
    """The rate times `gamma` with every epoch, step by step."""

    name: Literal["exponential"]
    gamma: Share


class InverseTime(Section):
    """The rate over 1 + `decay_rate` x epochs."""

    name: Literal["inverse_time"]
    decay_rate: Positive


class Cosine(Section):
    """Half a cosine from the rate down to `minimum_rate`."""

    name: Literal["cosine"]
    minimum_rate: Strength = 0.0


class OneCycle(Section):
    """Up from a fraction of the rate, then down to almost nothing; the momentum goes the other way."""

    name: Literal["one_cycle"]
    warm_up: Share = Field(description="Share of the steps in which the rate rises")
    start_divisor: Positive = Field(
        default=25.0, description="The initial rate is the highest divided by this"
    )
    end_divisor: Positive = Field(
        default=1e4, description="The final rate is the initial one divided by this"
    )
    base_momentum: Portion = Field(
        default=0.85,
        description="Replaces the optimiser's momentum or beta1, if it has one, at the highest rate",
    )
    max_momentum: Portion = Field(
        default=0.95,
        description="Replaces the optimiser's momentum or beta1, if it has one, at the lowest rates",
    )


class ReduceOnPlateau(Section):
    """The rate times `factor` after an epoch whose validation loss is not below the lowest so far."""

    name: Literal["reduce_on_plateau"]
    factor: Share = 0.5
    patience: int = Field(default=0, ge=0, description="Such epochs in a row that are let pass")
    minimum_rate: Strength = 0.0


Schedule = Annotated[
    Steady
    | Step
    | MultiStep
    | PiecewiseConstant
    | Exponential
    | InverseTime
    | Cosine
    | OneCycle
    | ReduceOnPlateau,
    Field(discriminator="name"),
]
