"""Phones as lines of JSON (NDJSON), one object a line: cut into blocks, read, and what is wrong with a line.

A line ends with LF or CRLF, the last one perhaps with nothing; blank lines are not rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic_core import from_json

from pricerange.errors import BrokenBlockError
from pricerange.phone import Problem, Problems
from pricerange.tables.json_phones import PhoneReader
from pricerange.tables.table import sentence

_BLOCK_LINES = 500
"""Lines of a block, however short: to find out why many are no phones takes time."""
_BLANK = b" \t\r"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a block that are not blank, and the number of each in the file, from 1."""

    texts: Sequence[bytes]
    numbers: Sequence[int]


@dataclass(frozen=True, slots=True)
class LineVerdict:
    """Which of n lines are phones; why one is none is looked up when it is asked for.

    `rows` float32 [n, 20] in the table's order, 0 throughout in an invalid row; `valid` bool [n].
    """

    rows: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]
    lines: Lines
    reader: PhoneReader

    def refusal(self, row: int) -> Problems:
        """Say what is wrong with a line; the pointers begin at its phone."""
        text = self.lines.texts[row]
        try:
            phone = from_json(text)
        except ValueError as error:
            what = "it begins with a byte order mark" if text.startswith(_BYTE_ORDER_MARK) else str(error)
            return Problems([Problem(f"the line is not valid JSON: {what}", "")], 1)
        found = self.reader.checked(phone)
        # it is a phone after all only if two parsers of JSON differ
        return found if isinstance(found, Problems) else Problems([Problem("not valid JSON", "")], 1)

    def problems(self, row: int) -> Iterator[Problem]:
        """Yield what is wrong with a line, value by value; the pointers begin at its phone."""
        yield from self.refusal(row).problems

    def detail(self, row: int) -> str:
        """Say what is wrong with a line in one sentence."""
        found = self.refusal(row)
        return sentence((problem.detail for problem in found.problems), found.count)


class LineCutter:
    """Cuts bytes into blocks of whole lines, in whatever parts they come, none longer than `longest`."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._pending = bytearray()
        self._lines = 0

    def feed(self, part: bytes) -> Iterator[Lines]:
        """Take the next part and yield the lines that are complete. Raises `BrokenBlockError`."""
        begin = len(self._pending)
        self._pending += part
        end = self._pending.rfind(b"\n", begin) + 1
        if end:
            text = bytes(self._pending[: end - 1])
            del self._pending[:end]
            yield from self._blocks(text)
        if len(self._pending) > self._longest:
            raise self._too_long(self._lines + 1)

    def end(self) -> Iterator[Lines]:
        """Yield what no line end follows."""
        if self._pending:
            yield from self._blocks(bytes(self._pending))

    def _blocks(self, text: bytes) -> Iterator[Lines]:
        texts: list[bytes] = []
        numbers: list[int] = []
        size = 0
        for line in text.split(b"\n"):
            self._lines += 1
            if len(line) > self._longest:
                yield from _block(texts, numbers)
                raise self._too_long(self._lines)
            if not line.strip(_BLANK):
                continue
            if size + len(line) > self._longest or len(texts) == _BLOCK_LINES:
                yield Lines(texts, numbers)
                texts, numbers, size = [], [], 0
            texts.append(line)
            numbers.append(self._lines)
            size += len(line)
        yield from _block(texts, numbers)

    def _too_long(self, line: int) -> BrokenBlockError:
        return BrokenBlockError(None, f"line {line} is longer than {self._longest} bytes")


def judge_lines(lines: Lines, reader: PhoneReader) -> LineVerdict:
    """Tell the phones in a block from what is none, by the rules and in the words that hold for one phone."""
    table, valid = reader.rows(lines.texts)
    if not valid.all():
        table = np.where(valid[:, np.newaxis], table, 0)
    return LineVerdict(table.astype(np.float32), valid, lines, reader)


def _block(texts: list[bytes], numbers: list[int]) -> Iterator[Lines]:
    if texts:
        yield Lines(texts, numbers)
