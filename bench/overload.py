"""Ten times the load that one worker can carry: `python -m bench.overload [--models models]`.

Arrivals come by the clock, whether earlier ones are answered or not. A request is a thousand phones as a
gzipped V2 tensor, 400 bytes to send and a millisecond to answer: of anything lighter one core
could not send ten times too many.
"""

import argparse
import asyncio
import gzip
import sys
from collections import Counter, defaultdict, deque
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import numpy as np
import orjson
import psutil
import uvloop

from bench.load.client import Connection, message
from bench.load.cores import on_core
from bench.load.formats import INFER
from bench.load.live import PHONE, serving
from bench.show.tables import Target, show, show_targets

ROWS = 1_000
TIMES = 10
DEADLINE = 1.0
"""Seconds that each request allows."""
TOLERANCE = 0.1
"""Seconds more until we have read the answer."""
QUICKLY = 0.25
"""Seconds within which 99 of 100 refusals are to be said."""


def request() -> bytes:
    """Write the request that is sent over and over."""
    tensor = {"name": "features", "datatype": "FP32", "shape": [ROWS, len(PHONE)]}
    body = {"inputs": [{**tensor, "data": list(PHONE.values()) * ROWS}], "outputs": [{"name": "price_range"}]}
    headers = {"Content-Encoding": "gzip", "X-Request-Timeout-Ms": str(int(1e3 * DEADLINE))}
    return message("POST", INFER, headers, gzip.compress(orjson.dumps(body)))


@dataclass
class Answers:
    """What came back, in seconds."""

    since_written: defaultdict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    """By status, from the moment when the request was written."""
    since_due: list[float] = field(default_factory=list)
    """Of the accepted, from the moment when the clock wanted them written."""
    broken: Counter[str] = field(default_factory=Counter)

    async def ask(self, connection: Connection, due: float) -> None:
        """Send one request on a connection and note its answer."""
        written = perf_counter()
        try:
            answer = await connection.exchange(REQUEST)
        except ConnectionError as error:
            self.broken[type(error).__name__] += 1
            return
        now = perf_counter()
        self.since_written[answer.status].append(now - written)
        if answer.status == 200:
            self.since_due.append(now - due)


REQUEST = request()


async def carry(url: str, seconds: float) -> float:
    """Ask as fast as answers come, 8 at a time; return how many a second were accepted."""
    answers, end = Answers(), perf_counter() + seconds

    async def client() -> None:
        connection = await Connection.open(url)
        while perf_counter() < end:
            await answers.ask(connection, 0)
        connection.close()

    await asyncio.gather(*(client() for _ in range(8)))
    return len(answers.since_written[200]) / seconds


async def flood(url: str, connections: int, rate: float, seconds: float) -> tuple[Answers, int]:
    """Ask `rate` times a second; what finds no free connection waits for one while its time runs.

    Returns also how many were never sent.
    """
    answers, waiting, arrivals = Answers(), deque[float](), asyncio.Semaphore(0)

    async def client() -> None:
        connection = await Connection.open(url)
        while True:
            await arrivals.acquire()
            if not waiting:
                break
            await answers.ask(connection, waiting.popleft())
            if not connection.reusable:
                connection = await Connection.open(url)
        connection.close()

    clients = [asyncio.create_task(client()) for _ in range(connections)]
    await asyncio.sleep(0.5)
    start, arrived = perf_counter(), 0
    while (now := perf_counter()) < start + seconds:
        while (due := start + arrived / rate) <= now:
            waiting.append(due)
            arrivals.release()
            arrived += 1
        await asyncio.sleep(0.001)
    unsent = len(waiting)
    waiting.clear()
    for _ in clients:
        arrivals.release()
    await asyncio.wait_for(asyncio.gather(*clients), 60)
    return answers, unsent


async def watch(process: psutil.Process, megabytes: list[float]) -> None:
    """Note the memory of a process ten times a second."""
    while True:
        megabytes.append(process.memory_info().rss / 1e6)
        await asyncio.sleep(0.1)


async def measure(url: str, process: psutil.Process, connections: int, seconds: float) -> None:
    """Print what the service does before, during and after the overload."""
    await carry(url, 1)
    before = await carry(url, 3)
    if not before:
        sys.exit("not one request was answered with 200")
    memory: list[float] = []
    watching = asyncio.create_task(watch(process, memory))
    answers, unsent = await flood(url, connections, TIMES * before, seconds)
    first, second = await carry(url, 1), await carry(url, 1)
    watching.cancel()

    accepted, refused = (answers.since_written.pop(status, []) for status in (200, 503))
    rows = [
        ("accepted (200)", f"{len(accepted)}", *_spread(accepted)),
        ("  from when the clock wanted it written", "", *_spread(answers.since_due)),
        ("refused (503)", f"{len(refused)}", *_spread(refused)),
    ]
    rows += [(f"{status}", f"{len(seen)}", *_spread(seen)) for status, seen in answers.since_written.items()]
    rows += [
        ("never sent: no connection was free", f"{unsent}", *_NOTHING),
        *((f"broken: {name}", f"{count}", *_NOTHING) for name, count in answers.broken.items()),
    ]
    show(
        f"{TIMES * before:.0f} requests/s of {ROWS} phones for {seconds:g} s, {TIMES} times what it carries.",
        ("requests", "count", "p50 ms", "p99 ms", "longest ms"),
        rows,
    )
    rates = {"before": before, "meanwhile": len(accepted) / seconds, "in the first second after": first}
    rates["in the next second"] = second
    show("Carried.", ("when", "requests/s"), [(when, f"{rate:.0f}") for when, rate in rates.items()])
    show_targets(
        [
            Target(
                "accepted, answered after their deadline",
                sum(s > DEADLINE + TOLERANCE for s in accepted),
                most=0,
            ),
            Target("refused, p99", float(np.percentile(refused or [0], 99)), most=QUICKLY, unit=" s"),
            Target("connections reset or refused", answers.broken.total(), most=0),
            Target("memory at its peak, more than before", max(memory) - memory[0], most=64, unit=" MB"),
            Target("carried in the next second, of before", second / before, least=0.9),
        ]
    )


_NOTHING = ("", "", "")


def _spread(seconds: list[float]) -> tuple[str, str, str]:
    """Return the middle, the slow end and the longest of some durations, in ms."""
    if not seconds:
        return _NOTHING
    p50, p99, longest = 1e3 * np.percentile(seconds, (50, 99, 100))
    return f"{p50:.1f}", f"{p99:.1f}", f"{longest:.1f}"


def main() -> None:
    """Serve on one core and send from the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--connections", type=int, default=512)
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        with on_core(0):
            server = serving(arguments.models, "--no-access-log", "--drain-delay", "0")
            running = stack.enter_context(server)
        process = psutil.Process(running.process.pid)
        with on_core(1):
            uvloop.run(measure(running.url, process, arguments.connections, arguments.seconds))


if __name__ == "__main__":
    main()
