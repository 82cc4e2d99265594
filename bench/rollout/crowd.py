"""Clients that ask about one phone after another while something happens, and check every answer."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from bench.load.known_answers import NOBODY, KnownAnswers
from bench.worker_kills import Traced

_PAUSE = 0.01
"""Seconds before a client that was refused tries again."""


@dataclass
class Seen:
    """What clients have seen: how long answers took, and how many each version gave.

    `wrong` are answers that are no version's own, `lost` the ports of connections that ended without an
    answer; `refused` counts attempts to connect.
    """

    seconds: list[float] = field(default_factory=list)
    versions: Counter[int] = field(default_factory=Counter)
    wrong: list[bytes] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    refused: int = 0

    def quantile(self, share: float) -> float:
        """Return milliseconds that so many answers took at most."""
        return 1e3 * float(np.quantile(self.seconds, share))

    def row(self) -> tuple[str, str, str, str, str]:
        """Return answers, lost ones, wrong ones, their p99 and the longest, for a table."""
        return (
            f"{len(self.seconds):,}",
            str(len(self.lost)),
            str(len(self.wrong)),
            f"{self.quantile(0.99):.1f}",
            f"{self.quantile(1):.0f}",
        )


HEAD = ("answers", "lost", "wrong", "p99 ms", "longest ms")
"""Of a table with rows of `Seen`."""


async def under_load(
    url: str,
    known: KnownAnswers,
    connections: int,
    until: Coroutine[object, object, None],
    seen: Seen | None = None,
) -> Seen:
    """Ask on so many connections until something is over; where they are closed, on new ones.

    `seen` is what is added to and returned, for those who want to look meanwhile.
    """
    seen, end = seen or Seen(), asyncio.Event()
    step = max(len(known.requests) // connections, 1)
    clients = [
        asyncio.create_task(_ask(url, known, seen, end, number * step)) for number in range(connections)
    ]
    try:
        await until
    finally:
        end.set()
        await asyncio.wait_for(asyncio.gather(*clients), 60)
    return seen


async def _ask(url: str, known: KnownAnswers, seen: Seen, end: asyncio.Event, phone: int) -> None:
    while not end.is_set():
        try:
            connection = await Traced.open(url)
        except OSError:
            seen.refused += 1
            await asyncio.sleep(_PAUSE)
            continue
        try:
            while connection.reusable and not end.is_set():
                phone = (phone + 1) % len(known.requests)
                began = perf_counter()
                answer = await connection.exchange(known.requests[phone])
                seen.seconds.append(perf_counter() - began)
                version = known.version_of(phone, answer)
                if version == NOBODY:
                    seen.wrong.append(answer.body)
                else:
                    seen.versions[version] += 1
        except ConnectionError:
            seen.lost.append(connection.port)
        connection.close()
