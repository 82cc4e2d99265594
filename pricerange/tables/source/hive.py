"""Columns that the names of folders tell, as Hive has it: below `year=2026/month=11/` each row has both."""

import json
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from pricerange.phone import FEATURES
from pricerange.tables import cells, expanded
from pricerange.tables.csv import blocks as csv_blocks
from pricerange.tables.csv import file as csv_file
from pricerange.tables.csv.dialect import Dialect
from pricerange.tables.csv.file import TextBlock
from pricerange.tables.csv.text import ends_inside_quotes
from pricerange.tables.json.file import LineBlock
from pricerange.tables.names import by_place, selected

if TYPE_CHECKING:
    from pricerange.tables.source.blocks import Content
    from pricerange.tables.source.files import InputFile

NULL = "__HIVE_DEFAULT_PARTITION__"
"""What Hive calls a folder whose rows have null."""
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,18}")
"""How a whole number is written that comes back as it was: `007` does not."""
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_FEATURES = {feature.name: feature for feature in FEATURES}
_QUOTED = re.compile(r'["\r\n]')


@dataclass(frozen=True, slots=True)
class FolderColumn:
    """A column with the same value in all rows of a file; a whole number where it is one in all files."""

    name: str
    value: str | None
    is_number: bool = False

    @property
    def type(self) -> pa.DataType:
        """The type of the column beside others that have types."""
        return pa.int64() if self.is_number else pa.string()

    def cells(self, rows: int) -> pa.Array:
        """Return the value n times."""
        value = int(self.value) if self.is_number and self.value is not None else self.value
        return pa.repeat(pa.scalar(value, self.type), rows)

    @property
    def json(self) -> bytes:
        """The value as it stands in JSON: a number where it is one in all files, or that of a feature.

        A feature's yes and no are truth values, as they count as such in the text of other forms.
        """
        if self.value is None:
            return b"null"
        feature = _FEATURES.get(self.name)
        if self.is_number or (feature and _JSON_NUMBER.fullmatch(self.value)):
            return self.value.encode()
        if (
            feature
            and feature.kind == "yes/no"
            and (truth := cells.TRUTH.get(self.value.lower())) is not None
        ):
            return b"true" if truth else b"false"
        return json.dumps(self.value, ensure_ascii=False).encode()

    def cell(self, dialect: Dialect) -> str:
        """Return the value as it stands in a CSV file of a dialect; nothing for null.

        Who names folders writes decimal points, whatever is written in files.
        """
        text = self.value or ""
        if by_place([self.name]) and _JSON_NUMBER.fullmatch(text) and dialect.number(text) is None:
            text = text.replace(".", dialect.decimal)
        quoted = dialect.delimiter in text or _QUOTED.search(text)
        return '"' + text.replace('"', '""') + '"' if quoted else text


def of_path(inside: Sequence[str]) -> tuple[FolderColumn, ...]:
    """Return the columns that folders tell, by their names from the outermost on; text as yet.

    A name is `key=value`, both with escapes as in URLs. Raises `ValueError` for escapes that are not UTF-8,
    and for a key that two folders have.
    """
    found: dict[str, FolderColumn] = {}
    for folder in inside:
        key, equals, value = folder.partition("=")
        if not (key and equals):
            continue
        name = unquote(key, errors="strict")
        if name in found:
            raise ValueError(f"two of its folders are called {name}=")
        text = None if value == NULL else unquote(value, errors="strict")
        found[name] = FolderColumn(name, text)
    return tuple(found.values())


def typed(files: "Sequence[InputFile]") -> "list[InputFile]":
    """Take for numbers the values of a key that are whole numbers in all files, as other readers do."""
    values: dict[str, set[str | None]] = {}
    for file in files:
        for column in file.from_folders:
            values.setdefault(column.name, set()).add(column.value)
    numbers = {name for name, found in values.items() if _are_whole(found - {None})}
    if not numbers:
        return list(files)
    return [
        replace(
            file,
            from_folders=tuple(
                replace(column, is_number=column.name in numbers) for column in file.from_folders
            ),
        )
        for file in files
    ]


