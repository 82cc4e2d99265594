"""The pictures of a run."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from pricerange.phone import LABELS
from training.fit.history import Epoch, History, Layer
from training.quality.importance import Importance
from training.quality.reliability import Bin
from training.report import svg

_TRAINING, _VALIDATION = svg.SERIES[:2]
_WIDE, _NARROW = (5.0, 3.0), (4.2, 3.6)
_SMALLEST_DOT, _ALL_ROWS_DOT = 8.0, 150.0
"""Areas in square points: of a dot that can just be seen, of one that stands for all rows."""


def learning_curve(history: History) -> Figure:
    """Draw loss and accuracy side by side."""
    with svg.figure(8, 3.2) as figure:
        left, right = figure.subplots(1, 2)
        _losses(left, history)
        _accuracies(right, history)
        left.set(title="Loss", ylabel="")
        right.set(title="Accuracy", ylabel="")
        left.legend()
    return figure


def loss(history: History) -> Figure:
    """Draw the loss of the training and the validation part by epoch."""
    with svg.figure(*_WIDE) as figure:
        axes = figure.subplots()
        _losses(axes, history)
        axes.legend()
    return figure


def accuracy(history: History) -> Figure:
    """Draw the accuracy on the training and the validation part by epoch."""
    with svg.figure(*_WIDE) as figure:
        axes = figure.subplots()
        _accuracies(axes, history)
        axes.legend(loc="lower center")
    return figure


def learning_rate(history: History) -> Figure:
    """Draw the learning rate by epoch."""
    with svg.figure(*_WIDE) as figure:
        axes = figure.subplots()
        _by_epoch(axes, history, "learning rate", (("", _TRAINING, lambda epoch: epoch.learning_rate),))
        axes.set_ylim(bottom=0)
    return figure


def gradient_norms(history: History) -> Figure:
    """Draw each layer's gradient norm by epoch."""
    figure = _by_layer(history, "gradient norm", lambda layer: layer.gradient_norm)
    _log_scale(figure.axes[0])
    return figure


def activation_variances(history: History) -> Figure:
    """Draw the variance of each layer's activations by epoch."""
    figure = _by_layer(history, "activation variance", lambda layer: layer.activation_variance)
    _log_scale(figure.axes[0])
    return figure


