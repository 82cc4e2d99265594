"""What a network answers with, and the loss that it learns by."""

from typing import Annotated, Literal

from pydantic import Field

from training.recipe.sections.section import Portion, Positive, Section, Share


class Softmax(Section):
    """One logit a price range."""

    name: Literal["softmax"]
    loss: Literal["cross_entropy", "hinge", "exponential"] = Field(
        default="cross_entropy",
        description="hinge: the true logit is to exceed each other by 1; exponential: e to the power of the "
        "mean logit less the true one",
    )
    label_smoothing: Portion = Field(
        default=0.0, description="Share of the target that all price ranges get alike, with cross_entropy"
    )


class Ordinal(Section):
    """One score and three ordered thresholds; the loss of being above each or not, summed."""

    name: Literal["ordinal"]
    loss: Literal["binary_cross_entropy", "hinge", "exponential"] = Field(
        default="binary_cross_entropy",
        description="hinge: the score is to lie 1 on the right side of each threshold; exponential: e to the "
        "power of how far it lies on the wrong one",
    )


class Number(Section):
    """The price range as a number."""

    name: Literal["number"]
    loss: Literal["mse", "mae", "smooth_l1", "huber", "quantile"]
    delta: Positive = Field(
        default=1.0, description="Error, in price ranges, from which on huber grows in a straight line"
    )
    quantile: Share = Field(
        default=0.5, description="Share of phones whose number lies below the one that quantile learns"
    )


Head = Annotated[Softmax | Ordinal | Number, Field(discriminator="name")]
