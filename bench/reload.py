"""Versions that change under load: `python -m bench.reload [--reloads 200] [--models models]`.

A copy of the model repository is served by one worker and then by two, and 32 connections ask `/predict`
about phones whose answers ONNX Runtime gave before. First nothing changes, then rollout.toml goes back and
forth between two versions, each time with `POST /rollout/reload`. Exit code 1 where a request is lost, an
answer is not exactly that of one of the two versions, or a target is missed.
"""

import argparse
import asyncio
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
import psutil

from bench.load.client import Connection
from bench.load.cores import on_core
from bench.load.known_answers import KnownAnswers
from bench.load.live import PHONE, Running, serving
from bench.load.pinned import LOAD_CORE
from bench.rollout.crowd import HEAD, under_load
from bench.rollout.repository import RELOAD, copied, want
from bench.show.memory import Sample
from bench.show.tables import Target, show, show_targets

CONNECTIONS = 32
PHONES = np.array([[*(PHONE | {"ram": ram}).values()] for ram in range(256, 4096, 16)], np.float32)
_WARM_RELOADS = 20
"""After which memory is looked at for the first time: allocators keep what they have had once."""


def main() -> None:
    """Run both, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--versions", type=int, nargs=2, default=(3, 4))
    parser.add_argument("--reloads", type=int, default=200)
    parser.add_argument("--pause", type=float, default=0.2, help="Seconds between two reloads")
    parser.add_argument("--workers", type=int, nargs="*", default=(1, 2))
    arguments = parser.parse_args()
    known = KnownAnswers(arguments.models, arguments.versions, PHONES)
    rows, targets = [], list[Target]()
    for workers in arguments.workers:
        with copied(arguments.models, arguments.versions) as models:
            want(models, f"stable = {arguments.versions[0]}\n")
            flags = ("--no-access-log", "--workers", str(workers), "--drain-delay", "0")
            with serving(models, *flags) as running, on_core(LOAD_CORE):
                of_one, more = asyncio.run(_measure(running, models, known, arguments, workers))
        rows += of_one
        targets += more
    title = f"{arguments.reloads} reloads under load, {CONNECTIONS} connections."
    show(title, ("", "of each version", *HEAD), rows)
    show_targets(targets)
    sys.exit(any(target.row()[-1] == "missed" for target in targets))


async def _measure(
    running: Running, models: Path, known: KnownAnswers, arguments: argparse.Namespace, workers: int
) -> tuple[list[tuple[str, ...]], list[Target]]:
    process = psutil.Process(running.process.pid)
    seconds = arguments.reloads * arguments.pause / 2
    await under_load(running.url, known, CONNECTIONS, asyncio.sleep(2))
    still = await under_load(running.url, known, CONNECTIONS, asyncio.sleep(seconds))
    samples, took = list[Sample](), list[float]()

    async def reloads() -> None:
        control = await Connection.open(running.url)
        for number in range(1, arguments.reloads + 1):
            want(models, f"stable = {arguments.versions[number % 2]}\n")
            began = perf_counter()
            answer = await control.exchange(RELOAD)
            took.append(perf_counter() - began)
            if (
                answer.status != 200
                or f'"stable":"{arguments.versions[number % 2]}"'.encode() not in answer.body
            ):
                sys.exit(f"a reload was answered with {answer.status}: {answer.body[:500]!r}")
            if number >= _WARM_RELOADS:
                samples.append(Sample.of(process, float(number)))
            await asyncio.sleep(arguments.pause)
        control.close()

    moving = await under_load(running.url, known, CONNECTIONS, reloads())
    name = f"{workers} worker{'s' if workers > 1 else ''}"
    rows = [
        (
            f"{name}, {what}",
            " + ".join(f"{count:,}" for count in seen.versions.values()),
            *seen.row(),
        )
        for what, seen in (("no reload", still), ("reloads", moving))
    ]
    third = len(samples) // 3
    first, last = (
        float(np.median([one.pss for one in part])) for part in (samples[:third], samples[-third:])
    )
    print(f"{name}: a reload takes {1e3 * np.median(took):.0f} ms (median), {1e3 * max(took):.0f} at most")
    return rows, [
        Target(f"{name}: lost", len(still.lost + moving.lost), most=0),
        Target(f"{name}: wrong", len(still.wrong + moving.wrong), most=0),
        Target(
            f"{name}: p99 with reloads, times that without",
            moving.quantile(0.99) / still.quantile(0.99),
            most=1.5,
        ),
        Target(f"{name}: memory, last third of the reloads less the first", last - first, most=2, unit=" MB"),
    ]


if __name__ == "__main__":
    main()
