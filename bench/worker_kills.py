"""Workers killed under load: `python -m bench.worker_kills [--seconds 30] [--models models]`.

Two workers, 32 connections kept alive that ask `/predict` about phones whose answers ONNX Runtime gave
before, `kill -9` of a worker every second, and `/metrics` read all the while. Exit code 1 where an answer is
wrong, one is lost that no killed worker had, a counter falls, or a sum at the end is not what was answered.
"""

import argparse
import asyncio
import random
import re
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import numpy as np
import orjson
import psutil

from bench.load.client import Connection, message
from bench.load.live import PHONE, serving, workers_of
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor

WORKERS, CONNECTIONS = 2, 32
PHONES = [PHONE | {"ram": ram} for ram in range(256, 4096, 16)]
REQUESTS = [message("POST", "/predict", body=orjson.dumps(phone)) for phone in PHONES]
SCRAPE = message("GET", "/metrics")
_COUNTER = re.compile(r"^pricerange_\w+_(total|bucket|count|sum)\b")
_OK = 'pricerange_requests_total{method="POST",route="/predict",status="200"}'


class Traced(Connection):
    """A connection that knows its own port, by which the server's processes tell theirs."""

    port = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio: connected."""
        super().connection_made(transport)
        self.port = transport.get_extra_info("sockname")[1]


@dataclass
class Seen:
    """What the clients have seen so far."""

    right: int = 0
    wrong: list[bytes] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    """Ports of the connections that ended without an answer."""
    kills: list[set[int]] = field(default_factory=list)
    """Ports that the killed worker had accepted, by kill."""
    counters: dict[str, float] = field(default_factory=dict)
    scrapes: int = 0
    fell: list[str] = field(default_factory=list)

    def compare(self, text: bytes) -> None:
        """Look at a scrape: no counter may be less than it was."""
        lines = [line.rpartition(" ") for line in text.decode().splitlines() if not line.startswith("#")]
        told = {series: float(value) for series, _, value in lines if _COUNTER.search(series)}
        self.fell += [name for name, was in self.counters.items() if told.get(name, -1) < was]
        self.counters = told
        self.scrapes += 1


def main() -> None:
    """Run the load, print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--seconds", type=int, default=30)
    arguments = parser.parse_args()
    rows = np.array([[phone[name] for name in FEATURE_NAMES] for phone in PHONES], np.float32)
    expected = Predictor.load(arguments.models).predict(rows).probabilities
    flags = ("--workers", str(WORKERS), "--no-access-log", "--drain-delay", "0")
    with serving(arguments.models, *flags) as running:
        seen = asyncio.run(_run(running.url, running.process.pid, expected, arguments.seconds))
    sys.exit(_report(seen))


async def _run(url: str, parent: int, expected: np.ndarray, seconds: int) -> Seen:
    seen, end = Seen(), asyncio.Event()
    tasks = [asyncio.create_task(_ask(url, expected, seen, end)) for _ in range(CONNECTIONS)]
    tasks.append(asyncio.create_task(_scrape(url, seen, end)))
    started = monotonic()
    for kill in range(1, seconds + 1):
        await asyncio.sleep(started + kill - monotonic())
        seen.kills.append(await kill_one(parent))
    await asyncio.sleep(1)
    end.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 60)
    connection = await Traced.open(url)
    seen.compare((await connection.exchange(SCRAPE)).body)
    connection.close()
    return seen


async def _ask(url: str, expected: np.ndarray, seen: Seen, end: asyncio.Event) -> None:
    while not end.is_set():
        connection = await Traced.open(url)
        try:
            while not end.is_set():
                number = random.randrange(len(REQUESTS))
                answer = await connection.exchange(REQUESTS[number])
                right = answer.status == 200 and np.array_equal(
                    np.array(orjson.loads(answer.body)["probabilities"], np.float32), expected[number]
                )
                seen.right += right
                if not right:
                    seen.wrong.append(answer.body)
        except ConnectionError:
            seen.lost.append(connection.port)
        connection.close()


async def _scrape(url: str, seen: Seen, end: asyncio.Event) -> None:
    while not end.is_set():
        connection = await Traced.open(url)
        with suppress(ConnectionError):  # on the killed worker
            seen.compare((await connection.exchange(SCRAPE)).body)
        connection.close()
        await asyncio.sleep(0.1)


async def kill_one(parent: int) -> set[int]:
    """Kill a worker and return the ports of the clients that it had accepted."""
    async with asyncio.timeout(30):
        while not (workers := workers_of(parent)):
            await asyncio.sleep(0.01)
    worker = random.choice(workers)
    worker.suspend()  # so that it accepts nobody between the look and the end
    while worker.status() != psutil.STATUS_STOPPED:
        pass
    ports = {connection.raddr.port for connection in worker.net_connections() if connection.raddr}
    worker.kill()
    await asyncio.to_thread(worker.wait, 10)  # or it might be chosen again
    return ports


def _report(seen: Seen) -> bool:
    """Print what was seen and return whether a promise is broken."""
    innocent = set(seen.lost).difference(*seen.kills)
    counted = {
        "requests": seen.counters[_OK],
        "durations": seen.counters['pricerange_request_duration_seconds_count{route="/predict"}'],
        "rows": seen.counters["pricerange_rows_total"],
    }
    most = max(len(ports.intersection(seen.lost)) for ports in seen.kills)
    print(f"{len(seen.kills)} kills: {seen.right} right, {len(seen.wrong)} wrong, {len(seen.lost)} lost")
    print(f"  lost on connections that no killed worker had: {len(innocent)}")
    print(f"  lost in one kill: at most {most}, of {CONNECTIONS} connections with one request each")
    print(f"{seen.scrapes} scrapes, counters that fell: {len(seen.fell)}")
    for name, count in counted.items():
        print(f"  {name} counted at the end: {count:.0f}, answered {count - seen.right:+.0f}")
    exact = all(seen.right <= count <= seen.right + len(seen.lost) for count in counted.values())
    return bool(seen.wrong or innocent or seen.fell or not exact)


if __name__ == "__main__":
    main()
