"""A request that is answered is gone: nothing of it waits for the garbage collector."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest
from uvicorn.server import ServerState

from pricerange.predictor import Predictor
from service.app import create_app
from service.http.connection import HttpConnection
from service.http.exchange import AsgiExchange
from service.http.framing.head import Head
from service.http.lifecycle import Lifecycle
from service.http.request_state import RequestState
from service.settings import Settings
from service.telemetry.log_queue import LogQueue
from service.telemetry.shared_counters import SharedCounters


@contextmanager
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("path", "change"),
    [
        pytest.param("/predict", {}, id="answered"),
        pytest.param("/predict", {"ram": -1}, id="refused"),
        pytest.param("/predict/batch", {"ram": -1}, id="a task refused"),
        pytest.param("/livez", {}, id="not allowed"),
    ],
)
@pytest.mark.parametrize("in_parts", [False, True], ids=["whole", "in parts"])
def test_a_request_leaves_no_cycle(
    model_repository: Path, phone: dict[str, float], path: str, change: dict[str, float], in_parts: bool
) -> None:
    settings = Settings(models=model_repository, access_log=False)
    lifecycle = Lifecycle()
    app = create_app(
        settings, Predictor.load(model_repository), lifecycle, SharedCounters.of(1)[0], LogQueue()
    )
    protocol = partial(HttpConnection, settings, lifecycle, app)
    body = json.dumps(phone | change).encode()

    async def content() -> AsyncIterator[bytes]:
        for part in (body[:50], body[50:]):
            yield part
            await asyncio.sleep(0.005)

    async def ask() -> int:
        make = partial(protocol, server_state=ServerState())
        server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url) as client:
            with no_collection():
                for _ in range(5):
                    await client.post(path, content=content() if in_parts else body)
                alive = sum(type(thing) in (RequestState, AsgiExchange, Head) for thing in gc.get_objects())
        server.close()
        return alive

    assert asyncio.run(ask()) <= 1  # a connection knows the head of a request whose body it discards
