"""Workers killed under load: no call is lost, since whoever had asked asks again."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from live_server import Server

from bench.worker_kills import kill_one
from pricerange_client import AsyncClient, Client

Phone = dict[str, float]


def ask(url: str, phone: Phone, over: Event) -> list[int]:
    """The price ranges of a phone, over and over."""
    found = []
    with Client(url) as client:
        while not over.is_set():
            found.append(client.predict(phone).price_range)
    return found


async def ask_many(url: str, phone: Phone, over: Event) -> list[int]:
    """The same, by sixteen tasks at once."""
    found = []

    async def one(client: AsyncClient) -> None:
        while not over.is_set():
            found.append((await client.predict(phone)).price_range)

    async with AsyncClient(url) as client:
        await asyncio.gather(*(one(client) for _ in range(16)))
    return found


def test_no_call_is_lost_where_workers_are_killed(model_repository: Path, phone: Phone) -> None:
    server = Server(model_repository, "--workers", "2", "--no-access-log").wait_until_ready()
    over = Event()
    with ThreadPoolExecutor() as threads:
        asking = [threads.submit(ask, server.url, phone, over) for _ in range(2)]
        asking.append(threads.submit(lambda: asyncio.run(ask_many(server.url, phone, over))))
        try:
            for _ in range(2):
                time.sleep(0.3)
                asyncio.run(kill_one(server.process.pid))
            time.sleep(0.3)
        finally:
            over.set()
    assert server.end() == 0
    # a call that is lost raises here
    answered = [price_range for each in asking for price_range in each.result()]
    assert len(answered) > 20
    assert len(set(answered)) == 1
