"""A server behind a proxy that is trusted, under a prefix, without the page, for pages of another origin."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from live_server import NO_TLS, Server


@pytest.fixture(scope="session")
def proxied_server(model_repository: Path) -> Iterator[Server]:
    flags = "--root-path /ml/ --forwarded-allow-ips 127.0.0.1 --no-page --cors-origins https://shop.example"
    running = Server(model_repository, *flags.split()).wait_until_ready()
    yield running
    assert running.end() == 0


@pytest.fixture
def proxied(proxied_server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=proxied_server.url, verify=NO_TLS) as client:
        yield client
