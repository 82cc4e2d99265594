"""Minutes of mixed good and bad load: `python -m bench.soak [--minutes 5] [--workers 1] [--models models]`.

Good requests in every form, bad ones of every kind, slow senders, clients that leave in the middle, and
scrapes of `/metrics`. Every answer is compared with ONNX Runtime's own to the last bit, every refusal with
the problem body, and at the end the counters of `/metrics` with what the clients counted. Exit code 1 where
one of them is wrong; the memory's slope is reported.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import ExitStack, nullcontext
from itertools import cycle
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import numpy as np
import psutil
import uvloop

from bench.load.client import Answer, Connection, message
from bench.load.cores import on_core
from bench.load.formats import BATCHES
from bench.load.ledger import Ledger, Series, counters
from bench.load.live import serving
from bench.load.phones import Oracle, phones
from bench.load.traffic import Case, bad, batches, singles
from bench.show.memory import Sample, slope_of
from bench.show.tables import show

SINGLE_CLIENTS, BAD_CLIENTS, SLOW_CLIENTS, LEAVING_CLIENTS = 12, 4, 8, 2
DRAWN = 2_000
"""Bad bodies by hypothesis."""
WARM_UP = 60
"""Seconds after which memory is expected to be flat."""
FEWEST_SAMPLES = 30
"""Samples, one a second, that a slope is made of."""
PATIENCE = 30
"""Seconds after which an answer counts as lost."""
SCRAPE = message("GET", "/metrics")

Exchange = Callable[[Connection, bytes], Awaitable[Answer]]


class Clients:
    """The clients of one server; each goes on until the end."""

    def __init__(self, url: str, seconds: float) -> None:
        self.ledger = Ledger()
        self._url = url
        self._end = perf_counter() + seconds
        self._before: Series

    async def run(self, *clients: Coroutine[Any, Any, None]) -> None:
        """Run the clients beside a scrape a second."""
        self._before = await self._scrape()
        await asyncio.gather(*clients, self._scrape_each_second())

    async def ask(self, cases: Sequence[Case]) -> None:
        """Ask one thing after the other."""
        await self._ask(cases, Connection.exchange, timed=True)

    async def ask_slowly(self, cases: Sequence[Case]) -> None:
        """Ask in pieces that come a tenth of a second apart."""
        await self._ask(cases, _in_pieces, timed=False)

    async def leave(self, cases: Sequence[Case]) -> None:
        """Send the half of each request and be gone."""
        for case in cycle(cases):
            if perf_counter() > self._end:
                return
            connection = await Connection.open(self._url)
            await connection.send(case.request[: -len(case.request) // 2])
            connection.abort()
            self.ledger.count(case.method, case.route, 400, "disconnected")
            await asyncio.sleep(0.02)

    async def differences(self) -> dict[tuple[str, ...], tuple[int, int]]:
        """Return where the service's counters are not ours, once it has seen the last one leave."""
        for _ in range(50):
            after = await self._scrape()
            self.ledger.count("GET", "/metrics", 200)
            found = self.ledger.differences(self._before, after)
            if not found:
                break
            await asyncio.sleep(0.1)
        return found

    async def _ask(self, cases: Sequence[Case], exchange: Exchange, timed: bool) -> None:
        connection = await Connection.open(self._url)
        for case in cycle(cases):
            if perf_counter() > self._end:
                break
            if not connection.reusable:
                connection = await Connection.open(self._url)
            started = perf_counter()
            try:
                async with asyncio.timeout(PATIENCE):
                    answer = await exchange(connection, case.request)
            except (ConnectionError, TimeoutError) as error:
                self.ledger.faults[f"{type(error).__name__}: {case.kind}"] += 1
                connection.abort()
                continue
            self.ledger.note(case, answer, perf_counter() - started if timed else None)
        connection.close()

    async def _scrape_each_second(self) -> None:
        last = self._before
        while perf_counter() < self._end:
            await asyncio.sleep(1)
            now = await self._scrape()
            self.ledger.count("GET", "/metrics", 200)
            self.ledger.faults["a counter went down"] += sum(now[series] < last[series] for series in last)
            last = now

    async def _scrape(self) -> Series:
        connection = await Connection.open(self._url)
        answer = await connection.exchange(SCRAPE)
        connection.close()
        found = counters(answer.body)
        # a request is counted when it is answered: this one does not know of itself yet
        found["requests", "GET", "/metrics", str(answer.status)] += 1
        return found


async def _in_pieces(connection: Connection, request: bytes) -> Answer:
    size = len(request) // 8 + 1
    for start in range(0, len(request), size):
        await connection.send(request[start : start + size])
        await asyncio.sleep(0.1)
    return await connection.answer()


