"""What is done to servers until an alert fires."""

import os
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import httpx

from bench.load.live import PHONE, Running, workers_of

CSV = (",".join(PHONE) + "\n" + (",".join(map(str, PHONE.values())) + "\n") * 80_000).encode()
"""Its answer is of 4 MB."""


@dataclass(frozen=True)
class Place:
    """What a cause has for itself: models, and a folder for all else."""

    models: Path
    folder: Path

    @property
    def rollout(self) -> Path:
        """The file that says which versions serve."""
        return self.models / "phone_price_range" / "rollout.toml"


Act = Callable[[list[Running], Place, Event], None]


def ask(client: httpx.Client, body: object, path: str, headers: dict[str, str]) -> None:
    """Ask once; whatever becomes of it."""
    try:
        client.post(path, json=body, headers=headers)
    except httpx.HTTPError:
        time.sleep(0.1)


def asking(body: object = PHONE, path: str = "/predict", clients: int = 1, **headers: str) -> Act:
    """Ask all the time."""

    def act(servers: list[Running], place: Place, end: Event) -> None:
        def keep_asking() -> None:
            with httpx.Client(base_url=servers[0].url, timeout=10) as client:
                while not end.is_set():
                    ask(
                        client, body, path, {name.replace("_", "-"): value for name, value in headers.items()}
                    )
                    time.sleep(0.01)

        with ThreadPoolExecutor(clients) as pool:
            for _ in range(clients):
                pool.submit(keep_asking)

    return act


def beside(first: Act, second: Act) -> Act:
    """Do both at once."""

    def act(servers: list[Running], place: Place, end: Event) -> None:
        with ThreadPoolExecutor(2) as pool:
            pool.submit(first, servers, place, end)
            pool.submit(second, servers, place, end)

    return act


def halts(servers: list[Running], place: Place, end: Event) -> None:
    """Stop the process for 0.2 s, again and again."""
    while not end.is_set():
        servers[0].process.send_signal(signal.SIGSTOP)
        time.sleep(0.2)
        servers[0].process.send_signal(signal.SIGCONT)
        time.sleep(0.2)


def ends(servers: list[Running], place: Place, end: Event) -> None:
    """End the process."""
    servers[0].process.terminate()


def falls_silent(servers: list[Running], place: Place, end: Event) -> None:
    """Ask for a while, then no more."""
    enough = Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asking(), servers, place, enough)
        end.wait(30)
        enough.set()


def workers_die(servers: list[Running], place: Place, end: Event) -> None:
    """Kill a worker every few seconds."""
    while not end.wait(10):
        for worker in workers_of(servers[0].process.pid)[-1:]:
            os.kill(worker.pid, signal.SIGKILL)


def head(media_type: str, length: int) -> bytes:
    """Write the head of a request for a table."""
    lines = (
        "POST /predict/batch HTTP/1.1",
        "Host: x",
        f"Content-Type: {media_type}",
        f"Content-Length: {length}",
    )
    return "\r\n".join((*lines, "", "")).encode()


def sends_half(servers: list[Running], place: Place, end: Event) -> None:
    """Send bodies of a mebibyte but for the last byte, slowly."""
    host, size = urlsplit(servers[0].url), 1_000_000
    start = head("application/json", size)
    while not end.is_set():
        with ExitStack() as stack:
            for _ in range(12):
                connection = stack.enter_context(socket.create_connection((host.hostname, host.port)))
                connection.sendall(start + b" " * (size - 1))
            end.wait(8)


def reads_nothing(servers: list[Running], place: Place, end: Event) -> None:
    """Send a long table, and do not read its answer."""
    host = urlsplit(servers[0].url)
    while not end.is_set():
        with socket.create_connection((host.hostname, host.port)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            connection.sendall(head("text/csv", len(CSV)) + CSV)
            end.wait(25)


def writes(path: Callable[[Place], Path], text: str) -> Act:
    """Write something into a file."""

    def act(servers: list[Running], place: Place, end: Event) -> None:
        path(place).write_text(text)

    return act


def loses_the_folder(servers: list[Running], place: Place, end: Event) -> None:
    """Put a file where the prediction log's folder was."""
    folder = place.folder / "log"
    folder.rename(place.folder / "gone")
    folder.write_text("")


def waits(servers: list[Running], place: Place, end: Event) -> None:
    """Do nothing: the way that the servers are is the cause."""


def asks_about_many(servers: list[Running], place: Place, end: Event) -> None:
    """Ask about phones that differ, one by one, so that both versions answer some."""
    with httpx.Client(base_url=servers[0].url, timeout=10) as client:
        for ram in cycle(range(256, 4_000)):
            if end.is_set():
                return
            ask(client, PHONE | {"ram": ram}, "/predict", {})


def unsure(servers: list[Running], place: Place, end: Event) -> None:
    """Ask about the one phone of many whose answer is the least sure, as about nothing else."""
    least: tuple[float, dict[str, float]] = (1.0, {})
    with httpx.Client(base_url=servers[0].url, timeout=10) as client:
        for ram in range(256, 4_000, 8):
            phone = PHONE | {"ram": ram}
            answer = client.post("/predict", json=phone).json()
            least = min(least, (max(answer["probabilities"]), phone), key=lambda found: found[0])
    asking({"phones": [least[1]] * 100}, "/predict/batch")(servers, place, end)
