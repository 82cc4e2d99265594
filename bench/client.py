"""What the typed client costs: `python -m bench.client [--models models] [--rounds 7] [--calls 500]`.

One phone a call beside httpx alone on the same server, one after the other and sixteen at once; then tables
of 10,000 phones in every kind. Client and server share the machine, so that only ratios last: all ways take
turns, and each figure is the median of the rounds. A stream of 300,000 phones says how much memory grows
meanwhile. `--kills` also kills a worker of two every second under
load, and counts calls that are lost. Exit code 1 where one is.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from threading import Event
from typing import Any

import httpx
import pandas as pd
import polars as pl
import psutil
import pyarrow as pa

from bench.load.live import PHONE, serving
from bench.load.phones import phones
from bench.show.tables import show
from bench.worker_kills import kill_one
from pricerange.phone import FEATURE_NAMES
from pricerange_client import AsyncClient, Client, ClientError

ROWS = 10_000
AT_ONCE = 16
STREAMED = 300_000
_PAIRS = (("Client", "httpx.Client"), ("AsyncClient, 16 at once", "httpx.AsyncClient, 16 at once"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--kills", type=int, default=0, help="kill a worker so many times")
    wanted = parser.parse_args()
    with serving(wanted.models, "--no-access-log") as running:
        _one_phone(running.url, wanted.rounds, wanted.calls)
        _tables(running.url, wanted.models, wanted.rounds)
        _stream(running.url)
    if wanted.kills:
        sys.exit(_kills(wanted.models, wanted.kills))


def _one_phone(url: str, rounds: int, calls: int) -> None:
    with httpx.Client(base_url=url) as raw, Client(url) as client:
        in_turn = {
            "httpx.Client": lambda: [raw.post("/predict", json=PHONE).json() for _ in range(calls)],
            "Client": lambda: [client.predict(PHONE) for _ in range(calls)],
            "httpx.AsyncClient, 16 at once": lambda: asyncio.run(_raw_at_once(url, calls)),
            "AsyncClient, 16 at once": lambda: asyncio.run(_at_once(url, calls)),
        }
        seconds = _measured(in_turn, rounds)
    rows = []
    for name, others in _PAIRS:
        for one in (others, name):
            took, cpu = (median(times) for times in zip(*seconds[one], strict=True))
            ratio = median(
                mine[1] / alone[1] for mine, alone in zip(seconds[one], seconds[others], strict=True)
            )
            rows.append((one, f"{calls / took:,.0f}", f"{1e6 * cpu / calls:,.0f}", f"{ratio:.2f}"))
    show("One phone a call", ("", "calls/s", "client's CPU µs a call", "of httpx alone"), rows)


async def _raw_at_once(url: str, calls: int) -> None:
    async with httpx.AsyncClient(base_url=url) as raw:

        async def ask() -> None:
            (await raw.post("/predict", json=PHONE)).json()

        await _all(ask, calls)


async def _at_once(url: str, calls: int) -> None:
    async with AsyncClient(url) as client:
        await _all(lambda: client.predict(PHONE), calls)


async def _all(ask: Callable[[], Awaitable[Any]], calls: int) -> None:
    async def some() -> None:
        for _ in range(calls // AT_ONCE):
            await ask()

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))


def _tables(url: str, models: Path, rounds: int) -> None:
    frame = pd.DataFrame(phones(models, ROWS), columns=list(FEATURE_NAMES))
    arrow = pa.Table.from_pandas(frame, preserve_index=False)
    polars, dictionaries = pl.from_arrow(arrow), frame.to_dict("records")

    def without_pyarrow() -> Any:
        hidden = sys.modules["pyarrow"]
        sys.modules["pyarrow"] = None
        try:
            return client.predict_batch(frame)
        finally:
            sys.modules["pyarrow"] = hidden

    with Client(url) as client:
        in_turn = {
            "pyarrow.Table": lambda: client.predict_batch(arrow),
            "polars.DataFrame": lambda: client.predict_batch(polars),
            "pandas.DataFrame": lambda: client.predict_batch(frame),
            "pandas.DataFrame, without pyarrow": without_pyarrow,
            "list of dictionaries": lambda: client.predict_batch(dictionaries),
            "iterator of dictionaries": lambda: list(client.predict_batch(iter(dictionaries))),
        }
        seconds = _measured(in_turn, rounds)
    rows = []
    for name, times in seconds.items():
        took, cpu = (median(each) for each in zip(*times, strict=True))
        rows.append((name, f"{1000 * took:,.0f}", f"{1000 * cpu:,.0f}", f"{ROWS / took:,.0f}"))
    show(f"{ROWS:,} phones in a call", ("", "ms", "of which client's CPU", "phones/s"), rows)


def _stream(url: str) -> None:
    process = psutil.Process()
    with Client(url) as client:
        for _ in client.predict_batch(PHONE for _ in range(2 * ROWS)):
            pass
        before = most = process.memory_info().rss
        started = time.perf_counter()
        for place, _ in enumerate(client.predict_batch(PHONE for _ in range(STREAMED))):
            if place % 1_000 == 0:
                most = max(most, process.memory_info().rss)
    pace = STREAMED / (time.perf_counter() - started)
    grown = (most - before) / 1e6
    print(f"\nA stream of {STREAMED:,} phones: {pace:,.0f} a second, memory grows by {grown:.1f} MB at most")


def _measured(in_turn: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Let all take turns, once before it counts; return seconds and those of the processor, by round."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in in_turn}
    for number in range(rounds + 1):
        for name, run in in_turn.items():
            started, worked = time.perf_counter(), time.process_time()
            run()
            if number:
                seconds[name].append((time.perf_counter() - started, time.process_time() - worked))
    return seconds


def _kills(models: Path, kills: int) -> bool:
    """Kill workers under load; return whether a call was lost."""
    over = Event()

    def ask(url: str) -> tuple[int, list[ClientError], float]:
        answered, lost, longest = 0, [], 0.0
        with Client(url) as client:
            while not over.is_set():
                started = time.perf_counter()
                try:
                    client.predict(PHONE)
                    answered += 1
                except ClientError as error:
                    lost.append(error)
                longest = max(longest, time.perf_counter() - started)
        return answered, lost, longest

    with (
        serving(models, "--no-access-log", "--workers", "2") as running,
        ThreadPoolExecutor(AT_ONCE) as threads,
    ):
        asking = [threads.submit(ask, running.url) for _ in range(AT_ONCE)]
        for _ in range(kills):
            time.sleep(1)
            asyncio.run(kill_one(running.process.pid))
        over.set()
        found = [one.result() for one in asking]
    answered, lost = sum(one[0] for one in found), [error for one in found for error in one[1]]
    longest = max(one[2] for one in found)
    print(
        f"\n{kills} kills of a worker of two: {answered:,} calls answered, {len(lost)} lost, "
        f"the longest took {longest:.2f} s"
    )
    return bool(lost)


if __name__ == "__main__":
    main()
