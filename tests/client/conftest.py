"""A server for the tests of the client, and both of its flavours as one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from live_server import Server

from pricerange.phone import FEATURES
from pricerange_client import AsyncClient, Client

Ask = Callable[..., Any]


@pytest.fixture(scope="session")
def server(model_repository: Path) -> Iterator[Server]:
    """One server for all tests that only ask."""
    running = Server(model_repository).wait_until_ready()
    yield running
    assert running.end() == 0


@pytest.fixture
def phone() -> dict[str, float]:
    return {feature.name: feature.example for feature in FEATURES}


def _sync(url: str, method: str, *arguments: Any, **options: Any) -> Any:
    of_client = {name: options.pop(name) for name in OF_CLIENT if name in options}
    with Client(url, **of_client) as client:
        answer = getattr(client, method)(*arguments, **options)
        return list(answer) if isinstance(answer, Iterator) else answer


def _async(url: str, method: str, *arguments: Any, **options: Any) -> Any:
    of_client = {name: options.pop(name) for name in OF_CLIENT if name in options}

    async def ask() -> Any:
        async with AsyncClient(url, **of_client) as client:
            answer = getattr(client, method)(*arguments, **options)
            if isinstance(answer, AsyncIterator):
                return [one async for one in answer]
            return await answer

    return asyncio.run(ask())


OF_CLIENT = ("api_key", "retries", "verify", "connections")
"""Options of a client rather than of a call."""


@pytest.fixture(params=[_sync, _async], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Call a method of a new client, by its name: `ask(url, "predict", phone, sets=0.9)`."""
    found: Ask = request.param
    return found
