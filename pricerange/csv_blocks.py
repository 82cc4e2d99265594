"""CSV as a stream of bytes: cut into blocks of whole rows, wherever the bytes come from.

The form is RFC 4180 as spreadsheets write it: a quote opens a cell only where the cell begins, anywhere else
it is a character like others; inside quotes a line end is text.
"""

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pricerange.errors import BrokenBlockError

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_QUOTE, _NEWLINE = ord('"'), ord("\n")
_BEFORE_A_CELL = np.frombuffer(b",\r\n", np.uint8)
_QUOTED_CELL = re.compile(rb'(?<![^,\r\n])"(?:[^"]++|"")*+("?)')


class BlockCutter:
    """Cuts bytes into blocks of whole rows, each at most `block_bytes` long.

    Blocks depend on the bytes alone, not on the parts in which they come.
    """

    def __init__(self, block_bytes: int) -> None:
        self._block_bytes = block_bytes
        self._pending = bytearray()
        self._at_start = True

    def feed(self, part: bytes) -> Iterator[bytes]:
        """Take the next part and yield the blocks that are complete.

        Raises `BrokenBlockError` for a row that is longer than a block.
        """
        self._pending += part
        if len(self._pending) >= len(_BYTE_ORDER_MARK):
            self._drop_mark()
        while len(self._pending) >= self._block_bytes:
            window = bytes(self._pending[: self._block_bytes])
            end = _end_of_rows(window)
            if not end:
                reason = f"it is longer than {self._block_bytes} bytes; is a quote never closed?"
                raise BrokenBlockError(0, reason)
            del self._pending[:end]
            yield window[:end]

    def end(self) -> bytes:
        """Return the last block: what no line end follows, perhaps nothing."""
        return bytes(self._pending)

    def _drop_mark(self) -> None:
        if self._at_start and self._pending.startswith(_BYTE_ORDER_MARK):
            del self._pending[: len(_BYTE_ORDER_MARK)]
        self._at_start = False


def ends_inside_quotes(block: bytes) -> bool:
    """Return whether a block of rows ends in a cell whose quote was never closed."""
    return _QUOTE in block and len(_quotes(block)) % 2 == 1


def _end_of_rows(window: bytes) -> int:
    """Return the place after the last line end that is no text, 0 where there is none."""
    if _QUOTE not in window:
        return window.rfind(b"\n") + 1
    line_ends = np.flatnonzero(np.frombuffer(window, np.uint8) == _NEWLINE)
    outside = line_ends[np.searchsorted(_quotes(window), line_ends) % 2 == 0]
    return int(outside[-1]) + 1 if len(outside) else 0


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
