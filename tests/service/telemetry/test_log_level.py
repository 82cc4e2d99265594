"""The log level, changed by signals while servers run."""

import itertools
import signal
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from corpus import few
from live_server import NO_TLS, Server
from waiting import wait_until

Start = Callable[..., Server]


@pytest.mark.parametrize("workers", few(1, ["2", "1"]))
def test_signals_change_the_level_of_all_workers(start: Start, model_repository: Path, workers: str) -> None:
    server = start(model_repository, "--workers", workers).wait_until_ready()
    numbers = itertools.count()
    wait_until(lambda: len(server.log(logger="service.serve")) == int(workers))

    def logged() -> bool:
        """Whether any of some requests is logged, each on a connection of its own."""
        path = f"/nowhere/{next(numbers)}"
        for _ in range(8):
            httpx.get(f"{server.url}{path}", verify=NO_TLS)
        return bool(server.log(logger="service.access", path=path))

    assert logged()
    server.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: server.log(message="log level: warning"))
    wait_until(lambda: not logged())
    server.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: server.log(message="log level: info"))
    wait_until(logged)
    assert server.end() == 0


def test_beyond_the_last_level_there_is_none(start: Start, model_repository: Path) -> None:
    server = start(model_repository).wait_until_ready()
    for number, level in enumerate(("warning", "error", "error"), 1):
        server.process.send_signal(signal.SIGUSR2)
        wait_until(lambda wanted=number: len(_levels(server)) >= wanted)
        assert _levels(server)[-1] == f"log level: {level}"
    server.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: _levels(server)[-1] == "log level: warning")
    assert server.end() == 0


def _levels(server: Server) -> list[str]:
    return [line["message"] for line in server.log(logger="service.telemetry.log_level")]
