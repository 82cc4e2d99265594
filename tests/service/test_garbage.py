"""A request that is answered is gone: nothing of it waits for the garbage collector."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from in_process import InProcess

from service.http.exchange import AsgiExchange
from service.http.framing.head import Head
from service.http.request_state import RequestState


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
    process = InProcess(model_repository, 1)
    body = json.dumps(phone | change).encode()

    async def content() -> AsyncIterator[bytes]:
        for part in (body[:50], body[50:]):
            yield part
            await asyncio.sleep(0.005)

    async def ask() -> int:
        async with process.client() as client:
            with no_collection():
                for _ in range(5):
                    await client.post(path, content=content() if in_parts else body)
                alive = sum(type(thing) in (RequestState, AsgiExchange, Head) for thing in gc.get_objects())
        return alive

    assert asyncio.run(ask()) <= 1  # a connection knows the head of a request whose body it discards
