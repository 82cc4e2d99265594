"""The answers that a service gave, judged by labels that came later: `evaluate --predictions`."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pricerange.errors import SettingsError
from pricerange.prediction_log.columns import REQUEST_ID
from pricerange.prediction_log.pseudonyms import Pseudonyms
from pricerange.tables.source import files
from pricerange.tables.source.files import AS_USUAL, Reading
from training.label import LABEL
from training.quality import interval
from training.served import labels as later
from training.served.join import join
from training.served.quality import Quality, by_week, settle


@dataclass(frozen=True, slots=True)
class OfPredictions:
    """What became of all predictions: the numbers below `rows` add up to it.

    `of_tables` are those `without_label` that were rows of a request with several, which only a label with a
    `row` finds.
    """

    rows: int
    judged: int
    without_label: int
    of_tables: int
    without_id: int
    unanswered: int
    repeated: int
    ambiguous: int
    contradicted: int


@dataclass(frozen=True, slots=True)
class OfLabels:
    """What became of all labels: `rows` are the sum of the others."""

    rows: int
    with_prediction: int
    without_prediction: int
    repeated: int
    contradicted: int
    without_id: int


@dataclass(frozen=True, slots=True)
class ServedEvaluation:
    """How good the served versions were, and what is not part of that."""

    files: int
    predictions: OfPredictions
    labels: OfLabels
    quality: list[Quality]


def evaluate(
    predictions: str,
    labels: Sequence[str],
    id_column: str = REQUEST_ID,
    key_file: Path | None = None,
    reading: Reading = AS_USUAL,
) -> ServedEvaluation:
    """Join predictions, a folder or a file, with labels by a column that both have, and measure them.

    Raises what `files.find`, `labels.load` and `join` raise, and `SettingsError`.
    """
    if id_column == LABEL.name:
        raise SettingsError("--id", "a column that says which phone a row is about", id_column)
    pseudonyms = None if key_file is None else Pseudonyms.read(key_file, "--key-file")
    truth = later.load(files.find(labels, reading).files, id_column, pseudonyms)
    answered = files.find([predictions], Reading(reading.seconds)).files
    found = join(answered, truth, id_column, pseudonyms)
    settled = settle(found)
    agreed = truth.price_range != later.CONTRADICTED
    return ServedEvaluation(
        len(answered),
        OfPredictions(
            found.predictions.total(),
            len(settled.answers.label),
            found.without_label,
            found.rows_of_tables,
            found.without_id,
            found.unanswered,
            settled.repeated,
            settled.ambiguous,
            found.contradicted,
        ),
        OfLabels(
            truth.rows,
            int((found.seen & agreed).sum()),
            int((~found.seen & agreed).sum()),
            truth.repeated,
            truth.contradicted,
            truth.without_id,
        ),
        list(by_week(found, settled.answers, truth.price_range)),
    )


def as_json(found: ServedEvaluation) -> str:
    """Write all of it."""
    return json.dumps(dataclasses.asdict(found), indent=1)


def show(found: ServedEvaluation, console: Console | None = None) -> None:
    """Print it for people, on standard output if no console is given."""
    console = console or Console()
    for what, rows, parts in (
        ("predictions", found.predictions.rows, _predictions(found.predictions)),
        ("labels", found.labels.rows, _labels(found.labels)),
    ):
        console.print(f"{what}: {rows:,}", highlight=False)
        for count, said in parts:
            if count:
                console.print(f"  {count:,} {said}", highlight=False, soft_wrap=True)
    console.print()
    console.print(_table(found.quality))


def _predictions(found: OfPredictions) -> list[tuple[int, str]]:
    return [
        (found.judged, "judged"),
        (found.without_label, "without a label"),
        (found.of_tables, "of these from requests about several phones: a label finds them by a column row"),
        (found.without_id, "without an id"),
        (found.unanswered, "without an answer"),
        (found.repeated, "repeated: the same answer to the same id"),
        (
            found.ambiguous,
            "ambiguous: a version gave their id different answers, it stands for several phones",
        ),
        (found.contradicted, "with labels that contradict each other"),
    ]


def _labels(found: OfLabels) -> list[tuple[int, str]]:
    return [
        (found.with_prediction, "with a prediction"),
        (found.without_prediction, "without a prediction, as where only a sample was logged"),
        (found.repeated, "repeated: the same price range of the same id"),
        (found.contradicted, "contradicting others about their id: they count for nothing"),
        (found.without_id, "without an id"),
    ]


def _table(quality: Sequence[Quality]) -> Table:
    table = Table("version", "week from", box=None, pad_edge=False)
    for name in ("predictions", "judged", "accuracy", "95 % interval", "NLL, nats"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in quality:
        table.add_row(
            each.version,
            each.week or "all",
            f"{each.predictions:,}",
            f"{each.judged:,}",
            _number(each.accuracy),
            interval.text(each.interval),
            _number(each.nll),
            style=None if each.week else "bold",
        )
    return table


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
