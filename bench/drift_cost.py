"""What the counters of drift cost: `python -m bench.drift_cost [--models DIR] [--rounds 5] [--seconds 3]`.

The same version twice, once without its reference, which leaves the counters out; server and load on a core
each, the two in turn. Needs wrk. The processor's time a request or a row is what counts: it depends less on
what else the machine does than requests a second do.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench.load.formats import BATCHES, SINGLE, Format
from bench.load.phones import Oracle, Rows, phones
from bench.load.pinned import Server, running
from bench.load.wrk import Load, require_wrk
from bench.show.tables import show
from pricerange import bundle
from pricerange.bundle import PASSPORT_FILE

CONNECTIONS = 32
FEW = 4
ROWS = 1_000
WITH, WITHOUT = "with", "without"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    wanted = parser.parse_args()
    require_wrk()
    many = phones(wanted.models, ROWS)
    asked = [(SINGLE, many[:1], CONNECTIONS), *((form, many, FEW) for form in BATCHES)]
    loads: dict[tuple[str, str], list[Load]] = {}
    with tempfile.TemporaryDirectory() as folder:
        repositories = {
            WITH: wanted.models.resolve(),
            WITHOUT: _without_reference(wanted.models, Path(folder)),
        }
        for number in range(wanted.rounds):
            # neither is always the first
            for name in (WITH, WITHOUT) if number % 2 else (WITHOUT, WITH):
                for form, load in _ask(name, repositories[name], asked, wanted.seconds):
                    loads.setdefault((form, name), []).append(load)
    rows = [_row(form, len(some), loads) for form, some, _ in asked for form in [form.name]]
    head = (
        "",
        "requests/s without",
        "with",
        "CPU µs a row without",
        "with",
        "ratio",
        "of rounds, from",
        "to",
    )
    show(f"Counters of drift, medians of {wanted.rounds} rounds", head, rows)


def _without_reference(models: Path, folder: Path) -> Path:
    """Copy the newest version, and leave out its reference."""
    version = bundle.find(models)
    copied = folder / version.parent.name / "1"
    shutil.copytree(version, copied)
    passport = json.loads((copied / PASSPORT_FILE).read_bytes())
    if passport.pop("drift", None) is None:
        sys.exit(f"{version} keeps no reference of drift; train a new version")
    (copied / PASSPORT_FILE).write_text(json.dumps(passport))
    return folder


def _ask(
    name: str, models: Path, asked: list[tuple[Format, Rows, int]], seconds: int
) -> list[tuple[str, Load]]:
    program = Path(sys.executable).with_name("pricerange")
    flags = ("serve", "--models", models, "--port", "0", "--drain-delay", "0", "--no-access-log")
    found = []
    with running(Server(name, (program, *flags))) as server:
        for form, rows, connections in asked:
            request = server.check(form, rows, Oracle(models))
            found.append((form.name, server.load(request, connections, seconds)))
    return found


def _row(form: str, rows: int, loads: dict[tuple[str, str], list[Load]]) -> tuple[str, ...]:
    of_with, of_without = loads[form, WITH], loads[form, WITHOUT]
    ratios = [one.cpu_each / other.cpu_each for one, other in zip(of_with, of_without, strict=True)]
    rates = (median(load.per_second for load in of_form) for of_form in (of_without, of_with))
    costs = (median(load.cpu_each for load in of_form) / rows for of_form in (of_without, of_with))
    return (
        form,
        *(f"{rate:,.0f}" for rate in rates),
        *(f"{cost:.3f}" for cost in costs),
        *(f"{ratio:.3f}" for ratio in (median(ratios), min(ratios), max(ratios))),
    )


if __name__ == "__main__":
    main()
