"""Phones as lines of JSON (NDJSON), one object a line: cut into blocks, read, and what is wrong with a line.

A line ends with LF or CRLF, the last one perhaps with nothing; blank lines are not rows.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic_core import from_json

from pricerange.phone import Problem, Problems
from pricerange.tables.errors import BrokenBlockError
from pricerange.tables.json_phones import PhoneReader
from pricerange.tables.table import sentence

_BLOCK_LINES = 500
"""Lines of a block, however short: to find out why many are no phones takes time."""
_BLANK = b" \t\r"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a block that are not blank, and the number of each in the file, from 1."""

    texts: list[bytes]
    numbers: list[int]


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
    """Cuts bytes into blocks of whole lines, none longer than `longest`, nor a line.

    Blocks depend on the bytes alone, not on the parts in which they come.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._pending = bytearray()
        self._line = 0
        self._block = Lines([], [])
        self._size = 0

    def feed(self, part: bytes) -> Iterator[Lines]:
        """Take the next part and yield the blocks that are complete. Raises `BrokenBlockError`."""
        begin = len(self._pending)
        self._pending += part
        end = self._pending.rfind(b"\n", begin) + 1
        if end:
            text = bytes(self._pending[: end - 1])
            del self._pending[:end]
            yield from self._add(text.split(b"\n"))
        if len(self._pending) > self._longest:
            raise self._too_long(self._line + 1)

    def end(self) -> Iterator[Lines]:
        """Yield the last block, with what no line end follows."""
        yield from self._add([bytes(self._pending)])
        if self._block.texts:
            yield self._block

    def _add(self, lines: Iterable[bytes]) -> Iterator[Lines]:
        for line in lines:
            self._line += 1
            size = len(line)
            if size > self._longest:
                raise self._too_long(self._line)
            if not line.strip(_BLANK):
                continue
            if self._size + size > self._longest or len(self._block.texts) == _BLOCK_LINES:
                yield self._block
                self._block, self._size = Lines([], []), 0
            self._block.texts.append(line)
            self._block.numbers.append(self._line)
            self._size += size

    def _too_long(self, line: int) -> BrokenBlockError:
        return BrokenBlockError(None, f"line {line} is longer than {self._longest} bytes")


def judge_lines(lines: Lines, reader: PhoneReader) -> LineVerdict:
    """Tell the phones in a block from what is none, by the rules and in the words that hold for one phone."""
    table, valid = reader.rows(lines.texts)
    if not valid.all():
        table = np.where(valid[:, np.newaxis], table, 0)
    return LineVerdict(table.astype(np.float32), valid, lines, reader)
