"""Few long connections shared by two workers: `python -m bench.door.fairness [--models models]`.

4, 8 and 16 connections are kept alive and ask `/predict` as fast as they can, in rounds with fresh ones:
opened one after the other, or all at once. Which worker has a connection, the kernel says; what each worker
answered is the sum over its connections.
"""

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from time import monotonic

import httpx
import orjson
import psutil
import uvloop

from bench.load.client import message
from bench.load.live import PHONE, serving, workers_of
from bench.show.tables import Target, show, show_targets
from bench.worker_kills import Traced

CONNECTIONS = (4, 8, 16)
OPENINGS = ("one by one", "at once")
APART_SECONDS = 0.02
"""Seconds between two connections that are opened one by one."""
REQUEST = message("POST", "/predict", {"Content-Type": "application/json"}, orjson.dumps(PHONE))


@dataclass(frozen=True)
class Round:
    """What fresh connections saw, `answered` and `connections` by worker; `cpu` is seconds of all workers."""

    answered: Sequence[int]
    connections: Sequence[int]
    seconds: float
    cpu: float

    @property
    def requests(self) -> int:
        """All answers."""
        return sum(self.answered)

    @property
    def least(self) -> float:
        """The share of the worker that answered least."""
        return min(self.answered) / self.requests

    @property
    def per_second(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds

    @property
    def cpu_each(self) -> float:
        """Microseconds of the workers' processors a request."""
        return 1e6 * self.cpu / self.requests


async def ask(url: str, case: tuple[int, str], seconds: float, workers: Sequence[psutil.Process]) -> Round:
    """Load the workers by fresh connections, so many and opened in such a way."""
    connections, opening = case
    asked: Counter[int] = Counter()
    over = asyncio.Event()

    async def keep_asking(connection: Traced) -> None:
        while not over.is_set():
            if (answer := await connection.exchange(REQUEST)).status != 200:
                raise RuntimeError(f"a good phone was answered with {answer.status}")
            asked[connection.port] += 1
        connection.close()

    clients = []
    if opening == "at once":
        opened = await asyncio.gather(*(Traced.open(url) for _ in range(connections)))
        clients = [asyncio.create_task(keep_asking(connection)) for connection in opened]
    else:
        for _ in range(connections):
            clients.append(asyncio.create_task(keep_asking(await Traced.open(url))))
            await asyncio.sleep(APART_SECONDS)
    await asyncio.sleep(0.2)
    asked.clear()
    began, used = monotonic(), cpu(workers)
    await asyncio.sleep(seconds)
    took, used = monotonic() - began, cpu(workers) - used
    counted = asked.copy()
    ports = [{peer.raddr.port for peer in worker.net_connections() if peer.raddr} for worker in workers]
    over.set()
    await asyncio.gather(*clients)
    return Round(
        [sum(counted[port] for port in of_worker) for of_worker in ports],
        [len(of_worker & counted.keys()) for of_worker in ports],
        took,
        used,
    )


def cpu(workers: Sequence[psutil.Process]) -> float:
    """Return the processor time that the workers have used, in seconds."""
    return sum(sum(worker.cpu_times()[:2]) for worker in workers)


def rounds_of(models: Path, count: int, rounds: int, seconds: float) -> dict[tuple[int, str], list[Round]]:
    """Measure a number of workers by every number of connections and every opening, a few rounds each."""
    with serving(models, "--workers", str(count), "--no-access-log", "--drain-delay", "0") as running:
        while f"pricerange_workers {count}.0" not in httpx.get(f"{running.url}/metrics").text:
            time.sleep(0.05)
        workers = workers_of(running.process.pid) or [psutil.Process(running.process.pid)]
        # one that is not counted: a worker that has loaded the model does not listen yet
        uvloop.run(ask(running.url, (max(CONNECTIONS), OPENINGS[0]), 1, workers))
        return {
            case: [uvloop.run(ask(running.url, case, seconds, workers)) for _ in range(rounds)]
            for case in product(CONNECTIONS, OPENINGS)
        }


def main() -> None:
    """Print how the workers shared the work, and what a request cost with one worker and with two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    arguments = parser.parse_args()
    alone, both = (
        rounds_of(arguments.models, count, arguments.rounds, arguments.seconds) for count in (1, 2)
    )
    rows, targets = [], []
    for (connections, opening), rounds in both.items():
        single = alone[connections, opening]
        shares = [each.least for each in rounds]
        most_apart = max(max(each.connections) - min(each.connections) for each in rounds)
        figures = (
            f"{min(shares):.2f}",
            f"{max(shares):.2f}",
            str(most_apart),
            *(f"{sum(each.per_second for each in of) / len(of):,.0f}" for of in (single, rounds)),
            *(f"{sum(each.cpu_each for each in of) / len(of):.1f}" for of in (single, rounds)),
        )
        rows.append((f"{connections}, {opening}", *figures))
        targets.append(Target(f"connections apart, {connections}, {opening}", most_apart, most=2))
    head = (
        "connections",
        "least share, worst",
        "best",
        "connections apart",
        "requests/s, 1 worker",
        "2 workers",
        "CPU µs, 1 worker",
        "2 workers",
    )
    show(f"Two workers, {arguments.rounds} rounds of fresh connections each.", head, rows)
    show_targets(targets)


if __name__ == "__main__":
    main()