def dead_units(history: History) -> Figure:
    """Draw the share of each layer's units that no training phone activates, by epoch."""
    figure = _by_layer(history, "dead units", lambda layer: layer.dead)
    figure.axes[0].set_ylim(-0.02, 1.02)
    figure.axes[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


def confusion_matrix(confusion: Sequence[Sequence[int]]) -> Figure:
    """Draw the counts `confusion[true][answered]` of 4 x 4 price ranges."""
    counts = np.array(confusion)
    shares = counts / max(1, counts.max())
    ticks = range(len(LABELS))
    with svg.figure(*_NARROW) as figure:
        axes = figure.subplots()
        for (true, answered), share in np.ndenumerate(shares):
            shade = round(float(share), 2)
            axes.add_patch(Rectangle((answered - 0.5, true - 0.5), 1, 1, color=_TRAINING, alpha=shade, lw=0))
            ink = "white" if share > 0.5 else svg.INK
            axes.text(answered, true, str(counts[true, answered]), ha="center", va="center", color=ink)
        axes.set_xticks(ticks, LABELS)
        axes.set_yticks(ticks, LABELS)
        axes.set(xlabel="predicted price range", ylabel="true price range")
        axes.set(xlim=(-0.5, len(LABELS) - 0.5), ylim=(len(LABELS) - 0.5, -0.5), aspect="equal")
        axes.grid(visible=False)
        axes.tick_params(length=0)
    return figure


def reliability(bins: Sequence[Bin]) -> Figure:
    """Draw how often the answers of each bin are right against how sure they are, over the number of rows."""
    rows = sum(one.rows for one in bins)
    with svg.figure(*_NARROW) as figure:
        right, count = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        right.plot((0, 1), (0, 1), color=svg.FAINT, linestyle="--", label="perfectly calibrated")
        sure = [one.confidence for one in bins]
        areas = [max(_SMALLEST_DOT, _ALL_ROWS_DOT * one.rows / rows) for one in bins]
        right.scatter(
            sure, [one.accuracy for one in bins], areas, color=_TRAINING, label="model", clip_on=False
        )
        right.set(ylabel="accuracy", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        right.legend(loc="upper left")
        count.bar(sure, [one.rows for one in bins], width=0.03, color=_TRAINING)
        count.set(xlabel="confidence", ylabel="phones")
    return figure


def importance(importances: Sequence[Importance]) -> Figure:
    """Draw each feature's rise in loss, the largest on top, with the deviation over the shuffles."""
    ranked = sorted(importances, key=lambda one: one.rise)
    with svg.figure(6.4, 4.6) as figure:
        axes = figure.subplots()
        names = [one.feature for one in ranked]
        rises, deviations = [one.rise for one in ranked], [one.deviation for one in ranked]
        axes.barh(names, rises, xerr=deviations, color=_TRAINING, ecolor=svg.INK, error_kw={"lw": 0.9})
        axes.axvline(0, color=svg.FAINT, linewidth=0.8)
        axes.set(xlabel="rise in negative log-likelihood (nats)")
        axes.margins(y=0.01)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
    return figure


Line = tuple[str, str, Callable[[Epoch], float]]
"""A line's label, its colour and its height at an epoch."""


def _losses(axes: Axes, history: History) -> None:
    training: Line = ("training", _TRAINING, lambda epoch: epoch.loss)
    validation: Line = ("validation", _VALIDATION, lambda epoch: epoch.validation_loss)
    _by_epoch(axes, history, "loss", (training, validation))
    _log_scale(axes)


def _accuracies(axes: Axes, history: History) -> None:
    training: Line = ("training", _TRAINING, lambda epoch: epoch.accuracy)
    validation: Line = ("validation", _VALIDATION, lambda epoch: epoch.validation_accuracy)
    _by_epoch(axes, history, "accuracy", (training, validation))
    axes.yaxis.set_major_formatter(PercentFormatter(1))


def _by_layer(history: History, what: str, measure: Callable[[Layer], float | None]) -> Figure:
    """Draw a line for each layer that has the measure."""

    def line(place: int, name: str) -> Line:
        colour = svg.SERIES[place % len(svg.SERIES)]
        return name, colour, lambda epoch: measure(epoch.layers[place]) or 0.0

    with svg.figure(*_WIDE) as figure:
        axes = figure.subplots()
        lines = [
            line(place, layer.name)
            for place, layer in enumerate(history.kept.layers)
            if measure(layer) is not None
        ]
        _by_epoch(axes, history, what, lines)
        figure.legend(loc="outside upper left", ncols=4)
    return figure


def _by_epoch(axes: Axes, history: History, what: str, lines: Sequence[Line]) -> None:
    numbers = [epoch.number for epoch in history.epochs]
    # a single epoch is a point, and a line of one point is invisible
    marker = "o" if len(numbers) == 1 else None
    for place, (label, colour, height) in enumerate(lines):
        heights = [height(epoch) for epoch in history.epochs]
        style = "-" if place < len(svg.SERIES) else "--"
        axes.plot(numbers, heights, color=colour, linestyle=style, label=label, marker=marker)
    axes.axvline(history.kept.number, color=svg.FAINT, linestyle=":", linewidth=1.2)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="epoch (dotted: the kept weights)", ylabel=what)


def _log_scale(axes: Axes) -> None:
    """Make the heights logarithmic; zeros, which have no logarithm, are left out, and may not be all."""
    if not np.isfinite(axes.dataLim.minposy):
        return
    axes.set_yscale("log", nonpositive="mask")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
