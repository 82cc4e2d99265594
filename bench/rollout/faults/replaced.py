"""The file is replaced 100 times a second while workers are killed: nothing is lost, and all agree after."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import uvloop

from bench.load.live import Running, serving
from bench.rollout.crowd import HEAD, Seen, under_load
from bench.rollout.faults.scene import CONNECTIONS, FLAGS, LOOK_SECONDS, WORKERS, Scene
from bench.rollout.repository import copied, status, until, want
from bench.show.tables import Target, show
from bench.worker_kills import kill_one

SECONDS, A_SECOND = 10, 100
_STARTS = 5.0
"""Seconds beyond two looks that a worker may need to be there again which was killed last."""


@dataclass
class Churned:
    """What clients saw, and when all workers agreed in the end.

    `killed` are the ports that killed workers had, `astray` answers that another version gave after all had
    agreed.
    """

    name: str
    seen: Seen
    seconds: float = 0.0
    killed: list[set[int]] = field(default_factory=list)
    astray: int = 0

    @property
    def innocent(self) -> int:
        """How many answers were lost on connections that no killed worker had."""
        return len(set(self.seen.lost).difference(*self.killed))

    def row(self) -> tuple[str, ...]:
        """Return it for a table."""
        versions = " + ".join(f"{count:,}" for count in self.seen.versions.values())
        figures = (str(len(self.killed)), str(self.innocent), f"{self.seconds:.2f}", str(self.astray))
        return self.name, versions, *self.seen.row(), *figures


def measure(scene: Scene) -> list[Target]:
    """Print the table and return what is wanted."""
    found = []
    for name, kills in (("workers live", False), ("one is killed when both serve", True)):
        with copied(scene.models, [scene.stable, scene.other]) as models:
            want(models, f"stable = {scene.stable}\n")
            with serving(models, *FLAGS) as running:
                found.append(uvloop.run(_churn(scene, running, models, name, kills=kills)))
    show(
        f"rollout.toml replaced {A_SECOND} times a second for {SECONDS} s, {CONNECTIONS} connections, "
        f"{WORKERS} workers, a look every {LOOK_SECONDS:g} s.",
        ("", "of each version", *HEAD, "kills", "innocent lost", "agree after s", "astray then"),
        [one.row() for one in found],
    )
    still, killed = found
    agree = 2 * LOOK_SECONDS
    return [
        Target("replaced: lost answers", len(still.seen.lost), most=0),
        Target("replaced, workers killed: lost that no killed worker had", killed.innocent, most=0),
        Target("replaced: wrong answers", sum(len(one.seen.wrong) + one.astray for one in found), most=0),
        Target("replaced: all workers agree within", still.seconds, most=agree, unit=" s"),
        Target("replaced, workers killed: within", killed.seconds, most=agree + _STARTS, unit=" s"),
    ]


async def _churn(scene: Scene, running: Running, models: Path, name: str, *, kills: bool) -> Churned:
    found, known, last = Churned(name, Seen()), scene.known(), scene.other

    async def churn() -> None:
        began = monotonic()
        for number in range(SECONDS * A_SECOND):
            want(models, f"stable = {(scene.stable, scene.other)[number % 2]}\n")
            # the other one has to be there meanwhile: what kills faster than workers start ends all
            if kills and number % A_SECOND == 0 and len((await status(running.url))["workers"]) == WORKERS:
                found.killed.append(await kill_one(running.process.pid))
            await asyncio.sleep(began + (number + 1) / A_SECOND - monotonic())
        content = f"stable = {last}\n# the last one\n"
        want(models, content)
        began, digest = monotonic(), hashlib.sha256(content.encode()).hexdigest()
        await until(running.url, lambda told: told["digest"] == digest and _all_agree(told, last))
        found.seconds = monotonic() - began

    await under_load(running.url, known, CONNECTIONS, churn(), found.seen)
    after = await under_load(running.url, known, CONNECTIONS, asyncio.sleep(1))
    found.astray = len(after.seconds) - after.versions[last] + len(after.lost)
    return found


def _all_agree(told: Mapping[str, Any], stable: int) -> bool:
    workers = told["workers"]
    current = len(workers) == WORKERS and all(worker["current"] for worker in workers)
    return bool(current and told["valid"] and not told["loading"] and told["stable"] == str(stable))
