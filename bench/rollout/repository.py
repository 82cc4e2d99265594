"""A model repository of a bench's own, what its rollout.toml wants, and what a service says of it."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from bench.load.client import Connection, message
from pricerange.bundle import MODEL_NAME
from pricerange.rollout.document import ROLLOUT_FILE

STATUS, RELOAD = message("GET", "/rollout"), message("POST", "/rollout/reload")
_POLL, _MOST_PATIENCE = 0.05, 120.0
"""Seconds between two looks at a status that is waited for, and how long it is waited for."""
_LONG_ENOUGH = 0.5
"""Seconds within which phones are compared that wait for it."""


@contextmanager
def copied(models: Path, versions: Iterable[int]) -> Iterator[Path]:
    """Copy versions of a model repository into a temporary one, and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-rollout-") as place:
        own = Path(place) / "models"
        for version in versions:
            copy(models, version, own, version)
        yield own


def copy(models: Path, version: int, target: Path, number: int) -> Path:
    """Copy a version to another repository, or under another number, by rename; return its folder."""
    folder = target / MODEL_NAME
    staging = folder / f".copying-{number}"
    shutil.copytree(models / MODEL_NAME / str(version), staging)
    return staging.rename(folder / str(number))


def want(models: Path, content: str) -> None:
    """Replace rollout.toml in one step."""
    path = models / MODEL_NAME / ROLLOUT_FILE
    draft = path.with_suffix(".draft")
    draft.write_text(content)
    os.replace(draft, path)  # noqa: PTH105


async def status(url: str) -> dict[str, Any]:
    """Return what `GET /rollout` says."""
    return await _ask(url, STATUS)


async def reload(url: str) -> dict[str, Any]:
    """Have the file followed at once, and return what it has come to. Raises `RuntimeError` if refused."""
    return await _ask(url, RELOAD)


async def until(url: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait until something holds of what `GET /rollout` says, and return it. Raises `TimeoutError`."""
    async with asyncio.timeout(_MOST_PATIENCE):
        while not holds(told := await status(url)):
            await asyncio.sleep(_POLL)
    return told


async def at_rest(url: str) -> dict[str, Any]:
    """Return what `GET /rollout` says once nothing is answered or compared any more."""
    found = await status(url)
    while True:
        await asyncio.sleep(_LONG_ENOUGH)
        before, found = found, await status(url)
        if found["versions"] == before["versions"]:
            return found


async def _ask(url: str, request: bytes) -> dict[str, Any]:
    connection = await Connection.open(url)
    answer = await connection.exchange(request)
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{request[:24]!r} was answered with {answer.status}: {answer.body[:500]!r}")
    document: dict[str, Any] = orjson.loads(answer.body)
    return document
