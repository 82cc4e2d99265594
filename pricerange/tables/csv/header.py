"""The first row of a CSV: the names of the columns, and by them what separates cells."""

import csv
import re
from dataclasses import replace
from typing import NamedTuple

from pricerange.foreign import named
from pricerange.tables.csv.dialect import DELIMITERS, PLAIN, Dialect
from pricerange.tables.csv.text import cells_of_rows, ends_inside_quotes
from pricerange.tables.errors import BrokenBlockError, DialectError
from pricerange.tables.names import candidates

OPEN_QUOTE = "a quote is not closed"
LONG_CELL = f"a cell has more than {csv.field_size_limit()} characters; is a closing quote missing?"
_MOST_LOOKED_AT = 4_096
"""Names among which features are looked for to tell the delimiter: no table has more columns."""
_SEPARATOR_LINE = re.compile(rb'[\r\n]*("?)sep=([,;|\t])\1,? *(?:\r\n?|\n|\Z)', re.IGNORECASE)
"""A first line by which Excel is told what separates cells; others that wrote it again have added a cell."""

_JSON_OBJECT = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"[^"\r\n]*"\s*:')
"""What no header begins with: as one, it would be a row that is lost."""


class Header(NamedTuple):
    """The names of the columns, and the dialect of the rows, whose delimiter is known."""

    names: list[str]
    dialect: Dialect


def recognised(begin: bytes, asked: Dialect) -> Dialect:
    """Return a dialect with the delimiter of the file that begins so, unless one is asked for.

    It is what a line `sep=;` says; else that of the four by which the header has the most features, and the
    comma where others have no more. Raises `BrokenBlockError` where it contradicts what is asked for.
    """
    if asked.delimiter:
        return asked
    if said := _SEPARATOR_LINE.match(begin):
        delimiter = said[2].decode()
    else:
        delimiter = max(DELIMITERS, key=lambda delimiter: _features(begin, delimiter))
    try:
        return replace(asked, delimiter=delimiter)
    except DialectError as error:
        raise BrokenBlockError(None, str(error)) from error


def split_header(block: bytes, dialect: Dialect = PLAIN) -> tuple[list[str], bytes]:
    """Return the names in the first row that is not blank, none where all are, and the rows after it.

    A line `sep=;` before them is passed over.

    Raises `BrokenBlockError` without a row where no header can be read.
    """
    if found := named(block):
        raise BrokenBlockError(None, f"it is no CSV: it is {found.what}, {found.file}")
    if _JSON_OBJECT.match(block):
        raise BrokenBlockError(None, "it is no CSV: its first line is a JSON object, as in NDJSON")
    block = _after_separator_line(block)
    try:
        names, end = next(cells_of_rows(block, dialect.delimiter), ([], len(block)))
    except UnicodeDecodeError as error:
        raise BrokenBlockError(None, f"not valid CSV in UTF-8: {error}") from error
    except csv.Error as error:
        raise BrokenBlockError(None, f"the header: {LONG_CELL}") from error
    if ends_inside_quotes(block[:end], dialect.delimiter):
        raise BrokenBlockError(None, f"the header: {OPEN_QUOTE}")
    return names, block[end:]


def _features(begin: bytes, delimiter: str) -> int:
    """Count the features that the first row has, if this separates its cells."""
    try:
        names, _ = next(cells_of_rows(_after_separator_line(begin), delimiter), ([], 0))
    except (UnicodeDecodeError, csv.Error):
        return 0
    return sum(map(bool, candidates(names[:_MOST_LOOKED_AT]).values()))


def _after_separator_line(begin: bytes) -> bytes:
    said = _SEPARATOR_LINE.match(begin)
    return begin[said.end() :] if said else begin
