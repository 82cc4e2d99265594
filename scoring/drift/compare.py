"""Count the phones of files and their answers, in constant memory, and compare them with a version."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from pricerange.answer.unknown import Averages
from pricerange.drift.psi import LEAST_ROWS
from pricerange.drift.reference import Drift, Reference, Tally
from pricerange.phone import FEATURE_NAMES
from pricerange.prediction_log.hashed_columns import hashed_columns
from pricerange.predictor import Predictor
from pricerange.signals import ended_by_signals
from pricerange.tables.source import files, uri
from pricerange.tables.source.files import AS_USUAL, Found, Reading
from pricerange.tables.source.guesses import Guesses, guess_of, skipped_behind
from pricerange.tables.source.rows import judged
from pricerange.waiting import Patience
from scoring.errors import FewRowsError, NoDriftReferenceError
from scoring.progress import tell


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the phones of `source` differ from those that a version has learned from.

    `bad_rows` were no valid phones and are not among them.
    """

    model: str
    version: str
    source: str
    bad_rows: int
    reference: Reference
    drift: Drift


def compare(
    sources: Sequence[str], models: Path, version: int | None = None, reading: Reading = AS_USUAL
) -> Comparison:
    """Compare the phones of files, globs, folders and URIs with a version, the newest if none is named.

    Their answers are those of the version itself, which are what `score` and the service wrote if it was the
    one that they asked. Phones of which features are unknown count by those that are known, and by their
    average answer.

    Raises `NoDriftReferenceError`, `FewRowsError`, `UnreadableTableError` where a feature is hashed, and what
    `files.find`, `judged` and `Predictor.load` raise.
    """
    predictor = Predictor.load(models, version)
    name = predictor.bundle.version
    reference = Reference.of_version(predictor.bundle.passport)
    if reference is None:
        raise NoDriftReferenceError(name)
    console = Console(stderr=True)
    with ended_by_signals(), Patience(console, uri.waited_for(sources, reading.seconds)) as patience:
        found = files.find(sources, reading)
        if found.ignored:
            tell(console, f"ignored, since their names are not those of tables: {', '.join(found.ignored)}")
        guesses = Guesses()
        try:
            tally, bad_rows = _counted(found, predictor, reference, guesses, patience.heard)
        finally:  # also where a guess is why the rest cannot be read
            for line in guesses.lines(found.files):
                tell(console, line)
    drift = reference.drift(tally)
    if not drift.judged:
        raise FewRowsError(LEAST_ROWS, drift.rows, bad_rows)
    first, more = found.files[0].name, len(found.files) - 1
    source = f"{first} and {more:,} more" if more else first
    return Comparison(predictor.bundle.name, name, source, bad_rows, reference, drift)


def _counted(
    found: Found, predictor: Predictor, reference: Reference, guesses: Guesses, heard: Callable[[], None]
) -> tuple[Tally, int]:
    """Return what was counted of the files, and how many rows are no phones."""
    averages = Averages.of_version(predictor)
    asked = averages or predictor
    tally, bad_rows = np.zeros(reference.size), 0
    places = {file.name: place for place, file in enumerate(found.files)}
    for block in judged(found.files, lambda *_: (), unknown=averages is not None):
        place = [places[block.file.name]]
        guesses.add(guess_of(block.content, block.file.dialect), place)
        guesses.add(skipped_behind(block.content), place)
        phones = block.verdict.rows[block.verdict.valid]
        if bad := len(block.verdict.valid) - len(phones):
            hashed_columns(block.file, needed=FEATURE_NAMES)
            bad_rows += bad
        tally += reference.tally(phones, asked.predict(phones))
        heard()
    return tally, bad_rows
