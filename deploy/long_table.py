"""One table that is longer than the container has memory, and small requests beside it."""

import http.client
import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from threading import Event
from time import monotonic
from typing import Any

from engine import Machine
from report import Report, expect, post

ROWS = 20_000_000
BLOCK = 10_000
"""Rows that are sent at once."""
NEIGHBOURS = 4
"""Clients that ask about one phone, again and again."""
CLEAR = {200, 413, 507}


@dataclass(frozen=True)
class Answer:
    """How a table was answered."""

    status: int
    title: str
    length: int
    sent: int
    """Rows that had been sent by the end of the answer's head."""
    seconds: float


def check(machine: Machine, report: Report, phone: dict[str, Any]) -> None:
    """The table is answered or refused in words, nothing beside it is lost, and the container goes on."""
    words = f"a CSV of {ROWS:,} rows in {machine.memory}: answered, or refused in words; 0 requests lost"
    with report.check(words) as note:
        container, end = machine.container(), Event()
        started_at = machine.engine("inspect", "--format", "{{.State.StartedAt}}", container)
        with ThreadPoolExecutor(NEIGHBOURS) as pool:
            beside = [pool.submit(ask, machine.service, phone, end) for _ in range(NEIGHBOURS)]
            try:
                answer = send(machine.port, phone)
            finally:
                end.set()
        counts = [client.result() for client in beside]
        asked, lost = sum(len(times) for times, _ in counts), sum(failed for _, failed in counts)
        slowest = max(itertools.chain.from_iterable(times for times, _ in counts))
        note(
            f"{answer.status} {answer.title}".strip()
            + f" after {answer.sent:,} rows and {answer.seconds:.1f} s, "
            f"{answer.length:,} bytes; beside it {asked} requests, {lost} lost, the slowest {slowest:.2f} s"
        )
        expect(answer.status in CLEAR, f"{answer.status} {answer.title}")
        expect(answer.status != 200 or answer.sent == ROWS, "an answer before the last row")
        expect(lost == 0, f"{lost} of {asked} lost")
        now = machine.engine("inspect", "--format", "{{.State.StartedAt}}", container)
        expect(now == started_at, f"the container has restarted{machine.last_words()}")


def send(port: int, phone: dict[str, Any]) -> Answer:
    """Send the table, and read while it is being sent, as a client must that wants a long answer."""
    head = ",".join(phone) + "\n"
    block = (
        ",".join(str(int(value) if isinstance(value, bool) else value) for value in phone.values()) + "\n"
    ) * BLOCK
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.putrequest("POST", "/predict/batch")
    connection.putheader("content-type", "text/csv")
    connection.putheader("content-length", str(len(head) + len(block) * (ROWS // BLOCK)))
    started, answered, sent = monotonic(), Event(), 0

    def rows() -> None:
        nonlocal sent
        # an answer that comes early ends the connection
        with suppress(OSError):
            connection.send(head.encode())
            while sent < ROWS and not answered.is_set():
                connection.send(block.encode())
                sent += BLOCK

    connection.endheaders()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(rows)
        try:
            answer = connection.getresponse()
            at_the_head = sent
            length, tail = 0, b""
            while part := answer.read(1 << 20):
                length, tail = length + len(part), part
        finally:
            answered.set()
    title = json.loads(tail)["title"] if answer.status != 200 else ""
    return Answer(answer.status, title, length, at_the_head, monotonic() - started)


def ask(url: str, phone: dict[str, Any], end: Event) -> tuple[list[float], int]:
    """Ask until the end; return the seconds of each request, and how many got no price range."""
    times, failed = [], 0
    while not end.is_set():
        started = monotonic()
        try:
            failed += "price_range" not in post(f"{url}/predict", phone)
        except (OSError, ValueError, http.client.HTTPException):
            failed += 1
        times.append(monotonic() - started)
        end.wait(0.01)
    return times, failed
