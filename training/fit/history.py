"""What a run came to, epoch by epoch."""

import csv
import io
from dataclasses import astuple, dataclass, fields


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


def as_csv(history: History) -> str:
    """Write a line an epoch, every number in full; a layer's columns are named `hidden 1 gradient_norm`."""
    own = [field.name for field in fields(Epoch) if field.name != "layers"]
    inner = [field.name for field in fields(Layer) if field.name != "name"]
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    of_layers = [f"{layer.name} {name}" for layer in history.kept.layers for name in inner]
    table.writerow(["epoch", *own[1:], *of_layers])
    for epoch in history.epochs:
        measures = [value for layer in epoch.layers for value in astuple(layer)[1:]]
        table.writerow([*(getattr(epoch, name) for name in own), *measures])
    return file.getvalue()
