"""Canaries that are bad, and one that is good: `python -m bench.rollout.rollback [--models models]`.

Two workers under load. A version that answers wrongly, one that is slow, and one that raises at run time each
become the canary at 10 %, by a file that the service finds by itself; the analysis has to end them, the
stable version to answer what they cannot, and a restart must not bring them back. Then a good version passes
all steps and is promoted. Exit code 1 where a target is missed.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import uvloop

from bench.load.broken_versions import UNLUCKY, add_raising, add_shuffled, add_slow
from bench.load.cores import on_core
from bench.load.known_answers import KnownAnswers
from bench.load.live import serving
from bench.load.phones import Rows, phones
from bench.load.pinned import LOAD_CORE
from bench.rollout import promotion
from bench.rollout.crowd import HEAD, Seen, under_load
from bench.rollout.repository import copied, status, until, want
from bench.show.tables import Target, show, show_targets
from pricerange.bundle import find
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor

CONNECTIONS, PHONES = 8, 2_000
INTERVAL = 2.0
MOST_SECONDS = INTERVAL + 2.5
"""Until a canary answers nobody: an interval, which begins and ends at a look of the analysis each second."""
_FLAGS = ("--workers", "2", "--no-access-log", "--drain-delay", "0")

_BROKEN: dict[str, tuple[Callable[[Path, int], Path], str]] = {
    "answers wrongly": (add_shuffled, "disagreement"),
    "is slow": (add_slow, "latency_ratio"),
    "raises": (add_raising, "error_ratio"),
}
"""How each is made, and the metric that finds it out."""


@dataclass
class Ended:
    """What became of a bad canary: `seconds` that it had until its weight was 0, and what was told then."""

    name: str
    still: Seen
    moving: Seen
    version: int
    seconds: float
    told: dict[str, Any]
    restarted: dict[str, Any]
    after: Seen

    def row(self) -> tuple[str, ...]:
        """Return it for a table."""
        answers = self.moving.versions[self.version]
        failed = self.told["versions"][str(self.version)]["failed_rows"]
        return (self.name, f"{self.seconds:.1f}", f"{answers:,}", f"{failed:,}", *self.moving.row())

    def targets(self, metric: str) -> list[Target]:
        """Return what is wanted of it."""
        seen = (self.still, self.moving, self.after)
        canary = self.restarted["canary"]
        back = self.after.versions[self.version] + (canary["status"] != "failed") + canary["weight"]
        return [
            Target(f"{self.name}: seconds until it answers nobody", self.seconds, most=MOST_SECONDS),
            Target(
                f"{self.name}: reasons that name {metric}", self.told["canary"]["why"].count(metric), least=1
            ),
            Target(
                f"{self.name}: lost or wrong answers", sum(len(one.lost + one.wrong) for one in seen), most=0
            ),
            Target(f"{self.name}: its weight and its answers after a restart", back, most=0),
        ]


def main() -> None:
    """Roll back the bad ones, promote the good one, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    models = parser.parse_args().models
    stable = int(find(models).name)
    rows = _with_unlucky(phones(models, PHONES))
    ended = [_roll_back(models, stable, name, rows) for name in _BROKEN]
    head = ("canary at 10 %", "seconds", "its answers", "its failed phones", *HEAD)
    title = f"Bad canaries, {CONNECTIONS} connections, 2 workers, interval of the analysis {INTERVAL:g} s."
    show(title, head, [one.row() for one in ended])
    print()
    for one in ended:
        print(f"- {one.name}: {one.told['canary']['why']}")
    targets = [target for one in ended for target in one.targets(_BROKEN[one.name][1])]
    targets += promotion.measure(models, stable, rows)
    show_targets(targets)
    sys.exit(any(target.row()[-1] == "missed" for target in targets))


def _with_unlucky(rows: Rows) -> Rows:
    """Give a tenth of the phones what a raising version raises for."""
    rows = rows.copy()
    for name, value in UNLUCKY.items():
        rows[::10, FEATURE_NAMES.index(name)] = value
    return rows


def _roll_back(models: Path, stable: int, name: str, rows: Rows) -> Ended:
    add, _ = _BROKEN[name]
    with copied(models, [stable]) as own:
        want(own, f"stable = {stable}\n")
        version = int(add(own, stable).name)
        known = KnownAnswers(own, [stable], rows)
        if add is add_shuffled:
            known.add(version, Predictor.load(own, version))
        else:  # what answers at all answers as the copied one
            known.add_as(version, stable)
        wanted = (
            f"stable = {stable}\n[canary]\nversion = {version}\nweight = 10\n"
            f"[analysis]\ninterval = {INTERVAL}\n"
        )
        with serving(own, *_FLAGS) as running, on_core(LOAD_CORE):
            still = uvloop.run(under_load(running.url, known, CONNECTIONS, asyncio.sleep(3)))
            seconds, moving = uvloop.run(_until_ended(running.url, known, own, wanted))
            told = uvloop.run(status(running.url))
        with serving(own, *_FLAGS) as running, on_core(LOAD_CORE):
            after = uvloop.run(under_load(running.url, known, CONNECTIONS, asyncio.sleep(3)))
            restarted = uvloop.run(status(running.url))
    return Ended(name, still, moving, version, seconds, told, restarted, after)


async def _until_ended(url: str, known: KnownAnswers, models: Path, content: str) -> tuple[float, Seen]:
    """Replace the file under load and return for how many seconds the canary had a weight."""
    seconds = 0.0

    async def watch() -> None:
        nonlocal seconds
        want(models, content)
        await until(url, lambda told: told["canary"] is not None)
        began = perf_counter()
        await until(url, lambda told: told["canary"]["weight"] == 0)
        seconds = perf_counter() - began
        await asyncio.sleep(1)

    seen = await under_load(url, known, CONNECTIONS, watch())
    return seconds, seen


if __name__ == "__main__":
    main()