class Watch:
    """Looks at the server every second and at the clients every minute."""

    HEAD = (
        "minute",
        "requests/s",
        "refused",
        "faults",
        "RSS MB",
        "PSS MB",
        "p50 ms",
        "p99 ms",
        "batch p99 ms",
    )

    def __init__(self, process: psutil.Process, ledger: Ledger) -> None:
        self.samples: list[Sample] = []
        self.rows: list[tuple[str, ...]] = []
        self._process = process
        self._ledger = ledger
        self._started = self._minute_began = perf_counter()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(1)
            self.samples.append(Sample.of(self._process, perf_counter() - self._started))
            if perf_counter() - self._minute_began >= 60:
                self.end_minute()

    def end_minute(self) -> None:
        """Write down the minute, or the part of one, that ends now."""
        now = perf_counter()
        seconds, self._minute_began = now - self._minute_began, now
        minute, sample = self._ledger.next_minute(), self.samples[-1]
        single, batch = (np.array(times or [np.nan]) for times in (minute.single_ms, minute.batch_ms))
        row = (
            str(len(self.rows) + 1),
            f"{minute.answers / seconds:,.0f}",
            f"{minute.refusals:,}",
            str(self._ledger.faults.total()),
            f"{sample.rss:.1f}",
            f"{sample.pss:.1f}",
            f"{np.percentile(single, 50):.2f}",
            f"{np.percentile(single, 99):.2f}",
            f"{np.percentile(batch, 99):.2f}",
        )
        self.rows.append(row)
        print(", ".join(map(" ".join, zip(self.HEAD, row, strict=True))), file=sys.stderr)


async def soak(url: str, process: psutil.Process, models: Path, minutes: float) -> bool:
    """Print what was seen minute by minute and what is left at the end; return whether all was right."""
    rows, oracle = phones(models, 1_000), Oracle(models)
    ones, refused = singles(rows, oracle), bad(rows, DRAWN)
    forms = {form.name: batches(form, rows, oracle) for form in BATCHES}
    Random(0).shuffle(refused)
    clients = Clients(url, 60 * minutes)
    watch = Watch(process, clients.ledger)
    watching = asyncio.create_task(watch.run())
    await clients.run(
        *(clients.ask(ones[number::SINGLE_CLIENTS]) for number in range(SINGLE_CLIENTS)),
        *(clients.ask(cases) for cases in forms.values()),
        *(clients.ask(refused[number::BAD_CLIENTS]) for number in range(BAD_CLIENTS)),
        *(clients.ask_slowly([ones[number], forms["CSV"][number % 3]]) for number in range(SLOW_CLIENTS)),
        *(clients.leave([ones[number], forms["V2 binary"][number]]) for number in range(LEAVING_CLIENTS)),
    )
    watching.cancel()
    watch.end_minute()
    differences = await clients.differences()
    show("Minute by minute.", watch.HEAD, watch.rows)
    warm = [sample for sample in watch.samples if sample.seconds > WARM_UP]
    slope = slope_of(warm) if len(warm) >= FEWEST_SAMPLES else "too short a time to say"
    print(f"\nMemory after the first {WARM_UP} s: {slope}.")
    faults = +clients.ledger.faults
    print(f"{clients.ledger.total:,} answers, each checked; {faults.total()} of them wrong or lost.")
    for kind, count in faults.items():
        print(f"  {count} x {kind}: {clients.ledger.examples.get(kind, b'')!r}")
    print(f"Counters of /metrics that differ from what the clients counted: {len(differences)}.")
    for series, (ours, theirs) in differences.items():
        print(f"  {' '.join(series)}: {ours} seen, {theirs} counted by the service")
    return not faults and not differences


def main() -> None:
    """Serve on one core and ask from the other; several workers share all cores with the clients."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    flags = ("--no-access-log", "--drain-delay", "0", "--workers", str(arguments.workers))
    with ExitStack() as stack:
        with on_core(0) if arguments.workers == 1 else nullcontext():
            server = stack.enter_context(serving(arguments.models, *flags))
        if arguments.workers == 1:
            stack.enter_context(on_core(1))
        process = psutil.Process(server.process.pid)
        right = uvloop.run(soak(server.url, process, arguments.models, arguments.minutes))
    tracebacks = [line for line in server.log if "traceback" in line.lower()]
    print(f"Tracebacks in the log: {len(tracebacks)}.", *tracebacks[:3])
    sys.exit(not right or bool(tracebacks))


if __name__ == "__main__":
    main()