def _are_whole(values: set[str | None]) -> bool:
    return bool(values) and all(
        value is not None and _WHOLE.fullmatch(value) and -(1 << 63) <= int(value) < 1 << 63
        for value in values
    )


def missing(
    columns: Sequence[FolderColumn], names: Sequence[str], wanted: Sequence[str] | None = None
) -> list[FolderColumn]:
    """Return those of the columns that a table with columns of these names lacks, and that are wanted.

    A table that has one of them keeps its own, of which a warning tells.
    """
    for column in columns:
        if column.name in names:
            warnings.warn(
                f"the column {column.name} is in the files, so folders called {column.name}= say nothing",
                stacklevel=1,
            )
    told = [column.name for column in columns]
    kept = set(told) if wanted is None else selected(told, wanted)
    return [column for column in columns if column.name not in names and column.name in kept]


def beside(content: "Content", columns: Sequence[FolderColumn]) -> "Iterator[Content]":
    """Append columns to rows of a block, which becomes several where they take more than it may."""
    if not columns:
        yield content
    elif isinstance(content, TextBlock):
        yield from _beside_text(content, columns)
    elif isinstance(content, LineBlock):
        yield _beside_lines(content, columns)
    else:
        for column in columns:
            field = pa.field(column.name, column.type)
            content = content.append_column(field, column.cells(content.num_rows))
        yield from expanded.cut(content, max(content.num_rows, 1))


def _beside_lines(block: LineBlock, columns: Sequence[FolderColumn]) -> LineBlock:
    """Append fields to objects; what is none, and is no phone either, stays as it is.

    A file without lines has no columns, be it in a folder that tells some.
    """
    if not (block.columns or block.texts):
        return block
    members = b",".join(json.dumps(column.name).encode() + b":" + column.json for column in columns) + b"}"

    def appended(text: bytes) -> bytes:
        text = text.rstrip()
        if not text.endswith(b"}"):
            return text
        fields = text[:-1].rstrip()
        return fields + (b"" if fields.endswith(b"{") else b",") + members

    names = (*block.columns, *(column.name for column in columns))
    return replace(block, columns=names, texts=list(map(appended, block.texts)))


def _beside_text(block: TextBlock, columns: Sequence[FolderColumn]) -> Iterator[TextBlock]:
    header = [*block.header, *(column.name for column in columns)]
    mark = block.dialect.delimiter
    end = ("".join(mark + column.cell(block.dialect) for column in columns) + "\n").encode()
    for text in csv_blocks.split(block.text, max(csv_file.BLOCK_BYTES // len(end), 1), block.dialect):
        yield replace(block, header=header, text=_ended(text, end, block.dialect))


def _ended(text: bytes, end: bytes, dialect: Dialect) -> bytes:
    """Return rows of CSV with another line end; a row whose quote is not closed would swallow it."""
    if not (b'"' in text or b"\r" in text or b"\n\n" in text or text.startswith(b"\n")):
        # sooner, and small files have little else
        return (text if not text or text.endswith(b"\n") else text + b"\n").replace(b"\n", end)
    lines = csv_blocks.lines(text, dialect)
    whole = len(lines) - ends_inside_quotes(text, dialect.delimiter)
    rows = pc.binary_join_element_wise(lines.slice(0, whole), end.decode(), "")
    return b"".join(_bytes(each) for each in (rows, lines.slice(whole)))


def _bytes(texts: pa.StringArray) -> bytes:
    """Return texts as they follow each other in memory."""
    if not len(texts):
        return b""
    _, offsets, text = texts.buffers()
    ends = memoryview(offsets).cast("i")
    begin, stop = ends[texts.offset], ends[texts.offset + len(texts)]
    found: bytes = text.slice(begin, stop - begin).to_pybytes()
    return found
