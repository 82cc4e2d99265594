"""Starting, draining, ending: nothing that was accepted is lost."""

import asyncio
import json
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import cast

import httpx
import psutil
import pytest
import uvicorn
from corpus import few
from in_process import InProcess
from live_server import NO_TLS, Server

from pricerange import bundle
from service.http.connection import HttpConnection
from service.http.lifecycle import Lifecycle
from service.process.listener import bind
from service.process.server import DrainingServer

Start = Callable[..., Server]
HEAD = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


async def keep_asking(url: httpx.URL, request: bytes, outcomes: Counter[str]) -> None:
    """Ask over and over on a connection kept alive; follow `Connection: close`; stop when refused."""
    while True:
        try:
            reader, writer = await asyncio.open_connection(url.host, url.port)
        except ConnectionRefusedError:
            return
        keep = True
        while keep:
            try:
                writer.write(request)
                await writer.drain()
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
            except (asyncio.IncompleteReadError, ConnectionError):
                outcomes["lost"] += 1
                break
            outcomes[head.split(b" ")[1].decode()] += 1
            keep = b"connection: close" not in head.lower()
        writer.close()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sigterm_under_load_answers_every_request_and_exits_with_0(
    start: Start, model_repository: Path, phone: dict[str, float], workers: str
) -> None:
    server = start(model_repository, "--workers", workers, "--no-access-log", "--drain-delay", "0.5")
    server.wait_until_ready()
    body = json.dumps(phone).encode()
    request = HEAD % len(body) + body
    outcomes: Counter[str] = Counter()

    async def load() -> None:
        url = httpx.URL(server.url)
        clients = [asyncio.create_task(keep_asking(url, request, outcomes)) for _ in range(32)]
        while outcomes["200"] < 500:
            await asyncio.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(asyncio.gather(*clients), 20)

    asyncio.run(load())
    assert server.wait() == 0, "\n".join(server.lines)
    assert outcomes.keys() == {"200"}, outcomes


def test_readiness_ends_at_once_and_requests_are_still_answered(
    start: Start, model_repository: Path, phone: dict[str, float]
) -> None:
    server = start(model_repository, "--drain-delay", "1").wait_until_ready()
    server.process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + 1
    while (
        ready := httpx.get(f"{server.url}/readyz", verify=NO_TLS)
    ).status_code == 200 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ready.status_code == 503
    assert ready.headers["retry-after"] == "1"
    answer = httpx.post(f"{server.url}/predict", json=phone, verify=NO_TLS)
    assert answer.status_code == 200
    assert answer.headers["connection"] == "close"
    assert httpx.get(f"{server.url}/livez", verify=NO_TLS).status_code == 200
    assert server.wait() == 0


def test_a_request_in_flight_is_finished(
    start: Start, model_repository: Path, phone: dict[str, float]
) -> None:
    server = start(model_repository, "--drain-delay", "0", "--drain-timeout", "10").wait_until_ready()
    body = json.dumps(phone).encode()

    def slowly() -> Iterator[bytes]:
        server.process.send_signal(signal.SIGTERM)
        yield body[:50]
        time.sleep(1.5)
        yield body[50:]

    response = httpx.post(
        f"{server.url}/predict", content=slowly(), headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 200
    assert server.wait() == 0


def test_a_sender_that_never_ends_does_not_keep_the_server(start: Start, model_repository: Path) -> None:
    server = start(model_repository, "--drain-delay", "0", "--drain-timeout", "1").wait_until_ready()
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port)) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n{")
        time.sleep(0.1)
        assert server.end(seconds=10) == 0
        answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"application/problem+json" in answer
    assert not any("Traceback" in line for line in server.lines)
    [line] = server.log(logger="service.access", path="/predict")
    assert line["status"] == 503


def test_ctrl_c_ends_without_the_delay(start: Start, model_repository: Path) -> None:
    server = start(model_repository, "--drain-delay", "60").wait_until_ready()
    assert server.end(signal.SIGINT, seconds=10) == 0


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", few(1, [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2]))
def test_a_signal_that_means_nothing_here_ends_nothing(
    start: Callable[..., Server],
    model_repository: Path,
    phone: dict[str, float],
    number: signal.Signals,
    workers: str,
) -> None:
    server = start(model_repository, "--workers", workers).wait_until_ready()
    for process in (psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children()):
        process.send_signal(number)
    time.sleep(0.2)
    assert httpx.post(f"{server.url}/predict", json=phone, verify=NO_TLS).status_code == 200
    assert server.end() == 0


def test_who_has_just_connected_may_still_ask_once_the_port_is_closed(
    start: Start, model_repository: Path, phone: dict[str, float]
) -> None:
    server = start(model_repository, "--drain-delay", "0").wait_until_ready()
    url, body = httpx.URL(server.url), json.dumps(phone).encode()
    with (
        socket.create_connection((url.host, url.port)) as asks,
        socket.create_connection((url.host, url.port)),
    ):
        server.process.send_signal(signal.SIGTERM)
        time.sleep(1.2)  # seconds; the port is closed after some 0.3
        asks.sendall(HEAD % len(body) + body)
        assert asks.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"
        assert server.wait(seconds=5) == 0  # though the other one never asks


class BrokenDoor:
    """A second door that fails at its end, and calls at once."""

    in_flight = 0

    async def start(self) -> None:
        """Do nothing."""

    def look(self) -> None:
        """Tell nobody."""

    async def stop(self) -> None:
        """Fail at once."""
        raise RuntimeError("broken")


def test_an_error_at_the_second_door_cuts_nobody_off_at_the_first(
    model_repository: Path, phone: dict[str, float]
) -> None:
    [version, *_] = bundle.versions(model_repository)
    service, lifecycle = InProcess(model_repository, version), Lifecycle()
    application = service.app(lifecycle)
    connection = partial(HttpConnection, service.settings, lifecycle, application)
    config = uvicorn.Config(
        application.asgi, http=cast("type[HttpConnection]", connection), lifespan="off", log_config=None
    )
    listener = bind("127.0.0.1", 0)
    port, body = listener.getsockname()[1], json.dumps(phone).encode()

    async def run() -> None:
        config.load()
        server = DrainingServer(
            config, listener, lifecycle, 0, None, service.counters, None, nothing, nothing, BrokenDoor()
        )
        server.lifespan = config.lifespan_class(config)
        await server.startup()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD % len(body) + body[:50])
        ending = asyncio.create_task(server.shutdown())
        await asyncio.sleep(1)
        writer.write(body[50:])
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        with pytest.raises(RuntimeError, match="broken"):
            await ending
        writer.close()

    asyncio.run(run())


def nothing() -> None:
    """Do nothing."""
