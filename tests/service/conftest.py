"""Servers for the tests of this package."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from live_server import NO_TLS, Server

from bench.load.broken_versions import add_raising
from pricerange.phone import FEATURES


@pytest.fixture
def start() -> Iterator[Callable[..., Server]]:
    """Start servers that end with the test."""
    servers: list[Server] = []

    def started(models: Path, *flags: str, process_group: int | None = None) -> Server:
        servers.append(Server(models, *flags, process_group=process_group))
        return servers[-1]

    yield started
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
        server.end()


@pytest.fixture(scope="session")
def server(model_repository: Path) -> Iterator[Server]:
    """One server for all tests that only ask."""
    running = Server(model_repository).wait_until_ready()
    yield running
    assert running.end() == 0


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, verify=NO_TLS) as client:
        yield client


@pytest.fixture
def phone() -> dict[str, float]:
    return {feature.name: feature.example for feature in FEATURES}


@pytest.fixture(scope="session")
def three_versions(two_versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those and version 3, which answers as version 1, but fails where a phone is `UNLUCKY`."""
    models = tmp_path_factory.mktemp("three-versions") / "models"
    shutil.copytree(two_versions, models)
    add_raising(models, 1)
    return models
