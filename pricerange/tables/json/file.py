"""An NDJSON file as a stream of blocks of lines, as they stand there."""

from collections.abc import Iterator
from dataclasses import dataclass

from pricerange.foreign import named
from pricerange.tables.csv.file import ByteStream, Open, skip
from pricerange.tables.errors import BrokenBlockError
from pricerange.tables.json.lines import LineCutter, WholeLines, fields_of

BLOCK_BYTES = 1 << 20
"""Bytes of a block, some 3,000 phones; no line is longer."""
MOST_COLUMNS = 4_096
"""Columns of a table, each of which costs every block a few kilobytes, be it empty."""


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Lines of a file that are not blank, and the names of its columns: the fields of its first lines.

    `stop` is the byte of the file where the next block begins; reading may start there.
    """

    columns: tuple[str, ...]
    texts: list[bytes]
    stop: int


def blocks(opened: Open, start: int = 0) -> Iterator[LineBlock]:
    """Stream an NDJSON file's blocks, from the one on that begins at `start`; where that is 0, at least one.

    The same file gives the same blocks, from wherever it is read. Raises `BrokenBlockError`.
    """
    columns = columns_of(opened)
    stop = start
    with opened() as file:
        if start:
            skip(file, start)
        for whole in _cut(file, start):
            stop = whole.stop
            yield LineBlock(columns, whole.lines().texts, stop)
    if not stop:
        yield LineBlock(columns, [], stop)


def columns_of(opened: Open) -> tuple[str, ...]:
    """Return the fields of the first lines: of those in the first block that are not blank.

    Raises `BrokenBlockError`.
    """
    with opened() as file:
        for number, whole in enumerate(_cut(file)):
            if not number and (found := named(whole.text)):
                raise BrokenBlockError(None, f"it is no NDJSON: it is {found.what}, {found.file}")
            if texts := whole.lines().texts:
                names = fields_of(texts, MOST_COLUMNS)
                if len(names) > MOST_COLUMNS:
                    raise BrokenBlockError(None, f"its first lines have more than {MOST_COLUMNS} fields")
                return names
    return ()


def _cut(file: ByteStream, start: int = 0) -> Iterator[WholeLines]:
    cutter = LineCutter(BLOCK_BYTES, start)
    while part := file.read(BLOCK_BYTES):
        yield from cutter.feed(part)
    yield from cutter.end()
