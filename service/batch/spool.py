"""An answer of any length, kept until all of it is known: in memory while it is short, then on the disk."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from typing import IO

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pricerange.machine import descriptors
from service.batch.spool_folder import folder
from service.errors import NoDescriptorError, NoSpaceError
from service.http.budget import Budget
from service.http.reply import Reply

MEMORY_BYTES = 1 << 20
"""Bytes of an answer that wait in memory, before they are written to the disk or sent."""


class Spool:
    """The parts of an answer, in order. The file has no name: it goes with the process, however that ends."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._on_disk = 0
        self._parts: list[bytes] = []
        self._in_memory = 0
        self._file: IO[bytes] | None = None
        self.size = 0

    async def write(self, part: bytes) -> None:
        """Append a part.

        Raises `NoSpaceError` where the disk takes no more or the answer alone is more than there may be,
        `SpoolBudgetError` where this process's answers together take as much as they may, `NoDescriptorError`
        where it can open no file.
        """
        self._parts.append(part)
        self._in_memory += len(part)
        self.size += len(part)
        if self._in_memory > MEMORY_BYTES:
            await self._write_out()

    async def response(self, media_type: bytes, headers: Sequence[tuple[bytes, bytes]] = ()) -> Response:
        """Return the whole as an answer with some headers, which closes the spool."""
        if self._file is None:
            return Reply(b"".join(self._parts), media_type, headers)
        await self._write_out()
        return _FromDisk(self, media_type, headers)

    async def read(self) -> AsyncIterator[bytes]:
        """Yield what was written to the disk, piece by piece."""
        assert self._file is not None
        self._file.seek(0)
        while piece := await asyncio.to_thread(self._file.read, MEMORY_BYTES):
            yield piece

    def close(self) -> None:
        """Give the disk its space back."""
        if self._file is not None:
            self._file.close()
        on_disk, self._on_disk = self._on_disk, 0
        self._budget.give(on_disk)

    async def _write_out(self) -> None:
        text = b"".join(self._parts)
        self._parts.clear()
        self._in_memory = 0
        limit = self._budget.limit
        if self._on_disk + len(text) > limit:  # to come again later would not help
            raise NoSpaceError(_place(), f"this one is longer than {limit} bytes (setting max_spool_bytes)")
        self._budget.take(len(text))
        self._on_disk += len(text)
        try:
            # on a thread: a busy disk must not keep other requests waiting
            await asyncio.to_thread(self._append, text)
        except OSError as error:
            if error.errno in descriptors.EXHAUSTED:
                raise NoDescriptorError(descriptors.limit()) from error
            raise NoSpaceError(_place(), error.strerror or str(error)) from error

    def _append(self, text: bytes) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  open until it is sent
        rest = memoryview(text)
        while rest:
            rest = rest[self._file.write(rest) :]


def _place() -> str:
    return str(folder() or "TMPDIR")


class _FromDisk(Response):
    """A 200 sent piece by piece, as fast as the client takes it."""

    def __init__(self, spool: Spool, media_type: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self._spool = spool
        self.status_code = 200
        self.background = None
        self.raw_headers = [
            (b"content-type", media_type),
            (b"content-length", b"%d" % spool.size),
            *headers,
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, as long as the client is there."""
        left = asyncio.ensure_future(_left(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for piece in self._spool.read():
                if left.done():
                    return
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            left.cancel()
            self._spool.close()


async def _left(receive: Receive) -> None:
    """Wait until the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
