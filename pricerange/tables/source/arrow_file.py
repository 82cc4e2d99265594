"""The record batches of an Arrow IPC file, or of a stream, each measured before it is decompressed.

The layout is that of Arrow's columnar format, `Message.fbs` and `File.fbs`. What is read here tells sizes;
Arrow reads and verifies the rest, and says what is wrong with it.
"""

import struct
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import count

import pyarrow as pa
from pyarrow import ipc

from pricerange.tables.errors import UnreadableTableError
from pricerange.tables.flatbuffer import Table
from pricerange.tables.source.files import InputFile

MOST_INFLATED_BYTES = 1 << 26
"""Bytes of a compressed record batch, and of all dictionaries, once decompressed: 400,000 phones as doubles.

Arrow decompresses them as a whole, and what some hundred bytes become may be any number.
"""
_MOST_INFLATION = 8
"""How often its compressed bytes a batch may have beyond that: a whole table may have been written as one."""
_MAGIC = b"ARROW1"
_AFTER_MAGIC = 8
_MOST_PADDING = 64
"""Bytes between a file's messages, or its last and the footer: alignment, and a mark of the stream's end."""
_CONTINUATION = b"\xff\xff\xff\xff"
_SCHEMA, _DICTIONARY, _RECORD_BATCH = 1, 2, 3
"""Kinds of messages; the last two are also the fields of a file's footer that say where those are."""


@dataclass(frozen=True, slots=True)
class _Message:
    """What a message's metadata tells; `stop` is the byte after its body."""

    kind: int
    header: Table
    body: int
    stop: int

    @property
    def batch(self) -> Table:
        """The record batch, of a dictionary that of its values."""
        return self.header.table(1) if self.kind == _DICTIONARY else self.header


