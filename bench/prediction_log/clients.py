"""Clients that ask while something happens to the log, and what they and the metrics saw."""

import asyncio
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import choice
from time import perf_counter

import orjson

from bench.load.client import Connection, message
from bench.load.live import PHONE

CONNECTIONS = 16
_BODIES = [
    orjson.dumps(PHONE | {"ram": ram, "battery_power": 500 + ram % 1_499, "px_height": ram % 1_960})
    for ram in range(256, 4_000)
]
_SERIES = re.compile(r"^pricerange_prediction_log_(rows_total|rows_dropped_total|errors_total)(\S*) (\S+)$")


@dataclass(frozen=True)
class Period:
    """A name, how many seconds it takes, and what happens at its beginning."""

    name: str
    seconds: float
    begins: Callable[[], object] = lambda: None


@dataclass
class Seen:
    """Seconds of each request by period, and answers other than 200."""

    times: dict[str, list[float]] = field(default_factory=dict)
    others: int = 0

    @property
    def answers(self) -> int:
        """All answers that were 200."""
        return sum(map(len, self.times.values()))


async def ask(url: str, periods: Sequence[Period]) -> Seen:
    """Ask about a phone as fast as the answers come, for all periods; each request has an id of its own."""
    seen = Seen()
    over = asyncio.Event()
    times: list[float] = []

    async def keep_asking() -> None:
        connection = await Connection.open(url)
        begin, number = secrets.token_hex(8), 0
        while not over.is_set():
            number += 1
            request = message("POST", "/predict", {"X-Request-Id": f"{begin}-{number}"}, choice(_BODIES))
            mine, began = times, perf_counter()
            answer = await connection.exchange(request)
            if answer.status == 200:
                mine.append(perf_counter() - began)
            else:
                seen.others += 1
        connection.close()

    clients = [asyncio.create_task(keep_asking()) for _ in range(CONNECTIONS)]
    for period in periods:
        times = seen.times.setdefault(period.name, [])
        # what blocks must not stop the clients
        await asyncio.to_thread(period.begins)
        await asyncio.sleep(period.seconds)
    over.set()
    await asyncio.wait_for(asyncio.gather(*clients), 60)
    return seen


async def counted(url: str) -> dict[str, int]:
    """Return what `/metrics` says of the log: rows written, dropped for each reason, and errors."""
    connection = await Connection.open(url)
    text = (await connection.exchange(message("GET", "/metrics"))).body.decode()
    connection.close()
    found = dict[str, int]()
    for line in text.splitlines():
        if match := _SERIES.match(line):
            name = re.sub(r'.*"(\w+)".*', r"\1", match[2]) or match[1]
            found[name] = int(float(match[3]))
    return found
