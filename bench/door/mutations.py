"""Mutated requests against a live server: `python -m bench.door.mutations [--count 20000] [--seed 1]`.

Valid requests are changed in a few random ways: the bytes of whole requests as they go over a connection,
and Arrow streams and V2 bodies within well-formed requests. Whole bytes must be answered with HTTP or closed
within a bounded time; what is well formed must be answered, and nothing with a 5xx. Exit code 1 where that is
not so; the bytes are kept in files, for `nc` to send again.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from pathlib import Path
from random import Random
from time import perf_counter

import psutil
import uvloop

from bench.door import seeds
from bench.door.mutate import fragments, mutated
from bench.door.verdict import Seen, faults_of_log, is_fault
from bench.load.client import Connection, message
from bench.load.formats import BATCHES
from bench.load.live import serving
from bench.load.phones import Oracle, phones
from bench.load.traffic import Good, batches, singles
from bench.show.tables import show

CONNECTIONS = 32
QUIET_SECONDS = 0.1
"""Seconds without an answer after which a client says that it sends no more; one in ten never says so."""
BOUND_SECONDS = 10.0
"""Seconds in which every connection must have ended: several times what the server is told to wait."""
FLAGS = ("--receive-timeout", "1", "--idle-timeout", "2", "--drain-delay", "0", "--max-queue-rows", "64000")
"""Time-outs that a client can wait for, and a queue with room for a batch from every connection."""
MEMORY_MB = 64.0
"""MB that the server may have grown by at the end."""


Kind = Callable[[str, int, Random, Seen], Coroutine[None, None, None]]
"""Sends so many mutations of a kind to a URL, drawn by a chance of its own, and notes what came of them."""


async def send_bytes(url: str, data: bytes, random: Random, seen: Seen, ends: bool) -> None:
    """Send bytes on a connection of their own, and wait for its end; the client may end its side first."""
    began, host_port = perf_counter(), url.removeprefix("http://").split(":")
    pieces = fragments(data, random)
    received = bytearray()
    ended_it = False
    try:
        async with asyncio.timeout(BOUND_SECONDS):
            reader, writer = await asyncio.open_connection(host_port[0], int(host_port[1]))
            with suppress(ConnectionError):
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
            with suppress(ConnectionError):
                while True:
                    try:
                        async with asyncio.timeout(QUIET_SECONDS if ends and not ended_it else None):
                            part = await reader.read(1 << 16)
                    except TimeoutError:
                        ended_it = True
                        with suppress(OSError):
                            writer.write_eof()
                        continue
                    if not part:
                        break
                    received += part
                    seen.slowest = max(seen.slowest, perf_counter() - began)
            writer.close()
    except TimeoutError:
        seen.fault("hangs", data)
        writer.transport.abort()
    seen.sent += 1
    seen.judge(data, bytes(received), ended_it)


async def send_requests(url: str, requests: Iterable[bytes], seen: Seen) -> None:
    """Send well-formed requests on a connection kept alive: each must be answered."""
    connection = await Connection.open(url)
    for request in requests:
        if not connection.reusable:
            connection.close()
            connection = await Connection.open(url)
        seen.sent += 1
        began = perf_counter()
        try:
            async with asyncio.timeout(BOUND_SECONDS):
                answer = await connection.exchange(request)
        except ConnectionResetError as error:
            seen.unanswered += 1
            seen.fault(f"closed {error}"[:60].replace("/", "_"), request)
            continue
        except TimeoutError:
            seen.fault("hangs", request)
            connection.abort()
            continue
        seen.slowest = max(seen.slowest, perf_counter() - began)
        seen.answers[answer.status] += 1
        if is_fault(answer.status, request):
            seen.fault(str(answer.status), request)
    connection.close()


def kinds(models: Path) -> dict[str, Kind]:
    """Return what sends mutations, by the name of the kind."""
    rows = phones(models, 6)
    requests, streams, bodies = seeds.http(rows), seeds.arrow(rows), seeds.v2(rows)

    async def whole(url: str, count: int, random: Random, seen: Seen) -> None:
        for _ in range(count):
            await send_bytes(url, mutated(requests, random), random, seen, random.random() < 0.9)

    async def in_arrow(url: str, count: int, random: Random, seen: Seen) -> None:
        written = (seeds.as_arrow(mutated(streams, random)) for _ in range(count))
        await send_requests(url, written, seen)

    async def in_v2(url: str, count: int, random: Random, seen: Seen) -> None:
        written = (seeds.as_v2(mutated(bodies, random)) for _ in range(count))
        await send_requests(url, written, seen)

    return {"HTTP": whole, "Arrow": in_arrow, "V2": in_v2}


async def warm_up(url: str, models: Path) -> None:
    """Send every valid request once, as it is."""
    rows = phones(models, 6)
    valid = [*seeds.http(rows), *map(seeds.as_arrow, seeds.arrow(rows)), *map(seeds.as_v2, seeds.v2(rows))]
    seen = Seen("valid", Path(tempfile.gettempdir()))
    await asyncio.gather(*(send_bytes(url, request, Random(0), seen, False) for request in valid))
    if seen.answers.keys() != {200} or seen.unanswered:
        sys.exit(f"the valid requests are not answered with 200: {dict(seen.answers)}")


async def still_right(url: str, models: Path) -> bool:
    """Ask good requests of every form and return whether each gets ONNX Runtime's answer."""
    rows, oracle = phones(models, 8), Oracle(models)
    good: list[Good] = singles(rows, oracle)
    for form in BATCHES:
        good += batches(form, rows, oracle)
    connection = await Connection.open(url)
    right = [case.is_right(await connection.exchange(case.request)) for case in good]
    connection.close()
    return all(right)


