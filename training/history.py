"""What a run came to, epoch by epoch."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layer:
    """One weight layer during an epoch: gradients of its weights, and the activation that follows it.

    `gradient_norm` is the mean L2 norm over the epoch's batches. `activation_mean` and
    `activation_variance` are over rows and units of the training part after the epoch, in eval mode; `dead`
    is the share of units that no training row activates, None where the activation cannot die.
    """

    name: str
    gradient_norm: float
    activation_mean: float
    activation_variance: float
    dead: float | None


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the training part: mean losses a row, without the penalty, and accuracies.

    `loss` and `accuracy` are those of the training part during the pass, dropout at work; the others are
    measured after it. `validation_error` is the standard error of the validation loss; `layers` go from the
    input to the head.
    """

    number: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_error: float
    validation_accuracy: float
    learning_rate: float
    layers: list[Layer]


@dataclass(frozen=True, slots=True)
class History:
    """A finished run: all its epochs, and the one whose weights the network was left with."""

    epochs: list[Epoch]
    kept: Epoch
