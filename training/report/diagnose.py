"""The diagnosis of a run: what its curves and gradients say, and what to change in the recipe."""

from dataclasses import dataclass
from statistics import median
from typing import Literal

from pricerange.verdict import Verdict
from training.fit.divergence import EXPLODING_NORM
from training.fit.history import Epoch, History
from training.promotion import signal
from training.recipe.recipe import Recipe
from training.report import advice
from training.report.yardstick import Yardstick

Name = Literal[
    "exploding gradients",
    "dead units",
    "too few phones",
    "no signal",
    "weak signal",
    "vanishing gradients",
    "underfitting",
    "overfitting",
    "good fit",
]
"""In order of precedence: a cause goes before what it brings about."""

EXPLODING_SHARE = 0.1
"""Share of the epochs with such a norm from which on it is not just a passing start."""
VANISHING_RATIO = 1e-3
"""A layer's gradient norm over the largest layer's below which it stands still while others learn."""
VANISHING_NORM = 1e-4
"""Gradient norm below which a layer stands still whatever the others do."""
DEAD_SHARE = 0.5
"""Share of a layer's units without any answer from which on the network is another than the recipe's."""
GAP_ERRORS = 3.0
"""Standard errors of the validation loss by which it must exceed the training loss: less may be chance."""
GAP_RATIO = 1.5
"""Factor by which it must do so: less is what any model loses on rows it has not seen."""
ACCURACY_GAP = 0.1
"""Fall of accuracy from the training to the validation part that 50 phones do not make by chance."""
END = 5
"""Epochs at the end whose median speaks for the end of the run."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is the matter by name, the numbers that led to it and what to change, each a sentence."""

    verdict: Name
    evidence: list[str]
    advice: list[str]


def diagnose(history: History, recipe: Recipe, linear: Yardstick, verdict: Verdict) -> Diagnosis:
    """Judge a finished run.

    `linear` is what a linear model makes of the validation part, `verdict` how the model does on the test
    part beside chance and beside a linear model.

    The diagnoses exclude each other. Exploding gradients come first, as the step that they cause can leave
    dead units behind, which in turn pass no gradient on. Where the rows themselves say little, no network
    learns much from them; one that cannot learn also underfits, and only one that learned can overfit.
    """
    if found := _breaks_down(history, recipe):
        return found
    if name := signal.lacks(verdict):
        return Diagnosis(name, signal.evidence(verdict), advice.on_little_signal(name))
    if _reached(history) < linear.least:
        return _does_not_learn(history, recipe, linear)
    if evidence := _overfits(history):
        return Diagnosis("overfitting", evidence, advice.on_overfitting(recipe))
    if evidence := signal.missed(verdict):
        return Diagnosis("underfitting", evidence, advice.on_underfitting(recipe))
    return Diagnosis("good fit", _fits(history, linear), [])


def _breaks_down(history: History, recipe: Recipe) -> Diagnosis | None:
    if evidence := _explodes(history):
        return Diagnosis("exploding gradients", evidence, advice.on_exploding_gradients(recipe))
    if evidence := _is_dead(history):
        return Diagnosis("dead units", evidence, advice.on_dead_units(recipe))
    return None


def _does_not_learn(history: History, recipe: Recipe, linear: Yardstick) -> Diagnosis:
    if evidence := _vanishes(history, linear):
        return Diagnosis("vanishing gradients", evidence, advice.on_vanishing_gradients(recipe))
    return Diagnosis("underfitting", _underfits(history, linear), advice.on_underfitting(recipe))


def _explodes(history: History) -> list[str]:
    peaks = [max(epoch.layers, key=lambda layer: layer.gradient_norm) for epoch in history.epochs]
    torn = [peak for peak in peaks if peak.gradient_norm > EXPLODING_NORM]
    if len(torn) <= EXPLODING_SHARE * len(peaks):
        return []
    largest = max(torn, key=lambda peak: peak.gradient_norm)
    return [
        f"In {len(torn)} of {len(peaks)} epochs a layer's gradient norm exceeded {EXPLODING_NORM:g}; "
        f"the largest was {largest.gradient_norm:.3g}, in {largest.name}.",
        _losses(history.epochs[0], "after the first epoch"),
    ]


def _is_dead(history: History) -> list[str]:
    dead = [(layer.dead, layer.name) for layer in history.kept.layers if layer.dead is not None]
    share, name = max(dead, default=(0.0, ""))
    if share < DEAD_SHARE:
        return []
    others = ", ".join(f"{other} {_percent(part)}" for part, other in dead if other != name)
    return [
        f"No training phone activates {_percent(share)} of the units of {name}"
        + (f" (others: {others})." if others else "."),
        "A unit that is never active gets no gradient and does not recover.",
    ]


