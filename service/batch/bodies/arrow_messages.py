"""An Arrow IPC stream cut into its messages, each measured before anything is allocated for it.

The layout is that of Arrow's columnar format, "Encapsulated message format" and `Message.fbs`: a continuation
mark, the length of the metadata, the metadata (a FlatBuffer), the body. What is read here is only what tells
sizes; Arrow reads and verifies the rest.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pricerange.tables.errors import BrokenBlockError
from pricerange.tables.flatbuffer import Table

MOST_METADATA_BYTES = 1 << 18
MOST_BODY_BYTES = 1 << 25
"""Bytes of a record batch, as sent and as they are once decompressed: 200,000 phones as doubles."""
FREE_ROWS = 10_000
ROWS_A_BYTE = 4
"""Rows of a stream, beyond the free ones, for each byte that has come: null and run-end encoded columns, and
what compresses to nothing, hold any number of rows, each of which costs as much as another to answer."""
MOST_DICTIONARY_BYTES = 1 << 20
"""Bytes of all dictionaries in use: every block of rows looks into them."""

Kind = Literal["schema", "dictionary", "record batch"]
_KINDS: dict[int, Kind] = {1: "schema", 2: "dictionary", 3: "record batch"}
_CONTINUATION = b"\xff\xff\xff\xff"
_PREFIX_BYTES = 8


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message, prefix included; `inflated` is its body's size once decompressed, 0 if it is plain."""

    kind: Kind
    content: bytearray
    inflated: int


class MessageCutter:
    """Cuts the bytes of a stream into messages, whatever the parts in which they come."""

    def __init__(self) -> None:
        self._content = bytearray()
        self._wanted = _PREFIX_BYTES
        self._body_begins = 0
        self._ended = False
        self._dictionaries: dict[int, int] = {}
        self._received = 0
        self._rows = 0

    def feed(self, part: bytes, received: int) -> Iterator[Message]:
        """Take the next part and yield the messages that are complete; so many bytes have come in all.

        Raises `BrokenBlockError` for what is not a message, and for one that is too large.
        """
        rest = memoryview(part)
        self._received = received
        while rest:
            if self._ended:
                raise BrokenBlockError(None, "there is data after the end of the Arrow stream")
            missing = self._wanted - len(self._content)
            self._content += rest[:missing]
            rest = rest[missing:]
            while len(self._content) == self._wanted and not self._ended:
                if message := self._advance():
                    yield message

    def end(self) -> None:
        """Raise `BrokenBlockError` where the stream ends within a message."""
        if self._content:
            raise BrokenBlockError(None, f"the Arrow stream is truncated: it ends within a {self._part()}")

    def _part(self) -> str:
        return "message" if self._body_begins or len(self._content) >= _PREFIX_BYTES else "prefix"

    def _advance(self) -> Message | None:
        """Find out how long the part in hand is by what has come of it; return the message if that is all."""
        if len(self._content) == _PREFIX_BYTES:
            self._expect_metadata()
            return None
        try:
            return self._measured()
        except (struct.error, IndexError, OverflowError):
            raise BrokenBlockError(None, "not an Arrow stream: a message's metadata is malformed") from None

    def _expect_metadata(self) -> None:
        if not self._content.startswith(_CONTINUATION):
            raise BrokenBlockError(None, "not an Arrow stream: a message must begin with ff ff ff ff")
        length = int.from_bytes(self._content[4:], "little", signed=True)
        if length == 0:
            self._ended = True
            self._content.clear()
        elif not 0 < length <= MOST_METADATA_BYTES:
            raise BrokenBlockError(
                None, f"a message's metadata has {length} bytes, expected 1 to {MOST_METADATA_BYTES}"
            )
        self._wanted = _PREFIX_BYTES + length

    def _measured(self) -> Message | None:
        header = Table.root(self._content, _PREFIX_BYTES)
        kind = _KINDS.get(header.number("B", 1))
        if kind is None:
            raise BrokenBlockError(
                None, "not an Arrow stream: a message is not a schema, dictionary or record batch"
            )
        if not self._body_begins:
            self._body_begins = self._wanted
            body = header.number("q", 3)
            if not 0 <= body <= MOST_BODY_BYTES:
                raise _too_large(kind, body, MOST_BODY_BYTES)
            self._wanted += body
            if body:
                return None
        inflated = self._check(kind, header.table(2))
        message = Message(kind, self._content, inflated)
        self._content, self._wanted, self._body_begins = bytearray(), _PREFIX_BYTES, 0
        return message

    def _check(self, kind: Kind, header: Table) -> int:
        """Bound what a body becomes; return its size once decompressed, 0 if it is not compressed."""
        if kind == "schema":
            return 0
        batch = header.table(1) if kind == "dictionary" else header
        stored = self._wanted - self._body_begins
        inflated = self._inflated(batch) if batch.has(3) else 0
        size = max(stored, inflated)
        if size > MOST_BODY_BYTES:
            raise _too_large(kind, size, MOST_BODY_BYTES)
        rows = batch.number("q", 0)
        if not 0 <= rows <= size:
            raise BrokenBlockError(None, f"a {kind} of {size} bytes cannot hold {rows} rows")
        if kind == "record batch":
            self._count_rows(rows)
        if kind == "dictionary":
            self._count_dictionary(header, size + self._body_begins)
        return inflated

    def _inflated(self, batch: Table) -> int:
        """Add up what the buffers of a compressed body announce in their first 8 bytes; -1: stored as is."""
        total = 0
        for offset, length in batch.structs("qq", 2):
            if length < 8:
                continue
            (announced,) = struct.unpack_from("<q", self._content, self._body_begins + max(offset, 0))
            total += length if announced == -1 else max(announced, 0)
        return total

    def _count_rows(self, rows: int) -> None:
        self._rows += rows
        most = FREE_ROWS + ROWS_A_BYTE * self._received
        if self._rows > most:
            raise BrokenBlockError(
                None,
                f"the first {self._received} bytes of the stream hold {self._rows} rows, at most {most} may: "
                "send columns that are neither null nor run-end encoded, and less compressed",
            )

    def _count_dictionary(self, header: Table, size: int) -> None:
        key = header.number("q", 0)
        before = self._dictionaries.get(key, 0) if header.number("B", 2) else 0
        self._dictionaries[key] = before + size
        total = sum(self._dictionaries.values())
        if total > MOST_DICTIONARY_BYTES:
            raise _too_large("dictionary", total, MOST_DICTIONARY_BYTES)


def _too_large(kind: Kind, found: int, most: int) -> BrokenBlockError:
    what, advice = f"a {kind} has", "send the rows in smaller batches"
    if kind == "dictionary":
        what, advice = "dictionaries have", "send such columns without a dictionary, or omit them"
    return BrokenBlockError(None, f"{what} {found} bytes, expected at most {most}: {advice}")
