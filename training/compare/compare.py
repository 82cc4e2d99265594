"""Recipes beside the models that one would try first, on the same folds."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from pricerange.machine.cores import usable_cores
from pricerange.tables.source.files import AS_USUAL, Reading
from training import data, output
from training.compare import folds, scoreboard
from training.compare.additions import ADDITIONS
from training.compare.baselines import BASELINES
from training.compare.contender import ByRecipe, Contender, Ensemble
from training.compare.standings import Standing, standings
from training.recipe import recipe
from training.report import svg
from training.steps import shown

MEMBERS = 10
"""Networks of the ensemble."""
_WIDTH = 120
"""Columns of a table that goes to a file or a pipe."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How often to measure: `jobs` processes share the work, as many as there are cores if not given.

    With `additions`, what could be added to the best of the simple models is measured too, and an ensemble.
    """

    folds: int = 5
    repeats: int = 4
    seed: int = 0
    jobs: int | None = None
    additions: bool = False


_PLAN = Plan()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Standings on the `rows` phones of `source`, the first contender being what others differ from."""

    source: str
    sha256: str
    rows: int
    plan: Plan
    standings: list[Standing]


def run(
    sources: Sequence[str],
    recipes: Sequence[Path] = (),
    plan: Plan = _PLAN,
    folder: Path | None = None,
    reading: Reading = AS_USUAL,
) -> None:
    """Compare and print the tables; then fill the folder, if one is named, as `write` does.

    Raises what `compare` raises, and `OutputError` before the work where the folder cannot be had.
    """
    if folder is not None:
        output.check_folder(folder)
    found = compare(sources, recipes, plan, reading=reading)
    show(found)
    if folder is not None:
        write(found, folder)


def compare(
    sources: Sequence[str],
    recipes: Sequence[Path] = (),
    plan: Plan = _PLAN,
    console: Console | None = None,
    reading: Reading = AS_USUAL,
) -> Comparison:
    """Measure recipes, all shipped ones if none is named, and simple models on the same folds.

    The first recipe is the one that all others are compared with.

    Raises what `data.load` and `recipe.read` raise, `TooFewRowsError`, `PretrainingError` and
    `DivergedError`.
    """
    taking_part = contenders(list(recipes) or shipped(), additions=plan.additions)
    console = console or Console(stderr=True)
    phones = data.load(sources, reading, console)
    parts = folds.split(phones.price_range, plan.folds, plan.repeats, plan.seed)
    with shown(len(taking_part) * len(parts), console) as on_fold:
        answers = folds.answers(phones, taking_part, parts, plan.jobs or usable_cores(), on_fold)
    found = standings([one.name for one in taking_part], answers, parts, phones.price_range)
    return Comparison(phones.source, phones.sha256, len(phones.features), plan, found)


def show(comparison: Comparison) -> None:
    """Print the tables on standard output, however narrow it is."""
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=_WIDTH)
    plan = comparison.plan
    console.print(
        f"{comparison.rows} phones, {plan.folds} folds x {plan.repeats}, seed {plan.seed}; standard errors "
        "and p corrected for folds that share rows"
    )
    for table in scoreboard.tables(comparison.standings):
        if table.row_count:
            console.print()
            console.print(table)


def write(comparison: Comparison, folder: Path) -> None:
    """Write `comparison.json`, `comparison.csv` and `comparison.svg`. Raises `OutputError`."""
    with output.refused(folder):
        (folder / "comparison.json").write_text(json.dumps(dataclasses.asdict(comparison), indent=1) + "\n")
        (folder / "comparison.csv").write_text(scoreboard.as_csv(comparison.standings))
        (folder / "comparison.svg").write_bytes(svg.standalone(scoreboard.picture(comparison.standings)))


def contenders(files: Sequence[Path], *, additions: bool) -> list[Contender]:
    """Return the recipes of the files, at least one, and what is measured beside them.

    Raises what `recipe.read` raises.
    """
    recipes = [ByRecipe(path.stem, recipe.read(path)) for path in files]
    if not additions:
        return [*recipes, *BASELINES]
    first = recipes[0]
    ensemble = Ensemble(f"{MEMBERS} x {first.name}", first.recipe, MEMBERS)
    return [*recipes, ensemble, *BASELINES, *ADDITIONS]


def shipped() -> list[Path]:
    """Return the shipped recipes, that of the served model first."""
    return [recipe.DEFAULT, *sorted(set(recipe.FOLDER.glob("*.toml")) - {recipe.DEFAULT})]
