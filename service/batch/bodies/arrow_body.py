"""A body in Arrow's IPC stream format, as blocks of rows."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import TYPE_CHECKING

from pricerange.tables.errors import BrokenBlockError
from pricerange.tables.guessed import guessed
from pricerange.tables.names import feature_places
from pricerange.tables.table import judge
from pricerange.tables.valid import require_valid
from service.batch.bodies.arrow_messages import Message, MessageCutter
from service.batch.bodies.rows import MOST_COLUMNS, Block, BlockWork
from service.batch.kept import ArrowCells, Kept, keepable
from service.http.request_state import RequestState

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_ROWS = 1_000
"""CheckedRows of a block, however many a record batch has."""
_LARGE_BYTES = 1 << 18
"""From this size on a message is decompressed on a thread."""


async def arrow_blocks(
    parts: AsyncIterator[bytes],
    state: RequestState,
    kept: Kept | None,
    said: list[str],
    unknown: bool = False,
) -> AsyncIterator[BlockWork]:
    """Yield the work on each block of rows, in order, and note before the first how the table is read.

    What the blocks hold in memory is the request's. Features may be `unknown`, where that is asked for.

    Raises `BrokenBlockError`, `MissingColumnError`, `DuplicateColumnError`, `InvalidInputError` for a column
    to keep that is missing, and what `parts` raises.
    """
    cutter, decoder = MessageCutter(), None
    async for part in parts:
        state.hold(len(part))
        for message in cutter.feed(part, state.received):
            if decoder is None:
                decoder = _Decoder(message, kept)
                said.append(guessed(decoder.names))
                continue
            decoder.put(message)
            if message.kind != "record batch":
                # dictionaries in use are bounded for every stream, others are gone
                state.release(len(message.content))
                continue
            state.hold(message.inflated)
            large = message.inflated > _LARGE_BYTES
            batch = await asyncio.to_thread(decoder.next) if large else decoder.next()
            for start in range(0, batch.num_rows, BLOCK_ROWS):
                yield partial(_block, batch.slice(start, BLOCK_ROWS), kept, unknown)
            state.release(len(message.content) + message.inflated)
    cutter.end()
    if decoder is None:
        raise BrokenBlockError(None, "not an Arrow stream: it has no schema")


def _block(batch: "pa.RecordBatch", kept: Kept | None, unknown: bool) -> Block:
    verdict = judge(batch, unknown=unknown)
    return Block(verdict, ArrowCells([batch.column(name) for name in kept.names]) if kept else None)


class _Decoder:
    """Arrow's reader, given whole messages."""

    def __init__(self, schema: Message, kept: Kept | None) -> None:
        import pyarrow as pa
        from pyarrow import ipc

        if schema.kind != "schema":
            raise BrokenBlockError(
                None, f"not an Arrow stream: it begins with a {schema.kind}, not with a schema"
            )
        self._messages = _Messages()
        self._messages.put(schema)
        try:
            read = ipc.read_schema(pa.py_buffer(schema.content))
            self.names = names = read.names
            if len(names) > MOST_COLUMNS:
                raise BrokenBlockError(
                    None, f"the schema has {len(names)} columns, expected at most {MOST_COLUMNS}"
                )
            wanted = {*feature_places(names), *(_kept_places(read, kept) if kept else ())}
            options = ipc.IpcReadOptions(included_fields=sorted(wanted), use_threads=False)
            self._reader = ipc.open_stream(self._messages, options=options)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise _broken(error) from error

    def put(self, message: Message) -> None:
        """Add a message for the reader."""
        self._messages.put(message)

    def next(self) -> "pa.RecordBatch":
        """Return the record batch that was put last. Raises `BrokenBlockError`."""
        import pyarrow as pa

        try:
            batch = self._reader.read_next_batch()
            require_valid(batch)
        except (pa.ArrowException, OSError, StopIteration) as error:
            raise _broken(error) from error
        return batch


class _Messages:
    """The file that Arrow's reader has: it must find the bytes that it asks for.

    Arrow holds it where no garbage collector looks, so it may not hold the reader in turn.
    """

    def __init__(self) -> None:
        self._pending: list[memoryview] = []
        self.closed = False

    def put(self, message: Message) -> None:
        """Add a message to what `read` gives."""
        self._pending.append(memoryview(message.content))

    def readable(self) -> bool:
        """Tell Arrow that this is a file to read from."""
        return True

    def read(self, size: int) -> memoryview:
        """Return the next `size` bytes of a message, for Arrow to use as they lie there."""
        while self._pending and not self._pending[0]:
            del self._pending[0]
        if not self._pending:
            return memoryview(b"")
        part, self._pending[0] = self._pending[0][:size], self._pending[0][size:]
        return part


def _kept_places(schema: "pa.Schema", kept: Kept) -> list[int]:
    """Return where the columns to keep stand, and note their types."""
    places = kept.places(schema.names)
    for field in (schema.field(place) for place in places):
        if not keepable(field):
            raise BrokenBlockError(
                None,
                f"the column {field.name} of {str(field.type)[:100]} cannot be kept: expected numbers, "
                "string, truth values, times, or a dictionary of these",
            )
    kept.types = [schema.field(place).type for place in places]
    return places


def _broken(error: Exception) -> BrokenBlockError:
    return BrokenBlockError(None, f"Arrow cannot read the stream: {error or 'it ends early'}")
