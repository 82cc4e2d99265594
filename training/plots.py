"""The pictures of a run, as SVG that is the same for the same numbers."""

import io
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from pricerange.phone import LABELS
from training.history import History

_TRAINING, _VALIDATION = "#3b6ea8", "#d1495b"


def learning_curve(history: History) -> bytes:
    """Draw loss and accuracy of the training and the validation part by epoch."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    epochs = history.epochs
    numbers = [epoch.number for epoch in epochs]
    loss.plot(numbers, [epoch.loss for epoch in epochs], color=_TRAINING, label="training")
    loss.plot(numbers, [epoch.validation_loss for epoch in epochs], color=_VALIDATION, label="validation")
    loss.set(title="Loss", xlabel="epoch", yscale="log")
    accuracy.plot(numbers, [epoch.accuracy for epoch in epochs], color=_TRAINING)
    accuracy.plot(numbers, [epoch.validation_accuracy for epoch in epochs], color=_VALIDATION)
    accuracy.set(title="Accuracy", xlabel="epoch")
    accuracy.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    for axes in (loss, accuracy):
        axes.axvline(history.kept.number, color="0.6", linestyle=":", label="kept weights")
        axes.grid(alpha=0.3)
    loss.legend(frameon=False)
    return _svg(figure)


def confusion_matrix(confusion: Sequence[Sequence[int]]) -> bytes:
    """Draw the counts `confusion[true][answered]` of 4 x 4 price ranges."""
    figure = Figure(figsize=(4.6, 4), layout="constrained")
    axes = figure.subplots()
    counts = np.array(confusion)
    axes.imshow(counts, cmap="Blues", vmin=0)
    for (true, answered), count in np.ndenumerate(counts):
        color = "white" if count > counts.max() / 2 else "black"
        axes.text(answered, true, str(count), ha="center", va="center", color=color)
    ticks = range(len(LABELS))
    axes.set_xticks(ticks, LABELS)
    axes.set_yticks(ticks, LABELS)
    axes.set(xlabel="predicted price range", ylabel="true price range")
    return _svg(figure)


def _svg(figure: Figure) -> bytes:
    file = io.BytesIO()
    # ids are random and a date is noted unless told otherwise
    with mpl.rc_context({"svg.hashsalt": "pricerange"}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()
