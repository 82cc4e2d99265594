"""Phones as lines of JSON (NDJSON), one object a line: cut into blocks, read, and what is wrong with a line.

A line ends with LF or CRLF, the last one perhaps with nothing; blank lines are not rows.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from pydantic_core import from_json

from pricerange.phone import FEATURE_NAMES, FEATURES, Problem, Problems, fault
from pricerange.tables.errors import BrokenBlockError
from pricerange.tables.json.phones import PhoneReader
from pricerange.tables.table import Reason, sentence

_BLANK = b" \t\r"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FEATURES = dict(zip(FEATURE_NAMES, FEATURES, strict=True))
_NO_JSON = object()
_NO_NUMBERS = "NaN and Infinity are no numbers there, null stands for them"


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines that are not blank, and the number of each in the file, from 1."""

    texts: list[bytes]
    numbers: Sequence[int]

    def at_most(self, most: int) -> "Iterator[Lines]":
        """Yield them in pieces of `most` at most."""
        for first in range(0, len(self.texts), most):
            piece = slice(first, first + most)
            yield Lines(self.texts[piece], self.numbers[piece])


@dataclass(frozen=True, slots=True)
class WholeLines:
    """Whole lines as they stand in a file: the number of the first, from 1, and the byte after the last."""

    text: bytes
    number: int
    stop: int

    def lines(self) -> Lines:
        """Return those that are not blank."""
        texts = self.text.removesuffix(b"\n").split(b"\n")
        numbers = range(self.number, self.number + len(texts))
        if b"" not in texts and not any(map(bytes.isspace, texts)):
            return Lines(texts, numbers)
        filled = [k for k, text in enumerate(texts) if text.strip(_BLANK)]
        return Lines([texts[k] for k in filled], [numbers[k] for k in filled])


@dataclass(frozen=True, slots=True)
class LineVerdict:
    """Which of n lines are phones; why one is none is looked up when it is asked for.

    `values` float64 and `rows` float32 [n, 20] in the table's order, 0 throughout in an invalid row;
    `valid` bool [n].
    """

    values: npt.NDArray[np.float64]
    rows: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]
    lines: Lines
    reader: PhoneReader

    def refusal(self, row: int) -> Problems:
        """Say what is wrong with a line; the pointers begin at its phone."""
        return self._refused(row)[0]

    def problems(self, row: int) -> Iterator[Problem]:
        """Yield what is wrong with a line, value by value; the pointers begin at its phone."""
        yield from self.refusal(row).problems

    def detail(self, row: int) -> str:
        """Say what is wrong with a line in one sentence."""
        return _sentence(self.refusal(row))

    def explained(self, rows: Sequence[int]) -> Iterator[Reason]:
        """Yield why each of many lines is no phone."""
        for row in rows:
            found, phone = self._refused(row)
            yield Reason(_sentence(found), _cause(found, phone))

    def _refused(self, row: int) -> tuple[Problems, Any]:
        """Say what is wrong with a line, and what it is, `_NO_JSON` perhaps."""
        text = self.lines.texts[row]
        try:
            phone = from_json(text)
        except ValueError as error:
            return _no_json(_likely(text) or str(error)), _NO_JSON
        found = self.reader.checked(phone)
        if isinstance(found, Problems) and (_names_a_feature(found) or _is_strict(text)):
            return found, phone
        # of another field, or two parsers of JSON differ
        return _no_json("parsers differ about it" if _is_strict(text) else _NO_NUMBERS), _NO_JSON


class LineCutter:
    """Cuts bytes into runs of whole lines, none longer than `longest`, nor a line.

    They depend on the bytes alone, not on the parts in which these come. A byte order mark that a file
    begins with is left out.
    """

    def __init__(self, longest: int, start: int = 0) -> None:
        """Begin with a line, at the byte `start` of a file."""
        self._longest = longest
        self._pending = bytearray()
        self._stop = start
        self._number = 1

    def feed(self, part: bytes) -> Iterator[WholeLines]:
        """Take the next part and yield what is complete. Raises `BrokenBlockError`."""
        self._pending += part
        window = self._longest + 1
        while len(self._pending) >= window:
            end = self._pending.rfind(b"\n", 0, window) + 1
            if not end:
                self._require_short(window)
            yield self._taken(end)

    def end(self) -> Iterator[WholeLines]:
        """Yield the last lines, with what no line end follows."""
        if self._pending:
            yield self._taken(len(self._pending))

    def _taken(self, end: int) -> WholeLines:
        text = bytes(memoryview(self._pending)[:end])
        del self._pending[:end]
        if not self._stop:
            text = text.removeprefix(_BYTE_ORDER_MARK)
        self._stop += end
        taken = WholeLines(text, self._number, self._stop)
        self._number += text.count(b"\n")
        return taken

    def _require_short(self, length: int) -> None:
        if length > self._longest:
            raise BrokenBlockError(None, f"line {self._number} is longer than {self._longest} bytes")


def fields_of(lines: Iterable[bytes], most: int) -> tuple[str, ...]:
    """Return the names of all fields that lines of JSON have, as they come first; or more than `most`."""
    found = dict[str, None]()
    for line in lines:
        found |= dict.fromkeys(members(line) or ())
        if len(found) > most:
            break
    return tuple(found)


def members(line: bytes) -> dict[str, msgspec.Raw] | None:
    """Return a JSON object's fields as they stand there, None for any other line."""
    try:
        return _members(line) if line.isascii() or line.decode() else None
    except (ValueError, RecursionError):
        return None


_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def judge_lines(lines: Lines, reader: PhoneReader) -> LineVerdict:
    """Tell the phones in a block from what is none, by the rules and in the words that hold for one phone."""
    table, valid = reader.rows(lines.texts)
    if not valid.all():
        table = np.where(valid[:, np.newaxis], table, 0)
    return LineVerdict(table, table.astype(np.float32), valid, lines, reader)


def _no_json(what: str) -> Problems:
    return Problems([Problem(f"the line is not valid JSON: {what}", "")], 1)


def _likely(text: bytes) -> str | None:
    """Say what a line that is not JSON is likely to be, None where nothing tells it."""
    if text.startswith(_BYTE_ORDER_MARK):
        return "it begins with a byte order mark"
    if text.lstrip(_BLANK).startswith(b"["):
        return "it begins a list; write an object on each line, and no list around them"
    return None


def _is_strict(text: bytes) -> bool:
    """Whether JSON has no NaN and no Infinity, which other parsers refuse."""
    try:
        from_json(text, allow_inf_nan=False)
    except ValueError:
        return False
    return True


def _names_a_feature(found: Problems) -> bool:
    return any(problem.pointer[1:] in _FEATURES for problem in found.problems)


def _sentence(found: Problems) -> str:
    return sentence((problem.detail for problem in found.problems), found.count)


def _cause(found: Problems, phone: Any) -> str:
    """Say what is wrong in the words that are counted: there are few of them, whatever a line holds."""
    if not isinstance(phone, dict):
        return "line: not valid JSON" if phone is _NO_JSON else "line: not an object"
    wrong = [name for problem in found.problems if (name := problem.pointer[1:]) in _FEATURES]
    if not wrong:
        return "line: other fields"
    name = wrong[0]
    return f"{name}: {fault(_FEATURES[name], phone[name]) if name in phone else 'missing'}"
