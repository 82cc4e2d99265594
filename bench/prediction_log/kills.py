"""`kill -9` of one of two workers, every second under load: what of the log is lost, and whether it reads."""

import asyncio
import random
import secrets
import time
from contextlib import suppress
from pathlib import Path

import orjson
import psutil

from bench.http_parts.plan import Plan
from bench.load.client import Connection, message
from bench.load.cores import on_core
from bench.load.live import PHONE, Running, serving, workers_of
from bench.load.pinned import LOAD_CORE
from bench.prediction_log.clients import CONNECTIONS, counted
from bench.prediction_log.parts import Found
from bench.show.tables import show

_KILLS, _PART_SECONDS = 10, 0.2
_BODY = orjson.dumps(PHONE)


def measure(plan: Plan, folder: Path) -> int:
    """Print what became of the rows; return how many promises were broken."""
    log = folder / "log"
    log.mkdir()
    left, notes = log / ".writing-predictions-20200101T000000.000000Z-00000000.parquet", log / "notes.txt"
    left.write_bytes(b"what a process that was killed had begun")
    notes.write_text("not ours")
    flags = ("--no-access-log", "--drain-delay", "0", "--workers", "2")
    with serving(
        plan.models, *flags, "--prediction-log", str(log), "--prediction-log-seconds", str(_PART_SECONDS)
    ) as server:
        with on_core(LOAD_CORE):
            answered, seconds = asyncio.run(_under_kills(server))
        told = asyncio.run(counted(server.url))
    found = Found.of(log)
    lost = len(answered) - found.ids
    show(
        f"{_KILLS} kills of one of two workers, parts of {_PART_SECONDS:g} s, {CONNECTIONS} connections. "
        "A kill takes the rows of its worker that waited, and those of the part that it was writing.",
        ("", "found"),
        [
            ("answers", f"{len(answered):,}"),
            ("of them in parts", f"{found.ids:,}"),
            ("lost", f"{lost:,}"),
            (
                "answers of a worker in as many seconds as its parts have, of all kills",
                f"{_bound(answered, seconds):,}",
            ),
            ("parts", f"{found.parts:,}"),
            ("parts that cannot be read", str(found.broken)),
            ("rows written, as /metrics says", f"{told['rows_total']:,}"),
            ("half written files left behind", str(found.drafts)),
            ("the file of somebody else is still there", str(notes.exists())),
        ],
    )
    return found.broken + found.drafts + (not notes.exists()) + (told["rows_total"] > found.rows + 1)


def _bound(answered: set[str], seconds: float) -> int:
    return round(len(answered) / seconds / 2 * _PART_SECONDS * _KILLS)


async def _under_kills(server: Running) -> tuple[set[str], float]:
    """Ask while workers are killed; return the ids of the answers, and the seconds that it took."""
    answered, over = set[str](), asyncio.Event()
    tasks = [asyncio.create_task(_keep_asking(server.url, answered, over)) for _ in range(CONNECTIONS)]
    began = time.monotonic()
    for _ in range(_KILLS):
        await asyncio.sleep(1)
        await _kill_one(server.process.pid)
    await asyncio.sleep(2)
    over.set()
    await asyncio.gather(*tasks)
    seconds = time.monotonic() - began
    await asyncio.sleep(4 * _PART_SECONDS)
    return answered, seconds


async def _keep_asking(url: str, answered: set[str], over: asyncio.Event) -> None:
    begin, number = secrets.token_hex(8), 0
    while not over.is_set():
        with suppress(ConnectionError):
            connection = await Connection.open(url)
            while not over.is_set():
                number += 1
                name = f"{begin}-{number}"
                answer = await connection.exchange(message("POST", "/predict", {"X-Request-Id": name}, _BODY))
                if answer.status == 200:
                    answered.add(name)
            connection.close()


async def _kill_one(parent: int) -> None:
    async with asyncio.timeout(30):
        while not (workers := workers_of(parent)):
            await asyncio.sleep(0.01)
    worker = random.choice(workers)
    with suppress(psutil.NoSuchProcess):
        worker.kill()
