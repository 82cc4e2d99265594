"""What training says of data and recipes that are wrong, and what is served then.

`python -m bench.verdicts --data FILE [--only "ram constant"] [--alone]`. Each case is trained by the shipped
recipe, or by one that differs in what the case says, into a model repository of its own, where version 2 is
served, as it is shipped; with `--alone` into an empty one. FILE, which PRICERANGE_DATA names too, is CSV.
"""

import argparse
import csv
import io
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from rich.console import Console

from bench.show.tables import show
from pricerange import bundle
from pricerange.bundle import Passport
from pricerange.errors import NoPromotableVersionError, PriceRangeError
from training.promotion.words import told
from training.recipe import recipe
from training.train import train

SERVED = Path(__file__).parents[1] / "models" / bundle.MODEL_NAME / "2"
LABEL, LABELS = "price_range", "0123"
NOISE, FEW = 0.2, 10

Rows = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Case:
    """What is done to the rows of the file, and to the text of the recipe."""

    name: str
    rows: Callable[[Rows], Rows] = list
    recipe: Callable[[str], str] = str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    named = os.environ.get("PRICERANGE_DATA")
    parser.add_argument("--data", default=named, required=named is None)
    parser.add_argument("--only", help="the one case to run, by its name")
    parser.add_argument("--alone", action="store_true", help="without a version that is served before")
    wanted = parser.parse_args()
    with Path(wanted.data).open(newline="") as file:
        rows = list(csv.DictReader(file))
    table, reasons = [], []
    for case in CASES:
        if wanted.only in {None, case.name}:
            with tempfile.TemporaryDirectory() as folder:
                cells, sentences = _run(case, rows, Path(folder), wanted.alone)
            table.append((case.name, *cells))
            reasons.append((case.name, sentences))
            print(f"{case.name}: done", flush=True)
    show("Verdicts.", ("case", "right of test phones", "diagnosis", "promotable", "serve takes"), table)
    for name, sentences in reasons:
        print(f"\n{name}:\n")
        for sentence in sentences:
            print(f"- {sentence}")


def _run(case: Case, rows: Rows, folder: Path, alone: bool) -> tuple[tuple[str, ...], list[str]]:
    """Return what a table says of a case, and the sentences behind it."""
    models, data, choices = folder / "models", folder / "phones.csv", folder / "recipe.toml"
    if not alone:
        shutil.copytree(SERVED, models / bundle.MODEL_NAME / SERVED.name)
    choices.write_text(case.recipe(recipe.DEFAULT.read_text()))
    changed = case.rows([dict(row) for row in rows])
    with data.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(changed[0]))
        writer.writeheader()
        writer.writerows(changed)
    try:
        version = train([str(data)], models, choices, Console(file=io.StringIO()))
    except PriceRangeError as error:
        return ("", "no version", "", _taken(models)), [str(error)]
    passport = bundle.read(version).passport
    return _cells(passport, models), _sentences(passport)


def _cells(passport: Passport, models: Path) -> tuple[str, ...]:
    verdict = passport.verdict
    assert verdict is not None
    chance = verdict.comparisons.chance
    return (
        f"{chance.right} of {chance.rows}",
        passport.metrics["diagnosis"]["verdict"],
        "yes" if verdict.promotable else "no",
        _taken(models),
    )


def _sentences(passport: Passport) -> list[str]:
    verdict = passport.verdict
    assert verdict is not None
    against = [] if verdict.promotable else verdict.reasons
    marked = [f"{'AGAINST: ' if sentence in against else ''}{sentence}" for sentence in told(verdict)]
    return [*marked, *verdict.remarks]


def _taken(models: Path) -> str:
    try:
        return f"version {bundle.find(models).name}"
    except NoPromotableVersionError:
        return "none: an error"
    except PriceRangeError as error:
        return f"none: {type(error).__name__}"


def _shuffled(rows: Rows) -> Rows:
    labels = [row[LABEL] for row in rows]
    random.Random(0).shuffle(labels)
    return [row | {LABEL: label} for row, label in zip(rows, labels, strict=True)]


def _noisy(rows: Rows) -> Rows:
    draw = random.Random(0)
    return [
        row | {LABEL: draw.choice(LABELS.replace(row[LABEL], ""))} if draw.random() < NOISE else row
        for row in rows
    ]


def _few(rows: Rows) -> Rows:
    in_order = sorted(rows, key=lambda row: row[LABEL])
    return [row for _, alike in groupby(in_order, key=lambda row: row[LABEL]) for row in list(alike)[:FEW]]


CASES = (
    Case("as published"),
    Case("labels shuffled", _shuffled),
    Case("ram constant", lambda rows: [row | {"ram": "2000"} for row in rows]),
    Case("dead branch", recipe=lambda text: text.replace("input_sparsity = 0.3", "input_sparsity = 30.0")),
    Case("label leaked into fc", lambda rows: [row | {"fc": row[LABEL]} for row in rows]),
    Case("40 phones", _few),
    Case("no phone very high", lambda rows: [row for row in rows if row[LABEL] != "3"]),
    Case("20 % of labels wrong", _noisy),
)


if __name__ == "__main__":
    main()
