"""A good canary: it passes all steps under load, and is promoted."""

import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import uvloop

from bench.load.broken_versions import add_copy
from bench.load.cores import on_core
from bench.load.known_answers import KnownAnswers
from bench.load.live import serving
from bench.load.phones import Rows
from bench.load.pinned import LOAD_CORE
from bench.rollout.crowd import Seen, under_load
from bench.rollout.repository import copied, until, want
from bench.show.tables import Target, show

CONNECTIONS = 8
STEPS, PAUSE = (10, 50, 100), 3.0
_FLAGS = ("--workers", "2", "--no-access-log", "--drain-delay", "0")


@dataclass
class Step:
    """What was answered by whom, and for how many seconds, from one change of the weight to the next."""

    name: str
    seconds: float
    answers: Counter[int]

    def row(self, canary: int) -> tuple[str, ...]:
        """Return it for a table."""
        asked = self.answers.total()
        return self.name, f"{self.seconds:.1f}", f"{asked:,}", f"{self.answers[canary] / asked:.3f}"


def measure(models: Path, stable: int, rows: Rows) -> list[Target]:
    """Print the table and return what is wanted."""
    with copied(models, [stable]) as own:
        want(own, f"stable = {stable}\n")
        canary = int(add_copy(own, stable).name)
        known = KnownAnswers(own, [stable, canary], rows)
        with serving(own, *_FLAGS) as running, on_core(LOAD_CORE):
            steps, seen = uvloop.run(_through_all(running.url, known, own, stable, canary))
    show(
        f"A good canary: steps {list(STEPS)}, pause {PAUSE:g} s, two measurements of 1 s, then promoted.",
        ("", "seconds", "answers", "share of the canary"),
        [step.row(canary) for step in steps],
    )
    return [
        Target("a good canary: lost or wrong answers", len(seen.lost + seen.wrong), most=0),
        Target(
            "a good canary: seconds until all steps are passed", sum(s.seconds for s in steps[:-1]), most=20
        ),
    ]


def _is_beyond(step: int, told: dict[str, Any]) -> bool:
    canary = told["canary"]
    return bool(canary["step"] > step or canary["status"] != "progressing")


async def _through_all(
    url: str, known: KnownAnswers, models: Path, stable: int, canary: int
) -> tuple[list[Step], Seen]:
    seen, steps = Seen(), list[Step]()

    async def follow() -> None:
        want(
            models,
            f"stable = {stable}\n[canary]\nversion = {canary}\nsteps = {list(STEPS)}\npause = {PAUSE}\n"
            "[analysis]\ninterval = 1\ncount = 2\n",
        )
        await until(url, lambda told: told["canary"] is not None)
        for place, weight in enumerate(STEPS):
            began, before = perf_counter(), seen.versions.copy()
            told = await until(url, partial(_is_beyond, place))
            if told["canary"]["status"] in {"paused", "failed"}:
                sys.exit(f"a good canary is {told['canary']['status']}: {told['canary']['why']}")
            steps.append(Step(f"{weight} %", perf_counter() - began, seen.versions - before))
        program = Path(sys.executable).with_name("pricerange")
        began, before = perf_counter(), seen.versions.copy()
        subprocess.run([program, "rollout", "promote", "--models", models], check=True, stdout=sys.stderr)
        await until(url, lambda told: told["stable"] == str(canary))
        steps.append(Step("until promoted", perf_counter() - began, seen.versions - before))

    await under_load(url, known, CONNECTIONS, follow(), seen)
    return steps, seen
