"""The model card: what a model was made of, how good it is, what it is not for."""

from collections.abc import Iterable, Sequence

from pricerange.phone import FEATURE_NAMES, LABELS
from training.fit.history import as_csv
from training.promotion.words import told
from training.quality import interval
from training.quality.measures import Measures
from training.recipe.described import described
from training.report import plots, svg
from training.report.inside import inside
from training.report.limits import limits
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

Diagnosis of the run: **{run.diagnosis.verdict}**.

{_list(run.diagnosis.evidence)}
{_what_to_change(run.diagnosis.advice)}
## Quality

On the {evaluation.rows} test phones, which this run was not trained on, with 95 % intervals: exact ones of
shares (Clopper-Pearson), of other measures a bootstrap's, where there are enough phones and errors for one:

{_measures_table(evaluation)}

{_quality_table(evaluation)}

{_confusion_table(evaluation.confusion)}

![Confusion matrix]({_CONFUSION_MATRIX})

## Verdict

{_promotable(run)}
On the test phones, from which nothing was learned:

{_list(told(run.verdict))}
{_remarks(run)}
## What it depends on

{_list([*scope(run), *inside(run.usage)])}

## Calibration

One temperature, {calibration.temperature:.3f}, fitted on {calibration.rows} validation phones, is part of the
graph; it changed their negative log-likelihood from {calibration.nll_before:.4f} to
{calibration.nll_after:.4f}.

Prediction sets hold the true price range as often as asked for, whichever it is. They are made by the answers
of {run.recipe.sets.folds} other networks of this recipe, each to phones that it had not learned from, pooled.
No theorem promises the nominal coverage for that; on the test phones it was:

{_coverage_table(run)}

## Limits of use

{_list(limits(run.phones))}
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


def _promotable(run: Run) -> str:
    if run.verdict.promotable:
        return "Promotable: this version is served where none is named, until a newer one is."
    return "**Not promotable**: this version is served only where it is named, or after a person's word."


def _remarks(run: Run) -> str:
    remarks = [*(leak.sentence for leak in run.leaks), *run.verdict.remarks]
    return f"\nWorth knowing:\n\n{_list(remarks)}\n" if remarks else ""


def _measures_table(evaluation: Measures) -> str:
    measures = (
        ("accuracy", evaluation.accuracy, "accuracy"),
        ("macro F1", evaluation.macro.f1, "macro_f1"),
        ("quadratic weighted kappa", evaluation.kappa, "kappa"),
        ("negative log-likelihood (nats)", evaluation.nll, "nll"),
        ("Brier score (0 to 2)", evaluation.brier, "brier"),
        ("expected calibration error", evaluation.ece, "ece"),
        ("errors larger than one price range", evaluation.far_errors, "far_errors"),
    )
    rows = [
        (title, "" if value is None else f"{value:.4f}", interval.text(evaluation.intervals.get(name)))
        for title, value, name in measures
    ]
    return _table(("measure", "value", "interval"), rows)


def _coverage_table(run: Run) -> str:
    rows = [
        (
            f"{100 * float(level):g} %",
            f"{100 * found.coverage:.1f} %",
            interval.percent(found.interval),
            *("" if share is None else f"{100 * share:.1f} %" for share in found.classes.values()),
            f"{found.mean_size:.2f}",
        )
        for level, found in run.coverage.items()
    ]
    return _table(("nominal coverage", "actual coverage", "interval", *LABELS, "price ranges per set"), rows)


def _quality_table(evaluation: Measures) -> str:
    means = (("macro mean", evaluation.macro), ("weighted mean", evaluation.weighted))
    rows = [
        (name, *(f"{share:.4f}" for share in (quality.precision, quality.recall, quality.f1)))
        for name, quality in (*evaluation.classes.items(), *means)
        if quality
    ]
    return _table(("price range", "precision", "recall", "F1"), rows)


def _confusion_table(confusion: Sequence[Sequence[int]]) -> str:
    rows = [(name, *map(str, counts)) for name, counts in zip(LABELS, confusion, strict=True)]
    return _table(("true \\ predicted", *LABELS), rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rows))
