"""The model card: what a model was made of, how good it is, what it is not for."""

from collections.abc import Iterable, Sequence

from pricerange.phone import FEATURE_NAMES, LABELS
from training import plots
from training.data import LabelledPhones
from training.evaluate import Evaluation
from training.run import Run

_LEARNING_CURVE, _CONFUSION_MATRIX = "learning_curve.svg", "confusion_matrix.svg"
_KNOWN_DATA = {
    "287c5f67d302254327959da9e9360bc1adae607c3bbb40d682bb34b83dc6c4da": (
        "the public data set “Mobile Price Classification”, as published"
    ),
}
"""Files that their sha256 recognises."""


def documents(run: Run) -> dict[str, bytes]:
    """Make the files for people that lie beside the model: the card and the pictures it shows."""
    return {
        "MODEL_CARD.md": _card(run).encode(),
        _LEARNING_CURVE: plots.learning_curve(run.history),
        _CONFUSION_MATRIX: plots.confusion_matrix(run.evaluation.confusion),
    }


def _card(run: Run) -> str:
    parts, history, evaluation = run.parts, run.history, run.evaluation
    network, optimiser = run.recipe.network, run.recipe.optimiser
    ranges = ", ".join(f"{number} {name}" for number, name in enumerate(LABELS))
    parameters = sum(parameter.numel() for parameter in run.model.parameters())
    return f"""\
# Phone price range

Predicts the price range of a phone ({ranges}) from its {len(FEATURE_NAMES)} features, whose names, units and
limits stand in `pricerange/phone.py`.

## Data

`{run.phones.source}`, {_origin(run.phones)}: {len(run.phones.features)} phones, sha256
`{run.phones.sha256}`.
{len(parts.training)} were learned from, {len(parts.validation)} stopped the training, {len(parts.test)} were
kept for the test; each part holds the price ranges in the same proportion.

## Model

Standardisation, {len(network.hidden)} blocks of Linear, BatchNorm1d, {network.activation} and Dropout with
{" and ".join(map(str, network.hidden))} units, and the head `{network.head}`: {parameters} parameters.
Trained for {len(history.epochs)} epochs with the optimiser `{optimiser.name}` and the schedule
`{run.recipe.schedule.name}` up to a rate of {optimiser.learning_rate:g}. The weights are those of epoch
{history.kept.number}, the last whose validation loss lay within one standard error of the lowest. The whole
recipe stands in `bundle.json`.

![Learning curve]({_LEARNING_CURVE})

## Quality

On the {evaluation.rows} test phones, which this run did not learn from: accuracy {evaluation.accuracy:.4f}
(standard error {_standard_error(evaluation):.4f}).

{_quality_table(evaluation)}

{_confusion_table(evaluation.confusion)}

![Confusion matrix]({_CONFUSION_MATRIX})

## Limits of use

- The phones are of about 2017, and the price ranges have no currency and no year: the model sorts phones like
  those it has seen and knows nothing of the market of another year.
- It answers any phone inside the limits of `pricerange/phone.py`. Outside the ranges of the training rows,
  which stand in `bundle.json`, it extrapolates and its probabilities are not to be trusted.
- Its probabilities are not calibrated: they come from the network as they are.
- The numbers in the shipped recipe were chosen by cross-validation over all rows of the public data, so on
  that data the accuracy above is slightly too good.
- A `px_height` or `sc_w` of 0 stands for an unknown size in the public data; the model takes it as it is.
"""


def _origin(phones: LabelledPhones) -> str:
    if phones.source.startswith("synthetic:"):
        return "generated phones with a known rule"
    return _KNOWN_DATA.get(phones.sha256, "a table of the user's own")


def _standard_error(evaluation: Evaluation) -> float:
    return float((evaluation.accuracy * (1 - evaluation.accuracy) / evaluation.rows) ** 0.5)


def _quality_table(evaluation: Evaluation) -> str:
    rows = [
        (name, f"{quality.precision:.4f}", f"{quality.recall:.4f}", f"{quality.f1:.4f}")
        for name, quality in (*evaluation.classes.items(), ("macro mean", evaluation.macro))
    ]
    return _table(("price range", "precision", "recall", "F1"), rows)


def _confusion_table(confusion: Sequence[Sequence[int]]) -> str:
    rows = [(name, *map(str, counts)) for name, counts in zip(LABELS, confusion, strict=True)]
    return _table(("true \\ predicted", *LABELS), rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rows))
