"""Versions that change under load: `python -m bench.reload [--reloads 200] [--models models]`.

A copy of the model repository is served by one worker and then by two, and 32 connections ask `/predict`
about phones whose answers ONNX Runtime gave before. First nothing changes, then rollout.toml goes back and
forth between two versions, each time with `POST /rollout/reload`. Exit code 1 where a request is lost, an
answer is not exactly that of one of the two versions, or a target is missed.
"""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import numpy as np
import orjson
import psutil

from bench.load.client import Connection, message
from bench.load.cores import on_core
from bench.load.live import PHONE, Running, serving
from bench.load.pinned import LOAD_CORE
from bench.show.memory import Sample
from bench.show.tables import Target, show, show_targets
from pricerange.bundle import MODEL_NAME
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor

CONNECTIONS = 32
PHONES = [PHONE | {"ram": ram} for ram in range(256, 4096, 16)]
REQUESTS = [message("POST", "/predict", body=orjson.dumps(phone)) for phone in PHONES]
RELOAD = message("POST", "/rollout/reload")
_WARM_RELOADS = 20
"""After which memory is looked at for the first time: allocators keep what they have had once."""


@dataclass
class Seen:
    """What the clients of one phase have seen."""

    seconds: list[float] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    wrong: int = 0
    lost: int = 0

    def p99(self) -> float:
        """Return the 99th percentile in milliseconds."""
        return 1e3 * float(np.quantile(self.seconds, 0.99))


class Oracle:
    """Knows what each version answers."""

    def __init__(self, models: Path, versions: Sequence[int]) -> None:
        rows = np.array([[phone[name] for name in FEATURE_NAMES] for phone in PHONES], np.float32)
        self._expected = {
            str(version): Predictor.load(models, version).predict(rows).probabilities for version in versions
        }
        self._right: dict[tuple[int, bytes], str] = {}

    def version_of(self, phone: int, body: bytes) -> str | None:
        """Return which version's exact answer it is, None if it is nobody's."""
        if (phone, body) not in self._right:
            answer = orjson.loads(body)
            version = answer["model"]["version"]
            found = np.array(answer["probabilities"], np.float32)
            if version not in self._expected or not np.array_equal(found, self._expected[version][phone]):
                return None
            self._right[phone, body] = version
        return self._right[phone, body]


def main() -> None:
    """Run both, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--versions", type=int, nargs=2, default=(3, 4))
    parser.add_argument("--reloads", type=int, default=200)
    parser.add_argument("--pause", type=float, default=0.2, help="Seconds between two reloads")
    parser.add_argument("--workers", type=int, nargs="*", default=(1, 2))
    arguments = parser.parse_args()
    oracle = Oracle(arguments.models, arguments.versions)
    rows, targets = [], list[Target]()
    for workers in arguments.workers:
        with tempfile.TemporaryDirectory() as folder:
            models = Path(folder) / "models"
            shutil.copytree(arguments.models, models)
            _want(models, arguments.versions[0])
            flags = ("--no-access-log", "--workers", str(workers), "--drain-delay", "0")
            with serving(models, *flags) as running, on_core(LOAD_CORE):
                of_one, more = asyncio.run(_measure(running, models, oracle, arguments, workers))
        rows += of_one
        targets += more
    head = ("", "answers", "of each version", "lost", "wrong", "p99 ms", "longest ms")
    show(f"{arguments.reloads} reloads under load, {CONNECTIONS} connections.", head, rows)
    show_targets(targets)
    sys.exit(any(target.row()[-1] == "missed" for target in targets))


async def _measure(
    running: Running, models: Path, oracle: Oracle, arguments: argparse.Namespace, workers: int
) -> tuple[list[tuple[str, ...]], list[Target]]:
    process = psutil.Process(running.process.pid)
    seconds = arguments.reloads * arguments.pause / 2
    await _under_load(running.url, oracle, asyncio.sleep(2))
    still = await _under_load(running.url, oracle, asyncio.sleep(seconds))
    samples, took = list[Sample](), list[float]()

    async def reloads() -> None:
        control = await Connection.open(running.url)
        for number in range(1, arguments.reloads + 1):
            _want(models, arguments.versions[number % 2])
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

    moving = await _under_load(running.url, oracle, reloads())
    name = f"{workers} worker{'s' if workers > 1 else ''}"
    rows = [
        (
            f"{name}, {what}",
            f"{len(seen.seconds):,}",
            " + ".join(f"{count:,}" for count in seen.versions.values()),
            str(seen.lost),
            str(seen.wrong),
            f"{seen.p99():.2f}",
            f"{1e3 * max(seen.seconds):.0f}",
        )
        for what, seen in (("no reload", still), ("reloads", moving))
    ]
    third = len(samples) // 3
    first, last = (
        float(np.median([one.pss for one in part])) for part in (samples[:third], samples[-third:])
    )
    print(f"{name}: a reload takes {1e3 * np.median(took):.0f} ms (median), {1e3 * max(took):.0f} at most")
    return rows, [
        Target(f"{name}: lost", still.lost + moving.lost, most=0),
        Target(f"{name}: wrong", still.wrong + moving.wrong, most=0),
        Target(f"{name}: p99 with reloads, times that without", moving.p99() / still.p99(), most=1.5),
        Target(f"{name}: memory, last third of the reloads less the first", last - first, most=2, unit=" MB"),
    ]


async def _under_load(url: str, oracle: Oracle, until: Coroutine[object, object, None]) -> Seen:
    seen, end = Seen(), asyncio.Event()
    clients = [asyncio.create_task(_ask(url, oracle, seen, end, first)) for first in range(CONNECTIONS)]
    await until
    end.set()
    await asyncio.gather(*clients)
    return seen


async def _ask(url: str, oracle: Oracle, seen: Seen, end: asyncio.Event, phone: int) -> None:
    connection = await Connection.open(url)
    while not end.is_set():
        phone = (phone + 1) % len(REQUESTS)
        began = perf_counter()
        try:
            answer = await connection.exchange(REQUESTS[phone])
        except ConnectionError:
            seen.lost += 1
            connection = await Connection.open(url)
            continue
        seen.seconds.append(perf_counter() - began)
        version = oracle.version_of(phone, answer.body) if answer.status == 200 else None
        if version is None:
            seen.wrong += 1
        else:
            seen.versions[version] = seen.versions.get(version, 0) + 1
    connection.close()


def _want(models: Path, version: int) -> None:
    """Replace the file in one step."""
    path = models / MODEL_NAME / "rollout.toml"
    draft = path.with_suffix(".draft")
    draft.write_text(f"stable = {version}\n")
    os.replace(draft, path)  # noqa: PTH105


if __name__ == "__main__":
    main()