async def send_all(url: str, senders: dict[str, Kind], count: int, seed: int, folder: Path) -> list[Seen]:
    """Send mutations of each kind, one kind after the other, while `/livez` is asked."""
    alive, found = Seen("livez", folder), []
    over = asyncio.Event()
    asking = asyncio.create_task(_ask_livez(url, alive, over))
    for name, send in senders.items():
        seen = Seen(name, folder)
        shares = [count // CONNECTIONS + (number < count % CONNECTIONS) for number in range(CONNECTIONS)]
        await asyncio.gather(
            *(
                send(url, share, Random(f"{seed} {name} {number}"), seen)
                for number, share in enumerate(shares)
            )
        )
        found.append(seen)
    over.set()
    await asking
    return [*found, alive]


async def _ask_livez(url: str, seen: Seen, over: asyncio.Event) -> None:
    request = message("GET", "/livez", {"Connection": "close"})
    while not over.is_set():
        await send_requests(url, [request], seen)
        await asyncio.sleep(0.05)


def main() -> None:
    """Send, print what came of it, and end with 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--count", type=int, default=20_000, help="mutations of each kind")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mutations-"))
    # what NumPy only warns of is a value that is not what the code takes it for: it shall be seen, as a 500
    os.environ["PYTHONWARNINGS"] = "error::RuntimeWarning"
    with serving(arguments.models, *FLAGS) as running:
        process = psutil.Process(running.process.pid)
        uvloop.run(warm_up(running.url, arguments.models))
        before = process.memory_info().rss / 1e6
        senders = kinds(arguments.models)
        found = uvloop.run(send_all(running.url, senders, arguments.count, arguments.seed, folder))
        right = uvloop.run(still_right(running.url, arguments.models))
        after = process.memory_info().rss / 1e6
    wrong_lines = faults_of_log(running.log)
    rows = [
        (
            seen.kind,
            f"{seen.sent:,}",
            *(f"{_of_class(seen.answers, hundreds):,}" for hundreds in (2, 4, 5)),
            f"{seen.unanswered:,}",
            f"{1e3 * seen.slowest:.0f}",
            f"{seen.faults.total()}",
        )
        for seen in found
    ]
    head = ("kind", "sent", "2xx", "4xx", "5xx", "closed without answer", "slowest ms", "faults")
    show(f"Seed {arguments.seed}, {CONNECTIONS} connections.", head, rows)
    print(f"\n503 among them: {sum(seen.answers[503] for seen in found)}.")
    print(f"Good requests of every form afterwards: {'right' if right else 'WRONG'}.")
    print(f"Memory of the server: {before:.1f} MB before, {after:.1f} MB after.")
    print(f"Log lines: {len(running.log):,}, with a traceback or not JSON: {len(wrong_lines)}.")
    for line in wrong_lines[:5]:
        print(f"    {line[:300]}")
    faults = {f"{seen.kind}, {what}": count for seen in found for what, count in seen.faults.items()}
    if faults:
        print(f"Faults: {faults}; the bytes are in {folder}.")
    else:
        folder.rmdir()
    sys.exit(bool(faults or wrong_lines or not right or after - before > MEMORY_MB))


def _of_class(answers: Counter[int], hundreds: int) -> int:
    return sum(count for status, count in answers.items() if status // 100 == hundreds)


if __name__ == "__main__":
    main()
