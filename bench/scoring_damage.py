"""Damaged files against the scoring job.

python -m bench.scoring_damage [--seconds 20] [--seed 1] [--only Arrow ...]

Whole files of each form are cut short or have bits flipped, and are scored, thousands of them in a process
that lasts. The job may end well only with an answer to every row, and with the same answers where a checksum
covers what was changed, or nothing used it. Else it has to end with an error that names the file: not with a
traceback or a signal, within 20 s and 1 GB. What does not is scored again by the command itself, and its
bytes are kept. The same seed does the same damage, as much of it as there is time for.

Two things cannot be noticed: a compressed CSV that is cut after one of its members or frames, which is a
whole file, and a row that is lost where CSV was compressed without a checksum. Neither is counted as wrong.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import count, takewhile
from pathlib import Path
from random import Random
from time import perf_counter

from bench.damage.changes import CHANGES, Damaged
from bench.damage.forms import ROWS, Form, Written, forms
from bench.damage.scorer import MOST_SECONDS, Outcome, Scorer, Way
from bench.scoring_rivals import MODELS
from bench.show.tables import show


@dataclass
class Seen:
    """What came of the files of a form that were damaged in one way."""

    form: str
    damage: str
    cases: int = 0
    refused: int = 0
    slowest: float = 0.0
    peak: float = 0.0
    faults: list[str] = field(default_factory=list)

    def row(self) -> tuple[str, ...]:
        """Return it as a row of a table."""
        whole = self.cases - self.refused - len(self.faults)
        counted = (self.cases, self.refused, whole, len(self.faults))
        return (
            self.form,
            self.damage,
            *(f"{one:,}" for one in counted),
            f"{self.slowest:.2f}",
            f"{self.peak:.0f}",
        )


@dataclass(frozen=True, slots=True)
class Case:
    """A file that was damaged, and how it is scored."""

    number: int
    file: Written
    damaged: Damaged
    way: Way


def drawn(form: Form, damage: str, seed: int) -> Iterator[Case]:
    """Damage one file after the other, without end."""
    for number in count():
        random = Random(f"{seed} {form.name} {damage} {number}")
        file = random.choice(form.files)
        damaged = CHANGES[damage](file.content, random)
        is_whole = len(damaged.content) in file.ends and not damaged.places
        if damaged.content != file.content and not is_whole:
            yield Case(number, file, damaged, _way(file, random))


def _way(file: Written, random: Random) -> Way:
    all_columns = random.random() < 0.8
    target = random.choice(["csv", "parquet"])
    return Way("parquet" if file.nested and all_columns else target, random.random() < 0.5, all_columns)


@dataclass(frozen=True)
class Fuzzer:
    """Scores damaged files and judges what comes of them; what is wrong is kept in a folder."""

    scorer: Scorer
    models: Path
    folder: Path
    seed: int

    def run(self, form: Form, damage: str, seconds: float) -> Seen:
        """Score one damaged file after the other for so long."""
        seen, stop = Seen(form.name, damage), perf_counter() + seconds

        @cache
        def whole(file: Written, way: Way) -> Outcome:
            return self.scorer.score(file.content, file.content, form.ending, way)

        for case in takewhile(lambda _: perf_counter() < stop, drawn(form, damage, self.seed)):
            outcome = self.scorer.score(case.damaged.content, case.file.content, form.ending, case.way)
            seen.cases += 1
            seen.refused += outcome.kind == "refused"
            seen.slowest = max(seen.slowest, outcome.seconds)
            seen.peak = max(seen.peak, outcome.megabytes)
            if fault := fault_of(form, case, outcome, whole(case.file, case.way)):
                path = self.folder / f"{form.name}-{damage}-{self.seed}-{case.number}{form.ending}"
                path.write_bytes(case.damaged.content)
                replayed = self._replayed(path, case.way)
                seen.faults.append(f"{path.name} ({case.file.name}; {case.way}): {fault}\n{replayed}")
        return seen

    def _replayed(self, path: Path, way: Way) -> str:
        """Score a file by the command itself and say how that ended."""
        program = Path(sys.executable).with_name("pricerange")
        target = self.folder / f"out.{way.target}"
        columns = [] if way.all_columns else ["--columns", "id"]
        command = [program, "score", path, target, "--models", self.models, "--on-bad-row", "null", *columns]
        try:
            ran = subprocess.run(
                command, capture_output=True, text=True, timeout=2 * MOST_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return "    the command alone does not end either"
        finally:
            target.unlink(missing_ok=True)
        said = (ran.stderr.strip().splitlines() or [""])[-1]
        return f"    the command alone ends with {ran.returncode}: {said[:300]}"


def fault_of(form: Form, case: Case, outcome: Outcome, whole: Outcome) -> str:
    """Return what is wrong with what came of a damaged file, nothing where it is as it should be."""
    if outcome.kind != "answered":
        return outcome.words if outcome.kind == "fault" else ""
    if whole.kind != "answered" or whole.rows != ROWS * (1 + case.way.beside):
        return f"the whole file is not answered: {whole.words}"
    # what was cut off leaves all that is there as it was
    covered = all(any(place in part for part in case.file.covered) for place in case.damaged.places)
    if outcome.rows != whole.rows and (covered or form.counts_rows):
        return f"{outcome.rows} rows are answered, {whole.rows} are there"
    return "the answers differ" if covered and outcome.answers != whole.answers else ""


def main() -> None:
    """Damage, score, print what came of it, and end with 1 where anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=Path, default=MODELS)
    parser.add_argument("--seconds", type=float, default=20.0, help="for each form and each kind of damage")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", default=[""], help="beginnings of the names of forms")
    arguments = parser.parse_args()
    kept = Path(tempfile.mkdtemp(prefix="scoring-damage-"))
    with tempfile.TemporaryDirectory() as place:
        scorer = Scorer(Path(place), arguments.models)
        fuzzer = Fuzzer(scorer, arguments.models, kept, arguments.seed)
        chosen = [form for form in forms() if form.name.startswith(tuple(arguments.only))]
        found = [fuzzer.run(form, damage, arguments.seconds) for form in chosen for damage in CHANGES]
        scorer.stop()
    head = ("form", "damage", "cases", "refused", "whole", "wrong", "slowest s", "peak MB")
    show(f"Damaged files, seed {arguments.seed}.", head, [seen.row() for seen in found])
    faults = [fault for seen in found for fault in seen.faults]
    for fault in faults:
        print(f"\n{fault}")
    if faults:
        sys.exit(f"{len(faults)} are wrong; their bytes are in {kept}.")
    kept.rmdir()


if __name__ == "__main__":
    main()
