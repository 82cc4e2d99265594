"""What can be wrong with tables and the files that hold them: one class per cause."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pricerange.errors import PriceRangeError

_MOST_COMPARED = 100
_MOST_NAME, _MOST_LISTED = 40, 6
_NO_HEADER, _MOST_QUOTED = 20, 80
"""Missing features that make a header unlikely, and characters of what was taken for one."""


@dataclass
class TableNotFoundError(PriceRangeError):
    """No file where a table of phones was looked for."""

    path: Path | str
    exit_code = 30

    def __str__(self) -> str:
        return f"{self.path}: no such file"


@dataclass
class TableFormatError(PriceRangeError):
    """A file whose name does not end like that of a table this program knows."""

    path: Path | str
    known: Sequence[str]
    exit_code = 31

    def __str__(self) -> str:
        return f"{self.path}: the name must end in {' or '.join(self.known)}"


@dataclass
class UnreadableTableError(PriceRangeError):
    """A file that is not what its name says."""

    path: Path | str
    reason: str
    exit_code = 32

    def __str__(self) -> str:
        return f"{self.path} cannot be read: {self.reason}"


@dataclass
class BrokenRowError(PriceRangeError):
    """A row of a CSV file that does not fall into the header's cells; rows count from 1, the header aside."""

    path: Path | str
    row: int
    reason: str
    exit_code = 33

    def __str__(self) -> str:
        return f"{self.path}, row {self.row}: {self.reason}"


@dataclass
class BrokenBlockError(PriceRangeError):
    """A part of a table that does not fall into rows and cells; `row`, if known, counts from 0 in it."""

    row: int | None
    reason: str
    exit_code = 33

    def __str__(self) -> str:
        return self.reason if self.row is None else f"row {self.row} of the block: {self.reason}"


@dataclass
class MissingColumnError(PriceRangeError):
    """A table that lacks features."""

    missing: Sequence[str]
    present: Sequence[str]
    table: str = "the table"
    exit_code = 34

    def __str__(self) -> str:
        # to compare names takes time
        compared = self.present if len(self.present) <= _MOST_COMPARED else ()
        lower = {name.lower().strip(): name for name in compared}
        hints = [difflib.get_close_matches(name, lower, n=1) for name in self.missing]
        listed = [
            f"{name} (found {lower[hint[0]]!r})" if hint else name
            for name, hint in zip(self.missing, hints, strict=True)
        ]
        columns = "the column" if len(listed) == 1 else f"{len(listed)} columns:"
        lacks = f"{self.table} lacks {columns} {', '.join(listed)}"
        if not self.present or len(listed) < _NO_HEADER:
            return lacks
        found = ",".join(self.present)
        quoted = repr(found if len(found) <= _MOST_QUOTED else f"{found[:_MOST_QUOTED]}...")
        return f"{lacks}; its columns are {quoted}: a CSV must begin with the line that names them"


@dataclass
class DuplicateColumnError(PriceRangeError):
    """A table with several columns of one name, or of names like it; `columns` are as they stand there."""

    names: Sequence[str]
    table: str = "the table"
    columns: Sequence[str] = ()
    exit_code = 35

    def __str__(self) -> str:
        if set(self.columns) <= set(self.names):
            return f"{self.table} has more than one column named {', '.join(self.names)}"
        found = ", ".join(repr(name[:_MOST_NAME]) for name in self.columns[:_MOST_LISTED])
        found += f" and {len(self.columns) - _MOST_LISTED} more" if len(self.columns) > _MOST_LISTED else ""
        return f"{self.table} has more than one column that may be {', '.join(self.names)}: {found}"


@dataclass
class DialectError(PriceRangeError):
    """Marks of a CSV that mean nothing, or that contradict each other."""

    option: str
    expected: str
    found: str
    exit_code = 39

    def __str__(self) -> str:
        return f"{self.option}: expected {self.expected}, got {self.found[:_MOST_NAME]!r}"


@dataclass
class BadRowError(PriceRangeError):
    """A row that is not a valid phone; rows count from 1, the first after the header."""

    path: Path | str
    row: int
    reason: str
    exit_code = 36

    def __str__(self) -> str:
        return f"{self.path}, row {self.row}: {self.reason}"


@dataclass
class NoInputError(PriceRangeError):
    """A folder or a glob without a table."""

    source: str
    known: Sequence[str]
    exit_code = 60

    def __str__(self) -> str:
        return f"{self.source}: found no file that ends in {', '.join(self.known)}"


@dataclass
class RepeatedInputError(PriceRangeError):
    """A file that is named twice: its rows would be read twice."""

    file: str
    exit_code = 61

    def __str__(self) -> str:
        return f"{self.file} is named twice: its rows would be read twice"


@dataclass
class SourceChangedError(PriceRangeError):
    """A file that changed while it was read."""

    file: str
    exit_code = 64

    def __str__(self) -> str:
        return f"{self.file} changed after the job had started: the rows read may be of two versions of it"
