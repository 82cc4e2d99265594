"""Rows as NDJSON: an object a line, its fields the columns in their order; lines of JSON stay as they are."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from pricerange.errors import ColumnTypeError
from pricerange.tables.errors import BrokenBlockError
from pricerange.tables.json.cells import json_of
from pricerange.tables.json.columns import LINE
from pricerange.tables.json.lines import members
from pricerange.tables.renamed import distinct, renamed

_BLANK = b" \t\r"


@dataclass(frozen=True, slots=True)
class JsonText:
    """Rows, each with its newline, and the names of the columns that they were, if they were any."""

    rows: bytes
    names: Sequence[str] = ()


def written(batch: pa.RecordBatch) -> JsonText:
    """Write n rows; columns whose names are there twice, or empty, get others. Raises `ColumnTypeError`."""
    names = batch.schema.names
    fields = _fields(distinct(names), batch.columns)
    return JsonText(b"".join([b"{%b}\n" % row for row in fields]), names)


def answered(
    lines: Sequence[bytes], phones: npt.NDArray[np.bool_], kept: Sequence[str] | None, answers: pa.RecordBatch
) -> JsonText:
    """Append the answers to n lines, of which some are known to be `phones`.

    Fields stay as they stand there, those called `kept`, null where a line lacks one, or all where it is
    None; one of an answer's name becomes `input_<name>`. A line that is no object becomes the field `line`.
    """
    taken = answers.schema.names
    inside = _inside(lines, phones.tolist(), taken) if kept is None else _picked(lines, kept, taken)
    return JsonText(b"".join(map(_row, inside, _fields(taken, answers.columns))))


def rejected(lines: Sequence[bytes], read: Sequence[str] | None, reasons: pa.RecordBatch) -> JsonText:
    """Put the columns that say why before n lines, which stay as in `answered`."""
    taken = reasons.schema.names
    inside = _inside(lines, [False] * len(lines), taken) if read is None else _picked(lines, read, taken)
    return JsonText(b"".join(map(_row, _fields(taken, reasons.columns), inside)))


def _row(front: bytes, back: bytes) -> bytes:
    return b"{%b,%b}\n" % (front, back) if front and back else b"{%b%b}\n" % (front, back)


def _fields(names: Sequence[str], columns: Sequence[pa.Array]) -> list[bytes]:
    """Return the fields of each row. Raises `ColumnTypeError`."""
    texts = []
    for name, column in zip(names, columns, strict=True):
        try:
            texts.append(json_of(column))
        except BrokenBlockError as error:
            raise ColumnTypeError(name, str(column.type), "NDJSON") from error
    template = _template(names)
    return [template % cells for cells in zip(*texts, strict=True)]


def _template(names: Iterable[str]) -> bytes:
    return b",".join(orjson.dumps(name).replace(b"%", b"%%") + b":%b" for name in names)


def _inside(lines: Sequence[bytes], phones: Sequence[bool], taken: Sequence[str]) -> list[bytes]:
    """Return what stands between the braces of lines; those without are a field `line`."""
    text = b"\n".join(lines)
    found = _present(taken, text)
    if found and all(phones) and _is_plain(text, len(lines)):
        # each field in one go, and no line is looked at
        for name in found:
            text = text.replace(b'"%b":' % name, b'"input_%b":' % name)
        lines = text.split(b"\n")
        found = [name for name in found if b'"%b"' % name in text]
    rename = _renaming(found, taken) if found or _has_escape(text) else _as_it_is
    return [
        rename(line.strip(_BLANK)[1:-1]) if phone or members(line) is not None else _as_field(line)
        for line, phone in zip(lines, phones, strict=True)
    ]


def _present(names: Sequence[str], text: bytes) -> list[bytes]:
    """Return which names stand in quotes in a text; what names have in common is looked for once."""
    stems = {name: b'"%b' % name.rstrip("0123456789").encode() for name in names}
    present = {stem for stem in set(stems.values()) if stem in text}
    quoted = [name.encode() for name in names if stems[name] in present]
    return [name for name in quoted if b'"%b"' % name in text]


def _has_escape(text: bytes) -> bool:
    """Whether a name may be written in other characters; a single byte is found soonest."""
    return b"\\" in text and b"\\u" in text


def _is_plain(text: bytes, lines: int) -> bool:
    """Whether in lines of objects a name in quotes and a colon are a field, which may get another name."""
    return b"\\" not in text and text.count(b"{") == lines and b'"input_' not in text


def _picked(lines: Sequence[bytes], kept: Sequence[str], taken: Sequence[str]) -> list[bytes]:
    """Return fields of lines, in one order; null where a line lacks one or is no object."""
    template = _template(renamed(kept, taken))
    picked = []
    for line in lines:
        fields = members(line) or {}
        picked.append(template % tuple([bytes(fields.get(name, b"null")) for name in kept]))
    return picked


def _as_field(line: bytes) -> bytes:
    return b'"%b":%b' % (LINE.encode(), orjson.dumps(line.strip(_BLANK).decode(errors="replace")))


def _as_it_is(inside: bytes) -> bytes:
    return inside if inside.strip(_BLANK) else b""


def _renaming(found: Sequence[bytes], taken: Sequence[str]) -> Callable[[bytes], bytes]:
    """Return what gives fields other names, of which some of those that are taken were `found`."""
    key = re.compile(b'"(%b)"(?=[ \\t\\r]*:)' % b"|".join(found or [b"(?!)"]))

    def rename(inside: bytes) -> bytes:
        if not _has_escape(inside) and not key.search(inside):
            return _as_it_is(inside)
        if _is_plain(inside, 0):
            return key.sub(rb'"input_\1"', inside)
        return _rebuilt(inside, taken)

    return rename


def _rebuilt(inside: bytes, taken: Sequence[str]) -> bytes:
    """Give other names to fields that may be nested or escaped; of two of one name the last counts."""
    fields = members(b"{%b}" % inside) or {}
    if not fields.keys() & set(taken):
        return _as_it_is(inside)
    names = renamed(list(fields), taken)
    return b",".join(
        b"%b:%b" % (orjson.dumps(name), bytes(value))
        for name, value in zip(names, fields.values(), strict=True)
    )
