"""The model card: what a model was made of, how good it is, what it is not for."""

from collections.abc import Iterable, Sequence

from pricerange.phone import FEATURE_NAMES, LABELS
from training.fit.history import as_csv
from training.quality.measures import Measures
from training.report import plots, svg
from training.report.described import described
from training.report.page import report
from training.report.run import Run
from training.report.scope import scope

_REPORT, _HISTORY = "report.html", "history.csv"
_LEARNING_CURVE, _CONFUSION_MATRIX = "learning_curve.svg", "confusion_matrix.svg"


def documents(run: Run) -> dict[str, bytes]:
    """Make the files for people that lie beside the model: the card, its pictures and the report."""
    return {
        "MODEL_CARD.md": _card(run).encode(),
        _LEARNING_CURVE: svg.standalone(plots.learning_curve(run.history)),
        _CONFUSION_MATRIX: svg.standalone(plots.confusion_matrix(run.evaluation.confusion)),
        _REPORT: report(run),
        _HISTORY: as_csv(run.history).encode(),
    }


def _card(run: Run) -> str:
    parts, history, evaluation, calibration = run.parts, run.history, run.evaluation, run.calibration
    optimiser = run.recipe.optimiser
    ranges = ", ".join(f"{number} {name}" for number, name in enumerate(LABELS))
    parameters = sum(parameter.numel() for parameter in run.model.parameters())
    return f"""\
# Phone price range

Predicts the price range of a phone ({ranges}) from its {len(FEATURE_NAMES)} features, whose names, units and
limits are defined in `pricerange/phone.py`. The [report]({_REPORT}) shows the training run in pictures; it is
a single file that opens in a browser without a network connection.

## Data

`{run.phones.source}`, {run.phones.origin}: {len(run.phones.features)} phones, sha256
`{run.phones.sha256}`.
{len(parts.training)} were used for training, {len(parts.validation)} {_use_of_validation(run)} the
model, and {len(parts.test)} were held out for testing; {_parts(run)}.

## Model

{_preprocessing(run)}{described(run.recipe)} and the head
`{run.recipe.head.name}`: {parameters} parameters.
The condition number is {run.model.preprocess.condition_number:.3g} for the training columns and
{run.model.preprocess.condition_number_left:.3g} for the network's input.
Trained for {len(history.epochs)} epochs with the optimiser `{optimiser.name}` and the schedule
`{run.recipe.schedule.name}` with a peak learning rate of {optimiser.learning_rate:g}. {_kept(run)}
The full recipe is in `bundle.json`, the figures of every epoch in [{_HISTORY}]({_HISTORY}).

![Learning curve]({_LEARNING_CURVE})

Verdict on the run: **{run.diagnosis.verdict}**.

{_list(run.diagnosis.evidence)}
{_what_to_change(run.diagnosis.advice)}
## Quality

On the {evaluation.rows} test phones, which this run was not trained on, with 95 % bootstrap intervals:

{_measures_table(evaluation)}

{_quality_table(evaluation)}

{_confusion_table(evaluation.confusion)}

![Confusion matrix]({_CONFUSION_MATRIX})

## What it depends on

{_list(scope(run))}

## Calibration

One temperature, {calibration.temperature:.3f}, fitted on {calibration.rows} validation phones, is part of the
graph; it changed their negative log-likelihood from {calibration.nll_before:.4f} to
{calibration.nll_after:.4f}.

Prediction sets hold the true price range as often as asked for, whichever it is. They are made by the answers
of {run.recipe.sets.folds} other networks of this recipe, each to phones that it had not learned from, pooled.
No theorem promises the nominal coverage for that; on the test phones it was:

{_coverage_table(run)}

## Limits of use

- The phones date from about 2017, and the price ranges have no currency and no year: the model classifies
  phones like those it has seen and knows nothing about the market of another year.
- It answers any phone within the limits in `pricerange/phone.py`. For a phone that is not in range, as said
  above, it extrapolates, and its probabilities are not to be trusted.
- Its probabilities are calibrated for phones like those it has seen, and only for them.
- The numbers in the shipped recipe were chosen by cross-validation over all rows of the public data, so on
  that data the accuracy above is slightly optimistic.
- A `px_height` or `sc_w` of 0 stands for an unknown size in the public data; the model uses it as it is.
"""


def _parts(run: Run) -> str:
    if run.recipe.split.shuffle:
        return "each part has the same proportions of price ranges"
    return "the parts follow one another in the order of the table"


def _kept(run: Run) -> str:
    number = run.history.kept.number
    if run.recipe.loop.patience is None:
        return f"The weights are those of the last epoch,\n{number}: choosing another needs `loop.patience`."
    return (
        f"The weights are those of epoch\n{number}, the last whose validation loss was within one standard "
        "error of the lowest."
    )


def _use_of_validation(run: Run) -> str:
    return (
        "calibrated" if run.recipe.loop.patience is None else "chose the epoch of the weights and calibrated"
    )


def _preprocessing(run: Run) -> str:
    choices = run.recipe.preprocess
    steps = ["Standardisation"] if choices.standardise else []
    if choices.svd is not None:
        steps.append(f"a truncated SVD to {choices.svd} dimensions")
    return ", ".join([*steps, ""]) if steps else ""


def _list(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _what_to_change(advice: Sequence[str]) -> str:
    return f"\nSuggested changes:\n\n{_list(advice)}\n" if advice else ""


def _measures_table(evaluation: Measures) -> str:
    intervals = {name: f"{low:.4f} to {high:.4f}" for name, (low, high) in evaluation.intervals.items()}
    rows = [
        ("accuracy", f"{evaluation.accuracy:.4f}", intervals["accuracy"]),
        ("quadratic weighted kappa", f"{evaluation.kappa:.4f}", intervals["kappa"]),
        ("negative log-likelihood (nats)", f"{evaluation.nll:.4f}", intervals["nll"]),
        ("Brier score (0 to 2)", f"{evaluation.brier:.4f}", intervals["brier"]),
        ("expected calibration error", f"{evaluation.ece:.4f}", ""),
        ("errors larger than one price range", f"{evaluation.far_errors:.4f}", ""),
    ]
    return _table(("measure", "value", "interval"), rows)


def _coverage_table(run: Run) -> str:
    rows = [
        (
            f"{100 * float(level):g} %",
            f"{100 * found.coverage:.1f} %",
            *("" if share is None else f"{100 * share:.1f} %" for share in found.classes.values()),
            f"{found.mean_size:.2f}",
        )
        for level, found in run.coverage.items()
    ]
    return _table(("nominal coverage", "actual coverage", *LABELS, "price ranges per set"), rows)


def _quality_table(evaluation: Measures) -> str:
    rows = [
        (name, f"{quality.precision:.4f}", f"{quality.recall:.4f}", f"{quality.f1:.4f}")
        for name, quality in (
            *evaluation.classes.items(),
            ("macro mean", evaluation.macro),
            ("weighted mean", evaluation.weighted),
        )
    ]
    return _table(("price range", "precision", "recall", "F1"), rows)


def _confusion_table(confusion: Sequence[Sequence[int]]) -> str:
    rows = [(name, *map(str, counts)) for name, counts in zip(LABELS, confusion, strict=True)]
    return _table(("true \\ predicted", *LABELS), rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rows))
