"""A disk that is full, one that stands still, and a folder that is gone, under load.

The full one is a tmpfs of 256 KiB that grows later; the one that stands still is an ext4 in a file, frozen by
`fsfreeze`: the system lets nobody write until it thaws, and no signal ends who waits for that.
"""

import asyncio
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import uvloop

from bench.http_parts.plan import Plan
from bench.load.cores import on_core
from bench.load.live import serving
from bench.load.pinned import LOAD_CORE
from bench.prediction_log.clients import CONNECTIONS, Period, Seen, ask, counted
from bench.prediction_log.parts import Found
from bench.show.tables import show

BEFORE, DURING, AFTER = "before", "during", "after"
_SECONDS = 6
_STILL_SECONDS = 20
"""Long enough for more rows than may wait."""
_FLAGS = ("--no-access-log", "--drain-delay", "0", "--prediction-log-seconds", "0.5")


def measure(plan: Plan, folder: Path) -> int:
    """Print what requests and rows saw; return how many promises were broken."""
    seconds = _SECONDS
    gone, back = folder / "gone" / "log", folder / "elsewhere"
    gone.parent.mkdir()
    runs = []
    with _small(folder / "small") as small:
        periods = [
            Period(BEFORE, 1),
            Period(DURING, seconds),
            Period(AFTER, seconds, lambda: _run("mount", "-o", "remount,size=256m", small)),
        ]
        runs.append(_under_load("full", plan, small / "log", periods))
    with _frozen(folder) as disk:
        periods = [
            Period(BEFORE, seconds),
            Period(DURING, _STILL_SECONDS, lambda: _run("fsfreeze", "--freeze", disk)),
            Period(AFTER, seconds, lambda: _run("fsfreeze", "--unfreeze", disk)),
        ]
        runs.append(_under_load("stands still", plan, disk / "log", periods))
    periods = [
        Period(BEFORE, seconds),
        Period(DURING, seconds, lambda: gone.parent.rename(back)),
        Period(AFTER, seconds, lambda: back.rename(gone.parent)),
    ]
    runs.append(_under_load("is gone", plan, gone, periods))
    show(
        f"{CONNECTIONS} connections ask about a phone each, all logged, while the disk of the log ...",
        ("disk", "when", "answers", "p50 ms", "p99 ms", "longest ms"),
        [row for rows, _, _ in runs for row in rows],
    )
    show(
        "What became of the rows. Missing are answers that are neither in a part nor counted as dropped.",
        (
            "disk",
            "answers",
            "other answers",
            "in parts",
            "no room",
            "not written",
            "missing",
            "broken parts",
            "log lines",
        ),
        [row for _, row, _ in runs],
    )
    return sum(broken for _, _, broken in runs)


def _under_load(
    name: str, plan: Plan, log: Path, periods: Sequence[Period]
) -> tuple[list[tuple[str, ...]], tuple[str, ...], int]:
    with serving(plan.models, *_FLAGS, "--prediction-log", str(log)) as server:
        with on_core(LOAD_CORE):
            seen = uvloop.run(ask(server.url, periods))
        told = asyncio.run(counted(server.url))
    lines = [line for line in server.log if "prediction log" in line]
    found = Found.of(log)
    # the first answer, which the server was started by, is logged too
    missing = seen.answers + 1 - found.rows - told["no_room"] - told["not_written"]
    row = (
        name,
        f"{seen.answers + 1:,}",
        str(seen.others),
        f"{found.rows:,}",
        f"{told['no_room']:,}",
        f"{told['not_written']:,}",
        str(missing),
        str(found.broken),
        str(len(lines)),
    )
    dropped_none = not told["no_room"] + told["not_written"]
    return _durations(name, seen), row, bool(seen.others) + bool(missing) + found.broken + dropped_none


def _durations(name: str, seen: Seen) -> list[tuple[str, ...]]:
    return [
        (
            f"{name}",
            period,
            f"{len(times):,}",
            f"{1e3 * float(np.median(times)):.2f}",
            f"{1e3 * float(np.percentile(times, 99)):.2f}",
            f"{1e3 * max(times):.1f}",
        )
        for period, times in seen.times.items()
    ]


@contextmanager
def _small(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    _run("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder)
    try:
        yield folder
    finally:
        _run("umount", folder)


@contextmanager
def _frozen(folder: Path) -> Iterator[Path]:
    """Lend a file system that can be frozen, and thaw it whatever happens."""
    image, disk = folder / "ext4", folder / "disk"
    disk.mkdir()
    with image.open("wb") as file:
        file.truncate(256 << 20)
    _run("mkfs.ext4", "-q", image)
    _run("mount", "-o", "loop", image, disk)
    try:
        yield disk
    finally:
        subprocess.run(["fsfreeze", "--unfreeze", disk], check=False, capture_output=True)
        _run("umount", disk)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True)
