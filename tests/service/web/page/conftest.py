"""A real browser that shows the page of a real server, with the model that is shipped."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from live_server import Server
from playwright.sync_api import Browser, Page, expect
from site_visit import Visit

MODELS = Path(__file__).parents[4] / "models"

expect.set_options(timeout=20_000)


@pytest.fixture(scope="package")
def page_server() -> Iterator[Server]:
    running = Server(MODELS).wait_until_ready()
    yield running
    assert running.end() == 0


@pytest.fixture
def visit(browser: Browser, page_server: Server) -> Iterator[Visit]:
    """A visit of the page, in which nothing may go wrong."""
    with Visit.of(browser, f"{page_server.url}/") as visit:
        yield visit


@pytest.fixture
def page(visit: Visit) -> Page:
    """The page, with its first answer."""
    return visit.opened()
