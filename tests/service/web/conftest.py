"""Servers whose documents are looked at, by programs and by a real browser."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from live_server import NO_TLS, Server
from playwright.sync_api import Browser
from program import require

from bench.page.browser import PROGRAM, chromium


@pytest.fixture(scope="session")
def proxied_server(model_repository: Path) -> Iterator[Server]:
    """One behind a proxy that is trusted, under a prefix, without the page, for pages of another origin."""
    flags = "--root-path /ml/ --forwarded-allow-ips 127.0.0.1 --no-page --cors-origins https://shop.example"
    running = Server(model_repository, *flags.split()).wait_until_ready()
    yield running
    assert running.end() == 0


@pytest.fixture
def proxied(proxied_server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=proxied_server.url, verify=NO_TLS) as client:
        yield client


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for all tests of this folder; other tests may not find the event loop that Playwright keeps on.

    Where there is none, they are skipped, but not by CI.
    """
    require(PROGRAM, PROGRAM)
    with chromium() as browser:
        yield browser
