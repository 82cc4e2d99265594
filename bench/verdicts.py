"""What training says of data and recipes that are wrong, and what is served then.

`python -m bench.verdicts --data FILE`. FILE, which PRICERANGE_DATA names too, is CSV. By the shipped recipe a
version is trained on it as it is, beside those that are shipped. It serves, if it is promotable, while each
other case is trained, by the same recipe or by one that differs in what the case says. Prediction sets
for unknown features, which no verdict goes by, are left out to save time.
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
from pathlib import Path

from rich.console import Console

from bench.show.tables import show
from pricerange import bundle
from pricerange.bundle import Passport
from pricerange.errors import PriceRangeError
from training.promotion import words
from training.recipe import recipe
from training.train import train

MODELS = Path(__file__).parents[1] / "models"
LABEL, LABELS = "price_range", "0123"
NOISE = 0.2

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
    wanted = parser.parse_args()
    with Path(wanted.data).open(newline="") as file:
        rows = list(csv.DictReader(file))
    table, reasons = [], []
    with tempfile.TemporaryDirectory() as folder:
        models = shutil.copytree(MODELS, Path(folder) / "models")
        for number, case in enumerate(CASES):
            own = models if case is AS_PUBLISHED else shutil.copytree(models, Path(folder) / str(number))
            cells, sentences = _run(case, rows, Path(folder), own)
            table.append((case.name, *cells))
            reasons.append((case.name, sentences))
            print(f"{case.name}: done", flush=True)
    show("Verdicts.", ("case", "test phones right", "diagnosis", "promotable", "leak", "served"), table)
    for name, sentences in reasons:
        print(f"\n{name}:\n")
        for sentence in sentences:
            print(f"- {sentence}")


def _run(case: Case, rows: Rows, folder: Path, models: Path) -> tuple[tuple[str, ...], list[str]]:
    """Return what a table says of a case, and the sentences behind it."""
    data, choices = folder / "phones.csv", folder / "recipe.toml"
    choices.write_text(f"{case.recipe(recipe.DEFAULT.read_text())}\n[sets]\npatterns = 0\n")
    changed = case.rows([dict(row) for row in rows])
    with data.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(changed[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(changed)
    try:
        version = train([str(data)], models, choices, Console(file=io.StringIO()))
    except PriceRangeError as error:
        return ("", "no version", "", "", _served(models)), [str(error)]
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
        ", ".join(leak["feature"] for leak in passport.metrics["leaks"]),
        _served(models),
    )


def _sentences(passport: Passport) -> list[str]:
    verdict = passport.verdict
    assert verdict is not None
    against = [] if verdict.promotable else [words.sentence(reason) for reason in verdict.reasons]
    marked = [f"{'**Against**: ' if said in against else ''}{said}" for said in words.told(verdict)]
    return [*marked, *verdict.remarks]


def _served(models: Path) -> str:
    return f"version {bundle.find(models).name}"


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


def _few(number: int) -> Callable[[Rows], Rows]:
    """Keep the first so many phones of each price range."""

    def few(rows: Rows) -> Rows:
        return [row for label in LABELS for row in [row for row in rows if row[LABEL] == label][:number]]

    return few


AS_PUBLISHED = Case("as published")
CASES = (
    AS_PUBLISHED,
    Case("labels shuffled", _shuffled),
    Case("ram constant", lambda rows: [row | {"ram": "2000"} for row in rows]),
    Case("dead branch", recipe=lambda text: text.replace("input_sparsity = 0.3", "input_sparsity = 30.0")),
    Case("label leaked into fc", lambda rows: [row | {"fc": row[LABEL]} for row in rows]),
    Case("40 phones", _few(10)),
    Case("60 phones", _few(15)),
    Case("no phone very high", lambda rows: [row for row in rows if row[LABEL] != "3"]),
    Case("20 % of labels wrong", _noisy),
)


if __name__ == "__main__":
    main()
