"""A thousand slow clients beside normal load: `python -m bench.slow_clients [--models models]`.

Half of the slow ones send the head of their request a byte a second, half its body; who is cut off comes
again. Then a thousand that keep an idle connection. wrk asks `/predict` on 32 connections meanwhile, in
rounds by turns without them, with the slow and with the idle.
"""

import argparse
import asyncio
import resource
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from itertools import chain, repeat
from pathlib import Path

import orjson
import psutil
import uvloop

from bench.load.client import Connection, message
from bench.load.cores import on_core
from bench.load.formats import JSON, Request
from bench.load.live import PHONE, serving
from bench.load.wrk import Load, Wrk, require_wrk
from bench.show.tables import Target, show, show_targets

CLIENTS, NORMAL = 1_000, 32
FILES = 4_096
SECONDS = 12
"""Seconds of a round: longer than the service waits for a slow sender."""
PHONE_REQUEST = Request("/predict", {"Content-Type": JSON}, orjson.dumps(PHONE))
# up to the empty line that ends it
HEAD = message("POST", "/predict", {"Content-Type": JSON})[:-4]

Endings = Counter[str]
Client = Callable[[str, int, Endings], Coroutine[None, None, None]]


async def slow(url: str, number: int, endings: Endings) -> None:
    """Send a byte a second until the server ends it, and come again."""
    while True:
        connection = await Connection.open(url)
        ending = asyncio.create_task(connection.answer())
        where = "head" if number % 2 else "body"
        try:
            if where == "body":
                await connection.send(b"POST /predict HTTP/1.1\r\nHost: bench\r\nContent-Length: 500\r\n\r\n")
            for byte in chain(HEAD if where == "head" else PHONE_REQUEST.body, repeat(32)):
                await connection.send(bytes([byte]))
                await asyncio.sleep(1)
                if ending.done():
                    break
            endings[f"{where}: {(await ending).status}"] += 1
        except ConnectionResetError:
            endings[f"{where}: closed without an answer"] += 1
        finally:
            ending.cancel()
            connection.abort()


async def idle(url: str, number: int, endings: Endings) -> None:
    """Ask once, keep the connection until the server ends it, and come again."""
    while True:
        connection = await Connection.open(url)
        try:
            await connection.request("GET", "/livez")
            await connection.answer()
        except ConnectionResetError:
            endings["idle: closed"] += 1
        finally:
            connection.abort()


async def beside(url: str, client: Client | None, endings: Endings) -> Load:
    """Measure normal load beside a thousand such clients."""

    async def one(number: int, run: Client) -> None:
        await asyncio.sleep(number / CLIENTS)  # their bytes are spread over the second
        await run(url, number, endings)

    clients = [asyncio.create_task(one(number, client)) for number in range(CLIENTS)] if client else []
    await asyncio.sleep(1.5)
    load = await asyncio.to_thread(Wrk(url, PHONE_REQUEST, NORMAL, SECONDS, core=1).load)
    for task in clients:
        if task.done():
            task.result()  # one that could not come again is an error
        task.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    return load


def main() -> None:
    """Serve on one core, send from the other; print the normal requests' durations and the others' ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    require_wrk()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (FILES if most == resource.RLIM_INFINITY else min(most, FILES), most)
    )
    others: dict[str, Client | None] = {"nobody": None, "1,000 slow": slow, "1,000 idle": idle}
    loads, endings = defaultdict[str, list[Load]](list), {name: Endings() for name in others}
    megabytes: dict[str, float] = {}
    with ExitStack() as stack:
        with on_core(0):
            running = stack.enter_context(serving(arguments.models, "--no-access-log", "--drain-delay", "0"))
        process = psutil.Process(running.process.pid)
        stack.enter_context(on_core(1))
        for _ in range(arguments.rounds):
            for name, client in others.items():
                loads[name].append(uvloop.run(beside(running.url, client, endings[name])))
                megabytes[name] = process.memory_info().rss / 1e6
    _report(loads, endings, megabytes)


def _report(loads: dict[str, list[Load]], endings: dict[str, Endings], megabytes: dict[str, float]) -> None:
    # of each the best round: what else the machine does meanwhile only ever adds
    best = {name: min(runs, key=lambda load: load.p99) for name, runs in loads.items()}
    rows = []
    for name, load in best.items():
        failed = sum(run.failed for run in loads[name])
        figures = (f"{load.per_second:.0f}", f"{load.p50:.2f}", f"{load.p99:.2f}", str(failed))
        ends = ", ".join(f"{end} x {count}" for end, count in sorted(endings[name].items()))
        rows.append((name, *figures, f"{megabytes[name]:.0f}", ends))
    head = ("beside", "requests/s", "p50 ms", "p99 ms", "failed", "memory MB", "how they ended")
    show(f"/predict on {NORMAL} connections, the best of {len(loads['nobody'])} rounds.", head, rows)
    alone = best.pop("nobody")
    show_targets(
        [
            Target(f"p99 beside {name}, of p99 beside nobody", load.p99 / alone.p99, most=1.5)
            for name, load in best.items()
        ]
    )


if __name__ == "__main__":
    main()
