"""CSV as text: where its rows end, which quotes open and close its cells, and its rows one by one.

The form is RFC 4180 as spreadsheets write it: a quote opens a cell only where the cell begins, anywhere else
it is a character like others; a row ends with LF, CRLF or CR; inside quotes a line end is text.
"""

import csv
import re
from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt

QUOTE, LF, CR = ord('"'), ord("\n"), ord("\r")
_LINE = re.compile(rb"[^\r\n]*+(?:\r\n?|\n)|[^\r\n]++")


def end_of_rows(window: bytes, delimiter: str) -> int:
    """Return the place after the last line end that is not text, 0 where there is none."""
    if QUOTE not in window:
        return max(window.rfind(b"\n"), window.rfind(b"\r")) + 1
    ends = line_ends(window, delimiter)
    return int(ends[-1]) + 1 if len(ends) else 0


def line_ends(text: bytes, delimiter: str) -> npt.NDArray[np.intp]:
    """Return the places of the line ends that are not text, in text that begins with a row."""
    characters = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero((characters == LF) | (characters == CR))
    if QUOTE not in text:
        return ends
    outside: npt.NDArray[np.intp] = ends[np.searchsorted(_quotes(text, delimiter), ends) % 2 == 0]
    return outside


def ends_inside_quotes(block: bytes, delimiter: str) -> bool:
    """Return whether a block of rows ends in a cell whose quote was never closed."""
    return QUOTE in block and len(_quotes(block, delimiter)) % 2 == 1


def cells_of_rows(block: bytes, delimiter: str) -> Iterator[tuple[list[str], int]]:
    """Yield the rows that are not blank, and where each ends. Raises `UnicodeDecodeError` or `csv.Error`."""
    end = 0

    def lines() -> Iterator[str]:
        nonlocal end
        # of a header that is asked for no more is looked at
        for line in _LINE.finditer(block):
            end = line.end()
            yield line[0].decode()

    for cells in csv.reader(lines(), delimiter=delimiter):
        if cells:
            yield cells, end


def _quotes(text: bytes, delimiter: str) -> npt.NDArray[np.intp]:
    """Return the places of the quotes that open and close cells, in turn, in text that begins with a row."""
    before_a_cell, quoted_cell = _cells(delimiter)
    characters = np.frombuffer(text, np.uint8)
    places = np.flatnonzero(characters == QUOTE)
    opening = places[::2]
    before = characters[opening - 1]
    # where each second one stands before a cell, or beside its twin in a quoted one, none is a mere character
    if ((opening == 0) | (before == QUOTE) | np.isin(before, before_a_cell)).all():
        return places
    cells = quoted_cell.finditer(text)
    marks = [
        mark for cell in cells for mark in ((cell.start(), cell.end() - 1) if cell[1] else (cell.start(),))
    ]
    return np.array(marks, np.intp)


@cache
def _cells(delimiter: str) -> tuple[npt.NDArray[np.uint8], re.Pattern[bytes]]:
    """Return the characters that a cell may follow, and what a quoted one looks like."""
    before = delimiter.encode() + b"\r\n"
    quoted = re.compile(rb'(?<![^%b])"(?:[^"]++|"")*+("?)' % re.escape(before))
    return np.frombuffer(before, np.uint8), quoted
