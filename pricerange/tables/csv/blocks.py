"""CSV as a stream of bytes: cut into blocks of whole rows, wherever the bytes come from.

Lines in which every cell is empty, as spreadsheets leave them behind a table, are rows where a row follows
them, and nothing at the end.
"""

import re
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pricerange.tables.csv.dialect import AS_FOUND, PLAIN, Dialect
from pricerange.tables.csv.header import Header, recognised, split_header
from pricerange.tables.csv.text import CR, LF, QUOTE, end_of_rows, ends_inside_quotes, line_ends
from pricerange.tables.errors import BrokenBlockError

if TYPE_CHECKING:
    import pyarrow as pa

MOST_HELD = 1 << 12
"""Blocks of nothing but empty lines that are held back: gigabytes of a file, a count for each."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE = re.compile(rb"(?:\A|[\r\n])([^\r\n]+)")
_NOT_BLANK = re.compile(rb"[^\r\n]")


class Rows(NamedTuple):
    """Whole rows as they stand there, and the byte of the file where the next begin.

    They `end_before_empty` where they are the last, and lines of empty cells behind them are no rows. That
    is not known of lines that begin just where a block was full.
    """

    text: bytes
    stop: int
    end_before_empty: bool = False


class _EmptyLines(NamedTuple):
    """A block of nothing but lines of empty cells, and the byte where it ends."""

    lines: int
    stop: int


class BlockCutter:
    """Cuts bytes into blocks of whole rows, each at most `block_bytes` long.

    Blocks depend on the bytes alone, not on the parts in which they come, nor on where reading begins.
    """

    def __init__(
        self, block_bytes: int, asked: Dialect = AS_FOUND, header: Header | None = None, start: int = 0
    ) -> None:
        """Begin with a file's first byte, or with a row of it, at `start`, where its header is known."""
        self.header = header
        """The names of the columns and the dialect, once they are known; the rows follow it."""
        self._block_bytes = block_bytes
        self._asked = asked
        self._pending = bytearray()
        self._fed = start
        self._at_start = start == 0
        self._held: deque[Rows | _EmptyLines] = deque()

    @property
    def position(self) -> int:
        """How many bytes of the file lie before what is not cut yet."""
        return self._fed - len(self._pending)

    def feed(self, part: bytes) -> Iterator[Rows]:
        """Take the next part and yield the blocks that are complete.

        Raises `BrokenBlockError` for a header that cannot be read, and for a header or a row that is longer
        than a block.
        """
        self._pending += part
        self._fed += len(part)
        if len(self._pending) >= len(_BYTE_ORDER_MARK):
            self._drop_mark()
            self._drop_blank_lines()
        while len(self._pending) >= self._block_bytes:
            window = bytes(self._pending[: self._block_bytes])
            dialect = self.header.dialect if self.header else recognised(window, self._asked)
            end = end_of_rows(window, dialect.delimiter)
            if not end:
                reason = f"is longer than {self._block_bytes} bytes; is a closing quote missing?"
                if self.header is None:
                    raise BrokenBlockError(None, f"the header {reason}")
                yield from self._let_go(all_of_them=True)
                raise BrokenBlockError(0, f"the row {reason}")
            rows = self._after_header(window[:end], dialect)
            if self.header is None:
                del self._pending[:end]
                continue
            stop = without_empty(rows, self.header)
            has_rows = _NOT_BLANK.search(rows, 0, stop) is not None
            del self._pending[: end - len(rows) + stop if has_rows else end]
            yield from self._let_go(has_rows)
            if not has_rows:
                self._held.append(_EmptyLines(self._empty_lines(rows), self.position))
            elif stop < len(rows):
                # these may be the last
                self._held.append(Rows(rows[:stop], self.position))
            else:
                yield Rows(rows, self.position)

    def end(self) -> Iterator[Rows]:
        """Yield the last block, if there are rows that none has: what no line end follows."""
        last = bytes(self._pending)
        self._pending.clear()
        dialect = self.header.dialect if self.header else recognised(last, self._asked)
        rows = self._after_header(last, dialect)
        if self.header is None:
            return
        is_open = ends_inside_quotes(rows, dialect.delimiter)
        stop = len(rows) if is_open else without_empty(rows, self.header)
        if _NOT_BLANK.search(rows, 0, stop):
            yield from self._let_go(all_of_them=True)
            yield Rows(rows[:stop], self._fed, stop < len(rows))
        elif self._held and isinstance(before := self._held[0], Rows):
            yield before._replace(end_before_empty=True)

    def _drop_mark(self) -> None:
        if self._at_start and self._pending.startswith(_BYTE_ORDER_MARK):
            del self._pending[: len(_BYTE_ORDER_MARK)]
        self._at_start = False

    def _drop_blank_lines(self) -> None:
        """Drop those before the header at once: to look for it in each of very many would take long."""
        if self.header is None and self._pending.startswith((b"\r", b"\n")):
            begin = _NOT_BLANK.search(self._pending)
            del self._pending[: begin.start() if begin else len(self._pending)]

    def _after_header(self, block: bytes, dialect: Dialect) -> bytes:
        if self.header is not None:
            return block
        names, rows = split_header(block, dialect)
        if names:
            self.header = Header(names, dialect)
        return rows

    def _empty_lines(self, rows: bytes) -> int:
        """Count the lines of empty cells, where there are no others."""
        return rows.count(_empty(self.header)) if self.header and len(self.header.names) > 1 else 0

    def _let_go(self, all_of_them: bool) -> Iterator[Rows]:
        """Yield what was held back and is rows after all: a row follows, or it is too much to be held."""
        while self._held and self.header and (all_of_them or len(self._held) >= MOST_HELD):
            held = self._held.popleft()
            if isinstance(held, _EmptyLines):
                held = Rows((_empty(self.header) + b"\n") * held.lines, held.stop)
            yield held


