"""A server for the tests of the client, and both of its flavours as one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import api_keys
import pytest
import trustme
from live_server import Server

from pricerange.phone import FEATURES
from pricerange_client import AsyncClient, Client

Ask = Callable[..., Any]


class Locked(NamedTuple):
    """A server, and the file of the certificate that it is known by."""

    server: Server
    certificates: Path


@pytest.fixture(scope="session")
def server(model_repository: Path) -> Iterator[Server]:
    """One server for all tests that only ask."""
    running = Server(model_repository).wait_until_ready()
    yield running
    assert running.end() == 0


@pytest.fixture(scope="session")
def locked(model_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    """One that speaks HTTPS alone, and wants a key."""
    folder = tmp_path_factory.mktemp("locked")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    slow = (api_keys.entry(name, "rows_per_second = 2") for name in ("slow-1", "slow-2"))
    keys = api_keys.write(folder / "keys.toml", api_keys.entry("shop"), *slow)
    flags = ("--tls-cert", folder / "cert.pem", "--tls-key", folder / "key.pem", "--api-keys-file", keys)
    running = Server(model_repository, *map(str, flags)).wait_until_ready()
    yield Locked(running, folder / "ca.pem")
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
