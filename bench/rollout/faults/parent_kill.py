"""`kill -9` of the parent: its workers end in order, and the next service goes on where it stood."""

import asyncio
from time import perf_counter

import psutil
import uvloop

from bench.load.known_answers import KnownAnswers
from bench.load.live import Running, serving, workers_of
from bench.rollout.crowd import HEAD, Seen, under_load
from bench.rollout.faults.scene import CONNECTIONS, FLAGS, Scene
from bench.rollout.repository import copied, status, until, want
from bench.show.tables import Target, show

_STEP = 1
_MOST_SECONDS = 10.0


def measure(scene: Scene) -> list[Target]:
    """Print the table and return what is wanted."""
    with copied(scene.models, [scene.stable, scene.other]) as models:
        want(
            models,
            f"stable = {scene.stable}\n[canary]\nversion = {scene.other}\nsteps = [10, 50, 100]\npause = 3\n",
        )
        known = scene.known()
        with serving(models, *FLAGS) as running:
            seconds, seen = uvloop.run(_kill(running, known))
        with serving(models, *FLAGS) as running:
            step = uvloop.run(status(running.url))["canary"]["step"]
            after = uvloop.run(under_load(running.url, known, CONNECTIONS, asyncio.sleep(1)))
    show(
        f"kill -9 of the parent, {CONNECTIONS} connections, with a canary at its second step.",
        ("", "workers end after s", *HEAD),
        [("until they end", f"{seconds:.2f}", *seen.row()), ("the next service", "", *after.row())],
    )
    faults = sum(len(one.lost + one.wrong) for one in (seen, after))
    return [
        Target("parent killed: lost or wrong answers", faults, most=0),
        Target("parent killed: its workers end within", seconds, most=_MOST_SECONDS, unit=" s"),
        Target("parent killed: step of the canary after a start, from 0", step, least=_STEP),
    ]


async def _kill(running: Running, known: KnownAnswers) -> tuple[float, Seen]:
    seconds = 0.0

    async def kill() -> None:
        nonlocal seconds
        await until(running.url, lambda told: told["canary"]["step"] == _STEP)
        workers = workers_of(running.process.pid)
        running.process.kill()
        began = perf_counter()
        _, alive = await asyncio.to_thread(psutil.wait_procs, workers, 30)
        seconds = perf_counter() - began
        for worker in alive:
            worker.kill()

    seen = await under_load(running.url, known, CONNECTIONS, kill())
    return seconds, seen
