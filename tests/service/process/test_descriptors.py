"""Without file descriptors: newcomers wait, those who are served go on being served, and the log says why."""

import itertools
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from live_server import NO_TLS, Server
from phone_tables import CSV, as_csv
from waiting import wait_until

Start = Callable[..., Server]
PAUSED = "no new connections are accepted"
NONE = 3
"""A limit of descriptors that leaves none: those of standard input and output are below it."""


def said(server: Server) -> list[str]:
    return [line for line in server.lines if PAUSED in line]


def connected(server: Server) -> socket.socket:
    url = httpx.URL(server.url)
    return socket.create_connection((url.host, url.port or 80), timeout=20)


def lowest_free(server: Server) -> int:
    used = {int(entry.name) for entry in Path(f"/proc/{server.process.pid}/fd").iterdir()}
    return next(number for number in itertools.count() if number not in used)


@contextmanager
def limited(server: Server, most: int) -> Iterator[None]:
    """Let a server have fewer descriptors for a while."""
    process = psutil.Process(server.process.pid)
    before, hard = process.rlimit(psutil.RLIMIT_NOFILE)
    process.rlimit(psutil.RLIMIT_NOFILE, (most, hard))
    try:
        yield
    finally:
        if process.is_running():
            process.rlimit(psutil.RLIMIT_NOFILE, (before, hard))


def test_newcomers_wait_and_the_others_are_served(
    start: Start, model_repository: Path, phone: dict[str, float]
) -> None:
    server = start(model_repository, "--no-access-log").wait_until_ready()
    process = psutil.Process(server.process.pid)
    most = lowest_free(server) + 60
    long_table = as_csv([phone] * 60_000)
    with httpx.Client(base_url=server.url, verify=NO_TLS, timeout=60) as client, ExitStack() as stack:
        assert client.get("/livez").status_code == 200
        with limited(server, most):
            for _ in range(100):
                stack.enter_context(connected(server))
                time.sleep(0.01)  # twice a second the server looks how many descriptors are left
            wait_until(lambda: said(server))
            assert process.num_fds() < most - 10
            assert f"the limit is {most} (raise it" in said(server)[0]
            before = sum(process.cpu_times()[:2])
            late = stack.enter_context(connected(server))
            late.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
            time.sleep(0.5)
            assert sum(process.cpu_times()[:2]) - before < 0.3  # nothing spins
            assert client.post("/predict", json=phone).status_code == 200
            assert "process_open_fds" in client.get("/metrics").text
            assert process.num_fds() < most - 10
            # an import, and a file for the answer
            headers = {"Content-Type": CSV}
            assert client.post("/predict/batch", content=long_table, headers=headers).status_code == 200
        # who has waited is served as soon as there is room
        assert late.recv(65_536).startswith(b"HTTP/1.1 200")
        assert len(said(server)) == 1
        with limited(server, most):
            assert server.end() == 0
    assert not any("Traceback" in line for line in server.lines)


@pytest.mark.parametrize("rows", [1, 60_000], ids=["an import", "a file"])
def test_a_request_that_needs_one_where_there_is_none_is_503_and_may_come_again(
    start: Start, model_repository: Path, phone: dict[str, float], rows: int
) -> None:
    server = start(model_repository).wait_until_ready()
    body, headers = as_csv([phone] * rows), {"Content-Type": CSV}
    with (
        httpx.Client(base_url=server.url, verify=NO_TLS, timeout=60) as client,
        httpx.Client(base_url=server.url, verify=NO_TLS, timeout=60) as other,
    ):
        if rows > 1:
            assert client.post("/predict/batch", content=as_csv([phone]), headers=headers).status_code == 200
        for each in (client, other):
            assert each.get("/livez").status_code == 200
        with limited(server, NONE):
            refused = client.post("/predict/batch", content=body, headers=headers)
            assert other.post("/predict", json=phone).status_code == 200
            assert other.get("/metrics").status_code == 200
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["title"] == "Out of file descriptors"
        assert refused.json()["type"] == "urn:pricerange:problem:no-descriptor"
        assert client.post("/predict/batch", content=body, headers=headers).status_code == 200
    assert not any("Traceback" in line for line in server.lines)
