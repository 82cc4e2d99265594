"""A reader of the log that sleeps: `python -m bench.door.stalled_log [--seconds 30] [--models models]`.

The access log goes into a pipe. Connections kept alive ask `/predict` as fast as they can, while the process
that reads the pipe is stopped for some seconds and goes on. Exit code 1 where a request is not answered with
200, or where the lines that were read and those that the service says it dropped are not as many as answers.
"""

import argparse
import asyncio
import json
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import IO

import numpy as np
import orjson
import uvloop

from bench.load.client import Connection, message
from bench.load.cores import on_core
from bench.load.live import PHONE
from bench.load.pinned import LOAD_CORE, Running, Server, running
from bench.show.tables import Target, show, show_targets

CONNECTIONS = 16
PERIODS = ("before", "during", "after")
REQUEST = message("POST", "/predict", {"Content-Type": "application/json"}, orjson.dumps(PHONE))
DROPPED = re.compile(r"^(\d+) log lines were dropped")
_DROPPED_TOTAL = re.compile(rb"^pricerange_log_lines_dropped_total ([0-9.e+]+)$", re.MULTILINE)


@dataclass
class Seen:
    """What the clients and the log's reader saw."""

    times: dict[str, list[float]] = field(default_factory=lambda: {period: [] for period in PERIODS})
    """Seconds of each request, by when it was sent."""
    others: int = 0
    """Answers other than 200."""
    dropped: int = 0
    """Lines that were dropped, as `/metrics` says."""

    @property
    def answers(self) -> int:
        """All answers, the one with the metrics too."""
        return sum(map(len, self.times.values())) + self.others + 1


@dataclass(frozen=True)
class Lines:
    """What is in the log: `requests` lines of the access log, `dropped` lines as others say."""

    requests: int
    dropped: int

    @classmethod
    def of(cls, log: IO[bytes]) -> "Lines":
        """Read all lines."""
        requests = dropped = 0
        for line in log:
            fields = json.loads(line)
            requests += fields["logger"] == "service.access"
            if match := DROPPED.match(fields["message"]):
                dropped += int(match[1])
        return cls(requests, dropped)


async def ask(server: Running, seconds: Sequence[float]) -> Seen:
    """Load the server for three periods, and stop the log's reader in the second."""
    seen, period = Seen(), PERIODS[0]
    over = asyncio.Event()

    async def keep_asking() -> None:
        connection = await Connection.open(server.url)
        while not over.is_set():
            times, began = seen.times[period], perf_counter()
            answer = await connection.exchange(REQUEST)
            times.append(perf_counter() - began)
            seen.others += answer.status != 200
        connection.close()

    clients = [asyncio.create_task(keep_asking()) for _ in range(CONNECTIONS)]
    for period, duration in zip(PERIODS, seconds, strict=True):
        if period == "during":
            server.reader.suspend()
        await asyncio.sleep(duration)
        server.reader.resume()
    over.set()
    await asyncio.wait_for(asyncio.gather(*clients), 30)
    connection = await Connection.open(server.url)
    [dropped] = _DROPPED_TOTAL.findall((await connection.exchange(message("GET", "/metrics"))).body)
    connection.close()
    seen.dropped = int(float(dropped))
    return seen


def main() -> None:
    """Print how long requests took before, during and after, and where their lines are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--seconds", type=float, default=30, help="for which the reader sleeps")
    arguments = parser.parse_args()
    pricerange = Path(sys.executable).with_name("pricerange")
    flags = ("--models", arguments.models, "--port", "0", "--drain-delay", "0")
    with tempfile.TemporaryFile() as log:
        with (
            running(Server("this service", [pricerange, "serve", *flags]), log) as server,
            on_core(LOAD_CORE),
        ):
            seen = uvloop.run(ask(server, (10, arguments.seconds, 10)))
        log.seek(0)
        lines = Lines.of(log)
    sys.exit(report(seen, lines, arguments.seconds))


def report(seen: Seen, lines: Lines, seconds: float) -> bool:
    """Print what was seen and return whether anything is missing."""
    p99 = {period: 1e3 * float(np.percentile(times, 99)) for period, times in seen.times.items()}
    rows = [
        (
            period,
            f"{len(times):,}",
            f"{1e3 * float(np.median(times)):.2f}",
            f"{p99[period]:.2f}",
            f"{1e3 * max(times):.1f}",
        )
        for period, times in seen.times.items()
    ]
    head = ("reader sleeps", "answers", "p50 ms", "p99 ms", "longest ms")
    show(f"{CONNECTIONS} connections, the reader of the log sleeps for {seconds:g} s.", head, rows)
    missing = seen.answers - lines.requests - lines.dropped
    print(f"\nAnswers: {seen.answers:,}. Lines of requests read: {lines.requests:,}.")
    print(f"Lines dropped: {seen.dropped:,} says `/metrics`, {lines.dropped:,} says the log.")
    bound = round(2 * p99["before"] + 5, 2)
    show_targets(
        [
            Target("answers other than 200", seen.others, most=0),
            Target("answers without a line, read or dropped", abs(missing), most=0),
            Target("p99 during", p99["during"], most=bound, unit=" ms"),
            Target("p99 after", p99["after"], most=bound, unit=" ms"),
        ]
    )
    return bool(seen.others or missing or seen.dropped != lines.dropped)


if __name__ == "__main__":
    main()
