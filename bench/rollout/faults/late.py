"""Files that become visible late, as on NFS: rollout.toml first, then those of its version one by one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import uvloop

from bench.load.known_answers import KnownAnswers
from bench.load.live import serving
from bench.rollout.crowd import HEAD, Seen, under_load
from bench.rollout.faults.scene import CONNECTIONS, FLAGS, LOOK_SECONDS, Scene
from bench.rollout.repository import copied, until, want
from bench.show.tables import Target, show
from pricerange.bundle import MODEL_FILE, MODEL_NAME, PASSPORT_FILE

_PAUSE = 0.3
_NUMBER = 100
_LOADS = 1.5
"""Seconds beyond two looks that loading may take beside all else."""
_ORDERS = {
    "passport, then model": (PASSPORT_FILE, MODEL_FILE),
    "model, then passport": (MODEL_FILE, PASSPORT_FILE),
}


@dataclass
class Late:
    """When a version served, in seconds after its last byte was there, and what clients saw."""

    order: str
    seconds: float
    seen: Seen

    def row(self) -> tuple[str, ...]:
        """Return it for a table."""
        versions = " + ".join(f"{count:,}" for count in self.seen.versions.values())
        return self.order, f"{self.seconds:.2f}", versions, *self.seen.row()


def measure(scene: Scene) -> list[Target]:
    """Print the table and return what is wanted."""
    found = []
    for order, names in _ORDERS.items():
        with copied(scene.models, [scene.stable]) as models:
            want(models, f"stable = {scene.stable}\n")
            with serving(models, *FLAGS) as running:
                seconds, seen = uvloop.run(_arrive(scene, running.url, models, names))
        found.append(Late(order, seconds, seen))
    show(
        f"rollout.toml names a version whose files come after it, each in halves, {_PAUSE:g} s apart.",
        ("order", "serves after s", "of each version", *HEAD),
        [one.row() for one in found],
    )
    faults = sum(len(one.seen.lost + one.seen.wrong) for one in found)
    slowest, most = max(one.seconds for one in found), 2 * LOOK_SECONDS + _LOADS
    return [
        Target("late files: lost or wrong answers", faults, most=0),
        Target("late files: the version serves after the last byte within", slowest, most=most, unit=" s"),
    ]


async def _arrive(scene: Scene, url: str, models: Path, names: Sequence[str]) -> tuple[float, Seen]:
    known = KnownAnswers(scene.models, [scene.stable, scene.other], scene.rows)
    known.add_as(_NUMBER, scene.other)
    seconds = 0.0

    async def arrive() -> None:
        nonlocal seconds
        source, target = (
            place / MODEL_NAME / str(number)
            for place, number in ((scene.models, scene.other), (models, _NUMBER))
        )
        want(models, f"stable = {_NUMBER}\n")
        await asyncio.sleep(LOOK_SECONDS)
        target.mkdir()
        for name in names:
            content = (source / name).read_bytes()
            with (target / name).open("wb", buffering=0) as file:
                for part in (content[: len(content) // 2], content[len(content) // 2 :]):
                    await asyncio.sleep(_PAUSE)
                    file.write(part)
        began = perf_counter()
        await until(url, lambda told: told["stable"] == str(_NUMBER))
        seconds = perf_counter() - began

    seen = await under_load(url, known, CONNECTIONS, arrive())
    return seconds, seen
