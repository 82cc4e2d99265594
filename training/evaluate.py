"""A model version judged by phones whose price range is known."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pricerange.answer.prediction_sets import PredictionSets
from pricerange.bundle import Passport
from pricerange.phone import LABELS
from pricerange.predictor import Predictor
from pricerange.tables.source.files import AS_USUAL, Reading
from training import data
from training.quality.coverage import Coverage, coverage
from training.quality.measures import Measures, measure


@dataclass(frozen=True, slots=True)
class VersionEvaluation:
    """How a version answers the phones of `source`.

    `learned` and `tuned` are the numbers of these phones that the version was fitted to, and that stopped
    its training and calibrated it: for other data than its own 0.
    """

    model: str
    version: str
    source: str
    sha256: str
    learned: int
    tuned: int
    evaluation: Measures
    conformal: dict[str, Coverage]


def evaluate(
    models: Path, sources: Sequence[str], version: int | None = None, reading: Reading = AS_USUAL
) -> VersionEvaluation:
    """Answer phones with a version, the newest promotable one if none is named, and measure it.

    Raises the errors of `pricerange.bundle`, `pricerange.predictor` and `training.data`.
    """
    predictor = Predictor.load(models, version)
    bundle, phones = predictor.bundle, data.load(sources, reading)
    probabilities = predictor.predict(phones.features).probabilities
    sets = PredictionSets.of_version(bundle.passport)
    return VersionEvaluation(
        bundle.name,
        bundle.version,
        phones.source,
        phones.sha256,
        *_seen(bundle.passport, phones.sha256),
        measure(probabilities, phones.price_range),
        coverage(probabilities, phones.price_range, sets) if sets else {},
    )


def as_json(found: VersionEvaluation) -> str:
    """Write all of it."""
    return json.dumps(dataclasses.asdict(found), indent=1)


def show(found: VersionEvaluation, console: Console | None = None) -> None:
    """Print it for people, on standard output if no console is given."""
    console = console or Console()
    console.print(
        f"{found.model} {found.version} on {found.source}: {found.evaluation.rows} phones", highlight=False
    )
    if found.learned:
        console.print(
            f"The version was made from this very data: {found.learned} of these phones trained it and "
            f"{found.tuned} were used to stop and calibrate it, so these results are too optimistic.",
            style="yellow",
            highlight=False,
        )
    for table in _tables(found):
        console.print()
        console.print(table)


def _seen(passport: Passport, sha256: str) -> tuple[int, int]:
    if passport.training_data.sha256 != sha256:
        return 0, 0
    return passport.training_data.training_rows, passport.metrics.get("parts", {}).get("validation", 0)


def _tables(found: VersionEvaluation) -> Iterator[Table]:
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
        interval = measured.intervals.get(name)
        measures.add_row(
            label, f"{value:.4f}", "" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}"
        )
    yield measures
    classes = _table("price range", "precision", "recall", "F1")
    means = (("macro mean", measured.macro), ("weighted mean", measured.weighted))
    for name, quality in (*measured.classes.items(), *means):
        classes.add_row(name, f"{quality.precision:.4f}", f"{quality.recall:.4f}", f"{quality.f1:.4f}")
    yield classes
    confusion = _table("true \\ predicted", *LABELS)
    for name, counts in zip(LABELS, measured.confusion, strict=True):
        confusion.add_row(name, *map(str, counts))
    yield confusion
    if found.conformal:
        sets = _table("prediction sets", "coverage", "mean size")
        for level, sets_of in found.conformal.items():
            sets.add_row(f"{float(level):.0%}", f"{sets_of.coverage:.4f}", f"{sets_of.mean_size:.3f}")
        yield sets


def _table(first: str, *others: str) -> Table:
    table = Table(first, box=None, pad_edge=False)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table
