"""The rows of files as phones, in order, and columns beside them; errors name the file and the row."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import pyarrow as pa

from pricerange.tables import table
from pricerange.tables.csv.dialect import PLAIN, Dialect
from pricerange.tables.csv.file import TextBlock, located
from pricerange.tables.errors import (
    BrokenBlockError,
    DuplicateColumnError,
    MissingColumnError,
    UnreadableTableError,
)
from pricerange.tables.json import columns as json_columns
from pricerange.tables.json.file import LineBlock
from pricerange.tables.json.lines import LineVerdict
from pricerange.tables.names import feature_places
from pricerange.tables.source import blocks, hive, small_files
from pricerange.tables.source.blocks import Content, Member, Shard
from pricerange.tables.source.files import InputFile
from pricerange.tables.source.plan import whole
from pricerange.tables.table import Verdict

Beside: TypeAlias = Callable[[InputFile, Sequence[str]], Sequence[str]]
"""Is given a file and the names of its columns; returns which are read beside the features, or raises."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows of a file that follow each other: `row` is the number of the first, from 1.

    `columns` are those that are read beside the features, in the order in which they were asked for, and
    `dialect` is that of their text; `content` is what all was read from.
    """

    file: InputFile
    row: int
    verdict: Verdict | LineVerdict
    columns: list[pa.Array]
    dialect: Dialect
    content: Content


def judged(files: Sequence[InputFile], beside: Beside, *, unknown: bool = False) -> Iterator[Judged]:
    """Stream the rows of files, of each at least once, be there none; other columns are ignored.

    Features may be `unknown`, NaN in a row, where that is asked for.

    Raises what `blocks.read` raises, `BrokenRowError`, `MissingColumnError`, `DuplicateColumnError`, and what
    `beside` raises.
    """
    for shard in whole(files):
        yield from _of_shard(files, shard, beside, unknown=unknown)


def _of_shard(files: Sequence[InputFile], shard: Shard, beside: Beside, *, unknown: bool) -> Iterator[Judged]:
    others: dict[int, Sequence[str]] = {}
    read: set[str] = set()
    file, row = shard.file, 1
    try:
        for file in range(shard.file, shard.file + max(shard.files, 1)):
            names = _names_of(files[file])
            if not names and files[file].format == "ndjson":
                continue  # without lines it has no columns either
            others[file] = beside(files[file], names)
            read.update(others[file], (names[place] for place in feature_places(names)))
        file = shard.file
        for member in _members(files, shard, list(read)):
            if member.file != file:
                file, row = member.file, 1
            if file not in others:
                if blocks.rows_of(member.content):  # lines, and none of them an object
                    beside(files[file], ())
                continue
            verdict, columns = _judge(member.content, others[file], unknown=unknown)
            dialect = content.dialect if isinstance(content := member.content, TextBlock) else PLAIN
            yield Judged(files[file], row, verdict, columns, dialect, content)
            row += len(verdict.valid)
    except BrokenBlockError as error:
        raise located(error, files[file].name, row - 1) from error
    except (MissingColumnError, DuplicateColumnError) as error:
        raise replace(error, table=files[file].name) from error
    except pa.ArrowException as error:
        raise UnreadableTableError(files[file].name, str(error)) from error


def _names_of(file: InputFile) -> list[str]:
    """Return the names of a file's columns, and of those that its folders tell unless it is without lines."""
    names = blocks.columns_of(file)
    if not names and file.format == "ndjson":
        return []
    return [*names, *(column.name for column in hive.missing(file.from_folders, names))]


def _members(files: Sequence[InputFile], shard: Shard, columns: Sequence[str]) -> Iterator[Member]:
    """Stream blocks, file by file also where several are joined."""
    if shard.files:
        for block in small_files.read(files, shard, columns):
            yield from block.members
    else:
        for block in blocks.read(files[shard.file], shard, columns):
            yield Member(shard.file, block.content)


def _judge(
    content: Content, beside: Sequence[str], *, unknown: bool
) -> tuple[Verdict | LineVerdict, list[pa.Array]]:
    if isinstance(content, LineBlock):
        judged, batch = json_columns.judged_columns(
            content.texts, beside, others=True, numbers=False, unknown=unknown
        )
        return judged, batch.columns
    if isinstance(content, TextBlock):
        kept = list(map(content.header.index, beside))
        return table.judge_csv_beside(content.text, content.header, kept, content.dialect, unknown=unknown)
    names = content.schema.names
    return table.judge(content, unknown=unknown), [content.column(names.index(name)) for name in beside]
