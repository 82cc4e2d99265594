"""How long a network learns, in what pieces, and what is done around it."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from training.recipe.sections.section import Count, Positive, Section, Share


def _known_batch_size(value: object) -> object:
    if value == "full" or (type(value) is int and value >= 1):
        return value
    raise PydanticCustomError("batch_size", "Input should be 'full' or a whole number from 1")


BatchSize = Annotated[int | Literal["full"], BeforeValidator(_known_batch_size)]


class Loop(Section):
    """How long and in what pieces. A key that is left out is a measure that is not taken."""

    epochs: Count
    batch_size: BatchSize = Field(
        description="Rows per step: 1 is stochastic, `full` is batch gradient descent, between is mini-batch"
    )
    shuffle: bool = Field(
        default=True, description="Rows in another order each epoch; false keeps the file's"
    )
    patience: Count | None = Field(
        default=None, description="Epochs without a validation loss near the lowest after which the run ends"
    )
    clip_value: Positive | None = Field(default=None, description="Largest size of a gradient's element")
    clip_norm: Positive | None = Field(default=None, description="Largest norm of all gradients combined")
    ema_decay: Share | None = Field(
        default=None, description="Share of the averaged weights that a step keeps"
    )


class Pretraining(Section):
    """Layer by layer before the run: each block in turn learns to encode what comes in.

    A linear decoder, thrown away afterwards, is to restore it; the loss is the squared error. Optimiser and
    batches are the recipe's.
    """

    epochs: Count = Field(description="Passes over the training part for each block")
    learning_rate: Positive = Field(default=0.001, description="Of all steps of the pretraining")


class Bagging(Section):
    """Networks side by side, each learned from a bootstrap sample of the training rows."""

    networks: int = Field(ge=2, description="How many; the graph answers with the mean of their logits")
