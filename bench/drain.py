"""SIGTERM under load, again and again: `python -m bench.drain [--models models]`.

32 connections that are kept alive, and 8 clients that open one for each request, all ask without a pause
until the port refuses them.
"""

import argparse
import asyncio
import signal
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import orjson
import uvloop

from bench.load.client import Connection, message
from bench.load.live import PHONE, serving
from bench.show.tables import Target, show, show_targets

KEPT, NEW = 32, 8
DRAIN_DELAY = 1.0
LOAD_SECONDS = 0.5
REQUEST = message("POST", "/predict", {"Content-Type": "application/json"}, orjson.dumps(PHONE))


@dataclass
class Seen:
    """What became of the requests."""

    answered: Counter[int] = field(default_factory=Counter)
    """By status."""
    lost: int = 0
    """Connected, and not answered."""
    refused: int = 0
    """Not connected, though the listener had to be open."""
    exit_codes: Counter[int] = field(default_factory=Counter)


class Drain:
    """One server's end."""

    def __init__(self, url: str, seen: Seen) -> None:
        self._url = url
        self._seen = seen
        self._closes = float("inf")  # when the listener closes at the earliest, on the monotonic clock

    async def watch(self, process: subprocess.Popen[str]) -> None:
        """Load the server, tell it to end, and see everyone off."""
        clients = [asyncio.create_task(self._keep_asking(number < KEPT)) for number in range(KEPT + NEW)]
        await asyncio.sleep(LOAD_SECONDS)
        self._closes = monotonic() + DRAIN_DELAY
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(asyncio.gather(*clients), 30)

    async def _keep_asking(self, keep: bool) -> None:
        while True:
            try:
                connection = await Connection.open(self._url)
            except OSError:
                if monotonic() >= self._closes:
                    return
                self._seen.refused += 1
                continue
            try:
                more = True
                while more:
                    answer = await connection.exchange(REQUEST)
                    self._seen.answered[answer.status] += 1
                    more = keep and connection.reusable
            except ConnectionResetError:
                self._seen.lost += 1
            connection.close()


def drain(models: Path, workers: int, times: int) -> Seen:
    """Start a server and end it, so many times."""
    seen = Seen()
    flags = ("--workers", str(workers), "--no-access-log", "--drain-delay", str(DRAIN_DELAY))
    for _ in range(times):
        with serving(models, *flags) as running:
            uvloop.run(Drain(running.url, seen).watch(running.process))
            seen.exit_codes[running.process.wait(30)] += 1
    return seen


def main() -> None:
    """Print what was lost with one worker and with two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--times", type=int, default=20)
    arguments = parser.parse_args()
    by_workers = {workers: drain(arguments.models, workers, arguments.times) for workers in (1, 2)}
    rows = [
        (str(workers), *(str(count) for count in (seen.answered[200], seen.lost, seen.refused)))
        for workers, seen in by_workers.items()
    ]
    head = ("workers", "answered with 200", "accepted and lost", "refused too early")
    show(f"SIGTERM under load, {arguments.times} times.", head, rows)
    everything = by_workers.values()
    show_targets(
        [
            Target("accepted and lost", sum(seen.lost for seen in everything), most=0),
            Target("refused too early", sum(seen.refused for seen in everything), most=0),
            Target("answers other than 200", sum(_others(seen.answered, 200) for seen in everything), most=0),
            Target(
                "exit codes other than 0", sum(_others(seen.exit_codes, 0) for seen in everything), most=0
            ),
        ]
    )


def _others(counts: Counter[int], usual: int) -> int:
    return counts.total() - counts[usual]


if __name__ == "__main__":
    main()
