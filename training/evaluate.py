"""A model version judged by phones whose price range is known."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from pricerange.answer.prediction_sets import PredictionSets
from pricerange.phone import LABELS
from pricerange.predictor import Predictor
from pricerange.tables.source.files import AS_USUAL, Reading
from training import data
from training.quality.coverage import Coverage, coverage
from training.quality.interval import text
from training.quality.measures import Measures, measure
from training.row_hashes import seen


@dataclass(frozen=True, slots=True)
class Answered:
    """How good answers are, and their prediction sets where the version makes any."""

    evaluation: Measures
    conformal: dict[str, Coverage]


@dataclass(frozen=True, slots=True)
class VersionEvaluation(Answered):
    """How a version answers the phones of `source`: all of them, and by themselves those that are new to it.

    `learned` and `tuned` are the numbers of these phones that the version was fitted to, and that stopped
    its training and calibrated it, wherever they were read from; None where it does not keep which they were.
    `new` is None where all are new, none is or it is not known.
    """

    model: str
    version: str
    source: str
    sha256: str
    learned: int | None
    tuned: int | None
    new: Answered | None


def evaluate(
    models: Path, sources: Sequence[str], version: int | None = None, reading: Reading = AS_USUAL
) -> VersionEvaluation:
    """Answer phones with a version, the one that `bundle.find` takes if none is named, and measure it.

    Raises the errors of `pricerange.bundle`, `pricerange.predictor` and `training.data`.
    """
    predictor = Predictor.load(models, version)
    bundle, phones = predictor.bundle, data.load(sources, reading)
    probabilities = predictor.predict(phones.features).probabilities
    sets = PredictionSets.of_version(bundle.passport)

    def answered(rows: npt.NDArray[np.bool_]) -> Answered:
        given, truth = probabilities[rows], phones.price_range[rows]
        return Answered(measure(given, truth), coverage(given, truth, sets) if sets else {})

    everything = np.ones(len(probabilities), np.bool_)
    known = seen(bundle.passport, phones.features)
    is_new = known.new if known else everything
    whole = answered(everything)
    return VersionEvaluation(
        evaluation=whole.evaluation,
        conformal=whole.conformal,
        model=bundle.name,
        version=bundle.version,
        source=phones.source,
        sha256=phones.sha256,
        learned=int(known.learned.sum()) if known else None,
        tuned=int(known.tuned.sum()) if known else None,
        new=answered(is_new) if is_new.any() and not is_new.all() else None,
    )


def as_json(found: VersionEvaluation) -> str:
    """Write all of it."""
    return json.dumps(dataclasses.asdict(found), indent=1)


def show(found: VersionEvaluation, console: Console | None = None) -> None:
    """Print it for people, on standard output if no console is given."""
    console = console or Console()
    rows = found.evaluation.rows
    _print(f"{found.model} {found.version} on {found.source}: {rows} phones", console)
    for line in _of_seen(found):
        _print(line, console, style="yellow")
    for table in _tables(found.new or found):
        console.print()
        console.print(table)
    if found.new:
        _print(f"\nOf all {rows} phones:\n", console)
        console.print(next(_tables(found)))


def _print(line: str, console: Console, style: str | None = None) -> None:
    """Print a line as it is: a file may be called what rich takes for markup."""
    console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


def _of_seen(found: VersionEvaluation) -> Iterator[str]:
    """Say how much of the data is not new to the version, and what that means for the figures."""
    if found.learned is None or found.tuned is None:
        yield (
            f"Version {found.version} does not keep which phones it learned from. If some of these are among "
            "them, the results are too optimistic."
        )
        return
    if not found.learned and not found.tuned:
        return
    yield (
        f"The version has seen some of these phones: {found.learned} of them trained it and {found.tuned} "
        "were used to stop and calibrate it."
    )
    if found.new:
        yield f"What follows is of the {found.new.evaluation.rows} that are new to it; of all, at the end."
    else:
        yield "None is new to it, so these results are too optimistic."


def _tables(found: Answered) -> Iterator[Table]:
    measured = found.evaluation
    measures = _table("measure", "value", "95 % interval")
    for name, label, value in (
        ("accuracy", "accuracy", measured.accuracy),
        ("macro_f1", "macro F1", measured.macro.f1),
        ("kappa", "quadratic weighted kappa", measured.kappa),
        ("far_errors", "errors larger than one price range", measured.far_errors),
        ("nll", "negative log-likelihood, nats", measured.nll),
        ("brier", "Brier score, 0 to 2", measured.brier),
        ("ece", "expected calibration error", measured.ece),
    ):
        shown = "undefined" if value is None else f"{value:.4f}"
        measures.add_row(label, shown, text(measured.intervals.get(name)))
    yield measures
    classes = _table("price range", "precision", "recall", "F1")
    means = (("macro mean", measured.macro), ("weighted mean", measured.weighted))
    for name, quality in (*measured.classes.items(), *means):
        shares = (quality.precision, quality.recall, quality.f1) if quality else ()
        classes.add_row(name, *(f"{share:.4f}" for share in shares))
    yield classes
    confusion = _table("true \\ predicted", *LABELS)
    for name, counts in zip(LABELS, measured.confusion, strict=True):
        confusion.add_row(name, *map(str, counts))
    yield confusion
    if found.conformal:
        sets = _table("prediction sets", "coverage", "95 % interval", "mean size")
        for level, sets_of in found.conformal.items():
            covered = (f"{sets_of.coverage:.4f}", text(sets_of.interval))
            sets.add_row(f"{float(level):.0%}", *covered, f"{sets_of.mean_size:.3f}")
        yield sets


def _table(first: str, *others: str) -> Table:
    table = Table(first, box=None, pad_edge=False)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table
