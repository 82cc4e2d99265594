"""What a run came to, epoch by epoch."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the training part: mean losses a row, without the penalty, and accuracies.

    `loss` and `accuracy` are those of the training part during the pass, dropout at work; the others are
    measured after it. `validation_error` is the standard error of the validation loss.
    """

    number: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_error: float
    validation_accuracy: float
    learning_rate: float


@dataclass(frozen=True, slots=True)
class History:
    """A finished run: all its epochs, and the one whose weights the network was left with."""

    epochs: list[Epoch]
    kept: Epoch
