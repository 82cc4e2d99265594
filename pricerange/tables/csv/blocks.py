"""CSV as a stream of bytes: cut into blocks of whole rows, wherever the bytes come from.

The form is RFC 4180 as spreadsheets write it: a quote opens a cell only where the cell begins, anywhere else
it is a character like others; a row ends with LF, CRLF or CR; inside quotes a line end is text.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pricerange.tables.errors import BrokenBlockError

if TYPE_CHECKING:
    import pyarrow as pa

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_QUOTE, _LF, _CR = ord('"'), ord("\n"), ord("\r")
_BEFORE_A_CELL = np.frombuffer(b",\r\n", np.uint8)
_QUOTED_CELL = re.compile(rb'(?<![^,\r\n])"(?:[^"]++|"")*+("?)')


class BlockCutter:
    """Cuts bytes into blocks of whole rows, each at most `block_bytes` long.

    Blocks depend on the bytes alone, not on the parts in which they come.
    """

    def __init__(self, block_bytes: int, start: int = 0) -> None:
        """Begin with a file's first byte, or with a row of it, at `start`."""
        self._block_bytes = block_bytes
        self._pending = bytearray()
        self._fed = start
        self._at_start = start == 0
        self._has_header = start > 0

    @property
    def position(self) -> int:
        """How many bytes of the file lie before the next block."""
        return self._fed - len(self._pending)

    def feed(self, part: bytes) -> Iterator[bytes]:
        """Take the next part and yield the blocks that are complete.

        Raises `BrokenBlockError` for a header or a row that is longer than a block.
        """
        self._pending += part
        self._fed += len(part)
        if len(self._pending) >= len(_BYTE_ORDER_MARK):
            self._drop_mark()
        while len(self._pending) >= self._block_bytes:
            window = bytes(self._pending[: self._block_bytes])
            end = _end_of_rows(window)
            if not end:
                reason = f"is longer than {self._block_bytes} bytes; is a closing quote missing?"
                if not self._has_header:
                    raise BrokenBlockError(None, f"the header {reason}")
                raise BrokenBlockError(0, f"the row {reason}")
            self._has_header = self._has_header or bool(window[:end].strip(b"\r\n"))
            del self._pending[:end]
            yield window[:end]

    def end(self) -> bytes:
        """Return the last block: what no line end follows, perhaps nothing."""
        last = bytes(self._pending)
        self._pending.clear()
        return last

    def _drop_mark(self) -> None:
        if self._at_start and self._pending.startswith(_BYTE_ORDER_MARK):
            del self._pending[: len(_BYTE_ORDER_MARK)]
        self._at_start = False


def lines(block: bytes) -> "pa.StringArray":
    """Return a block's rows as they stand there, without their line ends; blank lines are not rows."""
    import pyarrow as pa

    characters = np.frombuffer(block, np.uint8)
    if _QUOTE in block or _CR in block:
        ends = _line_ends(block)
        keep = np.ones(len(block), np.bool_)
        keep[ends] = False
        text = characters[keep].tobytes()
    else:
        ends = np.flatnonzero(characters == _LF)
        text = block.replace(b"\n", b"")
    # each line end that was taken out moves what follows
    offsets = np.concatenate([[0], ends - np.arange(len(ends)), [len(text)]]).astype(np.int32)
    rows = offsets[np.diff(offsets, prepend=-1) > 0]
    return pa.StringArray.from_buffers(len(rows) - 1, pa.py_buffer(rows), pa.py_buffer(text))


def split(block: bytes, rows: int) -> Iterator[bytes]:
    """Split a block into blocks of at most so many lines; one that has no more is returned as it is."""
    if max(block.count(b"\n"), block.count(b"\r")) <= rows:
        yield block
        return
    ends = _line_ends(block)[rows - 1 :: rows] + 1
    starts = [0, *ends.tolist()]
    for start, stop in zip(starts, [*starts[1:], len(block)], strict=True):
        if start < stop:
            yield block[start:stop]


def ends_inside_quotes(block: bytes) -> bool:
    """Return whether a block of rows ends in a cell whose quote was never closed."""
    return _QUOTE in block and len(_quotes(block)) % 2 == 1


def _end_of_rows(window: bytes) -> int:
    """Return the place after the last line end that is not text, 0 where there is none."""
    if _QUOTE not in window:
        return max(window.rfind(b"\n"), window.rfind(b"\r")) + 1
    line_ends = _line_ends(window)
    return int(line_ends[-1]) + 1 if len(line_ends) else 0


def _line_ends(text: bytes) -> npt.NDArray[np.intp]:
    """Return the places of the line ends that are not text, in text that begins with a row."""
    characters = np.frombuffer(text, np.uint8)
    line_ends = np.flatnonzero((characters == _LF) | (characters == _CR))
    if _QUOTE not in text:
        return line_ends
    outside: npt.NDArray[np.intp] = line_ends[np.searchsorted(_quotes(text), line_ends) % 2 == 0]
    return outside


def _quotes(text: bytes) -> npt.NDArray[np.intp]:
    """Return the places of the quotes that open and close cells, in turn, in text that begins with a row."""
    characters = np.frombuffer(text, np.uint8)
    places = np.flatnonzero(characters == _QUOTE)
    opening = places[::2]
    before = characters[opening - 1]
    # where each second one stands before a cell, or beside its twin in a quoted one, none is a mere character
    if ((opening == 0) | (before == _QUOTE) | np.isin(before, _BEFORE_A_CELL)).all():
        return places
    cells = _QUOTED_CELL.finditer(text)
    marks = [
        mark for cell in cells for mark in ((cell.start(), cell.end() - 1) if cell[1] else (cell.start(),))
    ]
    return np.array(marks, np.intp)
