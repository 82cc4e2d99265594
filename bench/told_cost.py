"""What it costs to tell more: `python -m bench.told_cost [--models DIR] [--rounds 5] [--seconds 3]`.

The same version three times: with `--out-of-range answer` and without its reference of drift, which leaves
the counters out; with the applicability of each phone told; and with drift counted too. Server and load on a
core each, the three in turn. Needs wrk. The processor's time a request or a row is what counts: it depends
less on what else the machine does than requests a second do.
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
BARE, APPLICABILITY, DRIFT = "neither", "applicability", "and drift"
GOAL = 0.97
"""Of the requests a second on `/predict` that there would be without."""


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
        without = _without_reference(wanted.models, Path(folder))
        variants = {
            BARE: (without, "answer"),
            APPLICABILITY: (without, "flag"),
            DRIFT: (wanted.models.resolve(), "flag"),
        }
        for number in range(wanted.rounds):
            # none is always the first
            for name in (*variants,) if number % 2 else (*reversed(variants),):
                for form, load in _ask(name, *variants[name], asked, wanted.seconds):
                    loads.setdefault((form, name), []).append(load)
    rows = [_row(form, len(some), name, loads) for form, some, _ in asked for name in variants]
    head = ("", "told", "requests/s", "of neither", "CPU µs a row", "of neither", "of rounds, from", "to")
    show(f"What is told beside the answer, medians of {wanted.rounds} rounds", head, rows)
    single = {name: loads[SINGLE.name, name] for name in variants}
    for name in (APPLICABILITY, DRIFT):
        # the inverse of its cost is what one core can carry
        share = 1 / _ratio(single[name], single[BARE])
        verdict = f"wanted at least {GOAL}: {'met' if share >= GOAL else 'missed'}"
        print(f"\n/predict with {name}: {share:.3f} of neither, by processor time, {verdict}")


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
    name: str, models: Path, out_of_range: str, asked: list[tuple[Format, Rows, int]], seconds: int
) -> list[tuple[str, Load]]:
    program = Path(sys.executable).with_name("pricerange")
    flags = ("serve", "--models", models, "--port", "0", "--drain-delay", "0", "--no-access-log")
    flags += ("--out-of-range", out_of_range)
    found = []
    with running(Server(name, (program, *flags))) as server:
        for form, rows, connections in asked:
            request = server.check(form, rows, Oracle(models))
            found.append((form.name, server.load(request, connections, seconds)))
    return found


def _row(form: Format, rows: int, name: str, loads: dict[tuple[str, str], list[Load]]) -> tuple[str, ...]:
    found, bare = loads[form.name, name], loads[form.name, BARE]
    each = [one.cpu_each / other.cpu_each for one, other in zip(found, bare, strict=True)]
    rate, rate_of_bare = (median(load.per_second for load in some) for some in (found, bare))
    return (
        form.name,
        name,
        f"{rate:,.0f}",
        f"{rate / rate_of_bare:.3f}",
        f"{median(load.cpu_each for load in found) / rows:.3f}",
        *(f"{ratio:.3f}" for ratio in (median(each), min(each), max(each))),
    )


def _ratio(found: list[Load], bare: list[Load]) -> float:
    return median(one.cpu_each / other.cpu_each for one, other in zip(found, bare, strict=True))


if __name__ == "__main__":
    main()