class Batches:
    """Record batches in the order of the file. Raises `struct.error` for metadata that is malformed."""

    def __init__(self, file: InputFile) -> None:
        self._input = file
        self._dictionaries: dict[int, tuple[int, int]] = {}
        with ExitStack() as opened:
            self._file = opened.enter_context(file.open())
            # Arrow may move the place that a file is read from when another is looked at
            self._look = opened.enter_context(file.open())
            self._is_file = self._look.read_at(len(_MAGIC), 0) == _MAGIC
            self._reader = ipc.open_file(self._file) if self._is_file else ipc.open_stream(self._file)
            self._opened = opened.pop_all()
        self.schema: pa.Schema = self._reader.schema

    def about_rows(self) -> int:
        """Return how many rows there are, if all batches are like the first; of a stream, its own."""
        messages = self._blocks(_RECORD_BATCH) if self._is_file else self._messages()
        first = next((message for message in messages if message.kind == _RECORD_BATCH), None)
        count = int(self._reader.num_record_batches) if self._is_file else 1
        return first.header.number("q", 0) * count if first else 0

    def since(self, start: int) -> Iterator[pa.RecordBatch]:
        """Yield them from number `start` on. Raises `UnreadableTableError` for one that becomes too large."""
        if not self._is_file:
            yield from self._streamed(start)
            return
        self._require_all_listed()
        for message in self._blocks(_DICTIONARY):
            self._require_small(message)
        for number, message in enumerate(self._blocks(_RECORD_BATCH)):
            if number >= start:
                self._require_small(message)
                yield self._reader.get_batch(number)

    def _streamed(self, start: int) -> Iterator[pa.RecordBatch]:
        messages, stop = self._messages(), 0
        for number in count():
            measured = None
            while (measured is None or measured.kind != _RECORD_BATCH) and (measured := next(messages, None)):
                self._require_small(measured)
                stop = measured.stop
            # where the stream ends early Arrow says so
            batch = next(self._reader, None)
            if batch is None:
                self._require_ended(stop)
                return
            if measured is None:
                raise UnreadableTableError(self._input.name, "it goes on after its end")
            if number >= start:
                yield batch

    def _require_ended(self, place: int) -> None:
        """Raise `UnreadableTableError` where a stream has no mark of its end, or goes on after it.

        The format lets the mark be missing. Without it a stream that was cut short looks like a whole one.
        """
        mark = self._look.read_at(8, place)
        length = 8 if mark.startswith(_CONTINUATION) else 4
        if len(mark) < length or any(mark[length - 4 : length]):
            raise UnreadableTableError(
                self._input.name,
                "the Arrow stream has no end-of-stream marker, so it may have been cut short; "
                "close the stream's writer, and write it again",
            )
        if place + length < self._input.size:
            raise UnreadableTableError(
                self._input.name,
                f"there is data after the end of the Arrow stream, at byte {place + length}; "
                "keep each stream in a file of its own",
            )

    def _require_all_listed(self) -> None:
        """Raise `UnreadableTableError` where a file holds more than its footer lists: two in one do."""
        end, footer = self._footer()
        listed = sorted([*footer.structs("qi4xq", _DICTIONARY), *footer.structs("qi4xq", _RECORD_BATCH)])
        place = self._after_schema(end, listed[0][0] if listed else end)
        for begin, metadata, body in [*listed, (end, 0, 0)]:
            if begin - place > _MOST_PADDING:
                raise UnreadableTableError(
                    self._input.name,
                    f"its footer does not list what is there from byte {place} to {begin}; "
                    "keep each Arrow file in a file of its own",
                )
            place = max(place, begin + metadata + body)

    def _after_schema(self, footer: int, first: int) -> int:
        """Return the byte after a file's schema, which Polars writes without what makes it a message.

        Such a one is no longer than the footer, which begins at that byte and holds the schema again.
        """
        with suppress(struct.error):
            message = self._message(_AFTER_MAGIC)
            if message and message.kind == _SCHEMA:
                return message.stop
        return min(first, _AFTER_MAGIC + self._input.size - footer)

    def _messages(self) -> Iterator[_Message]:
        """Yield a stream's messages, as far as they are whole."""
        place = 0
        while message := self._message(place):
            yield message
            place = message.stop

    def _blocks(self, kind: int) -> Iterator[_Message]:
        """Yield a file's dictionaries or record batches, as its footer has them."""
        _, footer = self._footer()
        for place, _, _ in footer.structs("qi4xq", kind):
            message = self._message(place)
            if message is None or message.kind != kind:
                raise UnreadableTableError(self._input.name, f"there is no message at byte {place}")
            yield message

    def _footer(self) -> tuple[int, Table]:
        """Return where a file's footer begins, and the footer."""
        end = self._input.size - len(_MAGIC) - 4
        length = int.from_bytes(self._look.read_at(4, end), "little")
        return end - length, Table.root(self._look.read_at(length, end - length))

    def _message(self, place: int) -> _Message | None:
        """Read a message's metadata, None where it is cut short and at the end."""
        prefix = self._look.read_at(8, place)
        begin = place + 4 * (1 + prefix.startswith(_CONTINUATION))
        length = int.from_bytes(prefix[begin - place - 4 : begin - place], "little", signed=True)
        body = begin + length
        if not 0 < length <= self._input.size - begin:
            return None
        table = Table.root(self._look.read_at(length, begin))
        return _Message(table.number("B", 1), table.table(2), body, body + max(table.number("q", 3), 0))

    def _require_small(self, message: _Message) -> None:
        if message.kind not in {_DICTIONARY, _RECORD_BATCH}:
            return
        what, found, compressed = "a record batch has", self._inflated(message), message.stop - message.body
        if message.kind == _DICTIONARY:
            key, is_delta = message.header.number("q", 0), message.header.number("B", 2)
            before = self._dictionaries.get(key, (0, 0)) if is_delta else (0, 0)
            self._dictionaries[key] = before[0] + found, before[1] + compressed
            what = "dictionaries have"
            found, compressed = map(sum, zip(*self._dictionaries.values(), strict=True))
        most = max(MOST_INFLATED_BYTES, _MOST_INFLATION * compressed)
        if found > most:
            reason = f"{what} {found} bytes once decompressed, expected at most {most}"
            raise UnreadableTableError(self._input.name, f"{reason}; write smaller batches")

    def _inflated(self, message: _Message) -> int:
        """Add up what the buffers of a compressed body announce in their first 8 bytes; -1: stored as is."""
        if not message.batch.has(3):
            return 0
        total = 0
        for offset, length in message.batch.structs("qq", 2):
            if length >= 8:
                announced = self._look.read_at(8, message.body + max(offset, 0))
                total += max(int.from_bytes(announced, "little", signed=True), 0)
        return total

    def __enter__(self) -> "Batches":
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()
