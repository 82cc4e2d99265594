"""Requests hidden in requests, behind proxies that share their connections: `python -m bench.door.proxies`.

The service has API keys and stands behind nginx and HAProxy. For some seconds attackers send requests in
whose bodies others hide: with offers to upgrade, odd codings, `Expect` and trailers. Honest clients ask
meanwhile, each request with an id and a phone of its own; an answer with another id or for another phone is
a wrong one. Java's HTTP client, which offers to upgrade, asks the service itself. Exit code 1 where anything
was wrong.
"""

import argparse
import asyncio
import random
import secrets
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import orjson
import uvloop

from bench.door.fronts import FRONTS, before, require
from bench.door.smuggling import MARK, attacks
from bench.load.client import Answer, Connection, message
from bench.load.formats import JSON, SINGLE
from bench.load.live import Running, serving
from bench.load.phones import Oracle, as_objects, phones, same
from bench.show.tables import show
from pricerange.predictor import Prediction

HONEST, ATTACKERS = 4, 4
PHONES = 500
JAVA_REQUESTS = 100
ATTACK_SECONDS = 0.02
"""Seconds that an attacker waits for something to come back."""


@dataclass
class Seen:
    """What became of the requests through one proxy."""

    attacks: int = 0
    right: int = 0
    wrong: int = 0
    failed: int = 0
    """Honest requests that got no answer, or none of the service's."""


class Phones:
    """Phones, each with the answer that ONNX Runtime gives, and the key that it takes to ask."""

    def __init__(self, models: Path, key: str) -> None:
        self.key = key
        rows, oracle = phones(models, PHONES), Oracle(models)
        self.bodies = [orjson.dumps(phone) for phone in as_objects(rows)]
        self._answers = [oracle.answer(rows[place : place + 1]) for place in range(PHONES)]

    def request(self, place: int, own: str) -> bytes:
        """Ask about the phone at a place, by an id."""
        headers = {"Content-Type": JSON, "Authorization": f"Bearer {self.key}", "X-Request-Id": own}
        return message("POST", "/predict", headers, self.bodies[place])

    def is_answer(self, place: int, found: Prediction) -> bool:
        """Whether it is the answer to the phone at a place."""
        return same(found, self._answers[place])


async def be_honest(url: str, client: int, asked: Phones, seen: Seen, until: float) -> None:
    """Ask about one phone after the other."""
    connection, number = await Connection.open(url), 0
    while monotonic() < until:
        number += 1
        own, place = f"honest-{client}-{number}", random.randrange(PHONES)
        try:
            answer = await asyncio.wait_for(connection.exchange(asked.request(place, own)), 10)
        except (ConnectionResetError, TimeoutError):
            seen.failed += 1
            connection.abort()
            connection = await Connection.open(url)
            continue
        if "x-request-id" not in answer.headers:
            seen.failed += 1  # the proxy's own
        elif _is_right(answer, own, place, asked):
            seen.right += 1
        else:
            seen.wrong += 1
        if not connection.reusable:
            connection.close()
            connection = await Connection.open(url)
    connection.close()


def _is_right(answer: Answer, own: str, place: int, asked: Phones) -> bool:
    return (
        answer.headers["x-request-id"] == own
        and answer.status == 200
        and asked.is_answer(place, SINGLE.read(answer))
    )


async def attack(url: str, requests: list[bytes], seen: Seen, until: float) -> None:
    """Send one attack after the other, each on a connection of its own."""
    host, port = url.removeprefix("http://").split(":")
    while monotonic() < until:
        reader, writer = await asyncio.open_connection(host, int(port))
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(ATTACK_SECONDS):
                writer.write(random.choice(requests))
                await writer.drain()
                while await reader.read(1 << 16):
                    pass
        writer.transport.abort()
        seen.attacks += 1


async def through(url: str, asked: Phones, seconds: float) -> Seen:
    """Let honest clients and attackers ask through one proxy."""
    seen, until = Seen(), monotonic() + seconds
    requests = attacks(asked.key, asked.bodies[0])
    await asyncio.gather(
        *(be_honest(url, client, asked, seen, until) for client in range(HONEST)),
        *(attack(url, requests, seen, until) for _ in range(ATTACKERS)),
    )
    return seen


def java(url: str, asked: Phones) -> int:
    """Have Java's HTTP client ask, and return how many answers are right."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"\n".join(asked.bodies[:JAVA_REQUESTS]))
        file.flush()
        source = Path(__file__).with_name("Ask.java")
        command = ["java", str(source), f"{url}/predict", file.name, asked.key]
        output = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if output.returncode:
        sys.exit(f"java ended with {output.returncode}: {output.stderr}")
    lines = [line.partition(" ") for line in output.stdout.splitlines()]
    return sum(
        status == "200" and asked.is_answer(place, SINGLE.read(Answer(200, {}, body.encode())))
        for place, (status, _, body) in enumerate(lines)
    )


def executed(running: Running) -> int:
    """Return how many hidden requests the service has answered, as its access log says."""
    return sum(f'"path":"{MARK}"' in line for line in running.log)


def main() -> None:
    """Print what the honest clients got through each proxy, and what Java got."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--seconds", type=float, default=30, help="of attacks through each proxy")
    arguments = parser.parse_args()
    for front in FRONTS:
        require(front.command[0], front.package)
    require("java", "openjdk-17-jdk-headless")
    asked = Phones(arguments.models, key=secrets.token_hex(16))
    rows, bad = [], 0
    with tempfile.NamedTemporaryFile() as keys:
        keys.write(asked.key.encode())
        keys.flush()
        flags = ("--api-keys-file", keys.name, "--drain-delay", "0")
        with serving(arguments.models, *flags, key=asked.key) as running:
            right = java(running.url, asked)
            for front in FRONTS:
                hidden = executed(running)
                with before(running.url, front) as url:
                    seen = uvloop.run(through(url, asked, arguments.seconds))
                hidden = executed(running) - hidden
                figures = (seen.attacks, seen.right, seen.wrong, seen.failed, hidden)
                rows.append((front.name, *(f"{figure:,}" for figure in figures)))
                bad += seen.wrong + seen.failed + hidden
    head = ("proxy", "attacks", "right answers", "wrong", "failed", "hidden requests answered")
    show(f"{HONEST} honest clients beside {ATTACKERS} attackers, {arguments.seconds:g} s each.", head, rows)
    print(f"\nJava's HttpClient, which offers h2c: {right} of {JAVA_REQUESTS} answers right.")
    sys.exit(bool(bad or right < JAVA_REQUESTS))


if __name__ == "__main__":
    main()