def _vanishes(history: History, linear: Yardstick) -> list[str]:
    norms = _typical_norms(history)
    weakest, strongest = min(norms, key=norms.__getitem__), max(norms, key=norms.__getitem__)
    smallest, largest = norms[weakest], norms[strongest]
    if smallest > max(VANISHING_RATIO * largest, VANISHING_NORM):
        return []
    return [
        f"The median gradient norm of {weakest} is {smallest:.2g}, that of {strongest} {largest:.2g}: "
        f"{weakest} hardly learns.",
        f"Accuracy reached {_percent(_reached(history))}. {_of_linear(linear)}",
    ]


def _underfits(history: History, linear: Yardstick) -> list[str]:
    evidence = [
        f"Accuracy reached only {_percent(_reached(history))}. {_of_linear(linear)}",
        _losses(history.epochs[-1], "at the end"),
    ]
    middle = history.epochs[len(history.epochs) // 2]
    fall = middle.validation_loss - _end_loss(history)
    if fall > history.epochs[-1].validation_error:
        evidence.append(
            f"The validation loss was still falling: by {fall:.3f} in the second half of the epochs."
        )
    return evidence


def _overfits(history: History) -> list[str]:
    training = median(epoch.loss for epoch in history.epochs[-END:])
    validation = _end_loss(history)
    gap, error = validation - training, history.epochs[-1].validation_error
    right, learned = history.kept.validation_accuracy, _end_accuracy(history)
    if (gap <= GAP_ERRORS * error or validation <= GAP_RATIO * training) and learned - right <= ACCURACY_GAP:
        return []
    evidence = [
        f"At the end the validation loss is {validation:.3f} and the training loss {training:.3f}; the "
        f"standard error is {error:.3f}.",
        f"The kept weights classify {_percent(right)} of the validation phones correctly; at the end of "
        f"training, accuracy on the training phones was {_percent(learned)}.",
    ]
    lowest = min(history.epochs, key=lambda epoch: epoch.validation_loss)
    if validation - lowest.validation_loss > lowest.validation_error:
        evidence.append(
            f"The validation loss was lowest, {lowest.validation_loss:.3f}, in epoch {lowest.number} of "
            f"{len(history.epochs)} and has risen since."
        )
    return evidence


def _fits(history: History, linear: Yardstick) -> list[str]:
    kept = history.kept
    norms = _typical_norms(history).values()
    dead = max((layer.dead for layer in kept.layers if layer.dead is not None), default=0.0)
    return [
        f"The kept weights, from epoch {kept.number}, classify {_percent(kept.validation_accuracy)} of the "
        f"validation phones correctly; training accuracy in that epoch was {_percent(kept.accuracy)}.",
        f"The validation loss is {kept.validation_loss:.3f} with a standard error of "
        f"{kept.validation_error:.3f}, the training loss during the epoch {kept.loss:.3f}.",
        _of_linear(linear),
        f"Every layer learns: median gradient norms range from {min(norms):.2g} to {max(norms):.2g}, and at "
        f"most {_percent(dead)} of a layer's units are dead.",
    ]


def _reached(history: History) -> float:
    """Return the accuracy on the training part at the end, or the kept weights' on the validation part.

    Whichever is higher: dropout is at work in the first.
    """
    return max(history.kept.validation_accuracy, _end_accuracy(history))


def _typical_norms(history: History) -> dict[str, float]:
    """Return each layer's gradient norm, the median over the epochs: neither the start's nor the end's."""
    return {
        layer.name: median(epoch.layers[place].gradient_norm for epoch in history.epochs)
        for place, layer in enumerate(history.kept.layers)
    }


def _end_accuracy(history: History) -> float:
    return median(epoch.accuracy for epoch in history.epochs[-END:])


def _end_loss(history: History) -> float:
    return median(epoch.validation_loss for epoch in history.epochs[-END:])


def _of_linear(linear: Yardstick) -> str:
    return (
        f"The ordinal linear model, trained on the same phones, classifies {_percent(linear.accuracy)} of "
        f"the validation phones correctly, with a standard error of {_percent(linear.error)}."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _losses(epoch: Epoch, when: str) -> str:
    return f"The losses {when}: training {epoch.loss:.3g}, validation {epoch.validation_loss:.3g}."