def without_empty(rows: bytes, header: Header) -> int:
    """Return where the lines of empty cells begin that no row follows; the length where there are none.

    The rows are whole: none of their quotes is open at the end.
    """
    delimiter = header.dialect.delimiter.encode()
    nothing = b"\r\n" + delimiter
    if len(header.names) == 1 or rows[-2:].strip(nothing):
        return len(rows)
    empty, begin = _empty(header), None
    for line in _LINE.finditer(rows, len(rows.rstrip(nothing))):
        if line[1] != empty:
            begin = None
        elif begin is None:
            begin = line.start(1)
    return len(rows) if begin is None else begin


def lines(block: bytes, dialect: Dialect = PLAIN) -> "pa.StringArray":
    """Return a block's rows as they stand there, without their line ends; blank lines are not rows."""
    import pyarrow as pa

    characters = np.frombuffer(block, np.uint8)
    if QUOTE in block or CR in block:
        ends = line_ends(block, dialect.delimiter)
        keep = np.ones(len(block), np.bool_)
        keep[ends] = False
        text = characters[keep].tobytes()
    else:
        ends = np.flatnonzero(characters == LF)
        text = block.replace(b"\n", b"")
    # each line end that was taken out moves what follows
    offsets = np.concatenate([[0], ends - np.arange(len(ends)), [len(text)]]).astype(np.int32)
    rows = offsets[np.diff(offsets, prepend=-1) > 0]
    return pa.StringArray.from_buffers(len(rows) - 1, pa.py_buffer(rows), pa.py_buffer(text))


def split(block: bytes, rows: int, dialect: Dialect = PLAIN) -> Iterator[bytes]:
    """Split a block into blocks of at most so many lines; one that has no more is returned as it is."""
    if max(block.count(b"\n"), block.count(b"\r")) <= rows:
        yield block
        return
    ends = line_ends(block, dialect.delimiter)[rows - 1 :: rows] + 1
    starts = [0, *ends.tolist()]
    for start, stop in zip(starts, [*starts[1:], len(block)], strict=True):
        if start < stop:
            yield block[start:stop]


def _empty(header: Header) -> bytes:
    """Return a row of empty cells."""
    return header.dialect.delimiter.encode() * (len(header.names) - 1)
