"""Whole small files side by side as one block, as long as their columns are the same and a block has room."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TypeAlias

import pyarrow as pa

from pricerange.errors import PriceRangeError
from pricerange.tables import expanded
from pricerange.tables.csv import file as csv_file
from pricerange.tables.csv.file import TextBlock
from pricerange.tables.csv.text import ends_inside_quotes
from pricerange.tables.json import file as json_file
from pricerange.tables.json.file import LineBlock
from pricerange.tables.source import blocks
from pricerange.tables.source.blocks import Block, Content, Member

_LINE_ENDS = (b"\n", b"\r")
_COLUMN_BYTES = 512
"""What a column of a record batch takes in memory beside its buffers, about."""


_Columns: TypeAlias = "list[str] | tuple[str, ...] | pa.Schema"
"""What has to be the same where rows are to share a part; of NDJSON it is a tuple."""


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of a file, all of them where they are `whole`; `file` is its place in the job."""

    file: int
    content: Content
    whole: bool


def joined(contents: Iterable[Found]) -> Iterator[Block]:
    """Join files into blocks; a part begins with the first, where columns change, and where one is full.

    A file of NDJSON may lack columns of the part's first one, as a line may. An error of the files comes
    after what there was before it.
    """
    columns: _Columns | None = None
    part = last = -1
    filled = 0.0
    side_by_side = _SideBySide()
    try:
        for found in contents:
            if found.file != last:
                last, of_file = found.file, _columns(found.content)
                if isinstance(of_file, tuple) and columns == () and not filled:  # there were no lines yet
                    columns = of_file
                if columns is None or filled >= 1 or not _may_share(of_file, columns):
                    yield from side_by_side.taken(part)
                    part, filled, columns = last, 0.0, of_file
            content = found.content
            filled += _share_of_part(content)
            if isinstance(content, LineBlock) and isinstance(columns, tuple):
                content = replace(content, columns=columns)
            member = Member(found.file, content)
            if not found.whole or not _may_be_followed(content):
                yield from side_by_side.taken(part)
                yield Block(part, 0, member.content, (member,))
                continue
            length = _length(member.content)
            if not side_by_side.has_room(member, length):
                yield from side_by_side.taken(part)
            side_by_side.add(member, length)
    except PriceRangeError:
        yield from side_by_side.taken(part)
        raise
    yield from side_by_side.taken(part)


_Length: TypeAlias = tuple[int, int]
"""Bytes and rows."""


@dataclass(slots=True)
class _SideBySide:
    """Files that are going to be a block."""

    members: list[Member] = field(default_factory=list)
    bytes: int = 0
    rows: int = 0

    def has_room(self, member: Member, length: _Length) -> bool:
        """Whether a block may also hold another file."""
        match member.content:
            case TextBlock():
                most_bytes, most_rows = csv_file.BLOCK_BYTES, blocks.TEXT_ROWS
            case LineBlock():
                most_bytes, most_rows = json_file.BLOCK_BYTES, blocks.LINE_ROWS
            case _:
                most_bytes, most_rows = expanded.BLOCK_BYTES, blocks.BLOCK_ROWS
        return self.bytes + length[0] <= most_bytes and self.rows + length[1] <= most_rows

    def add(self, member: Member, length: _Length) -> None:
        """Put another file behind those that are there."""
        self.members.append(member)
        self.bytes += length[0]
        self.rows += length[1]

    def taken(self, part: int) -> Iterator[Block]:
        """Yield the files as a block of a part, or one each where Arrow cannot join them, and begin anew."""
        members = tuple(self.members)
        self.members.clear()
        self.bytes = self.rows = 0
        if not members:
            return
        try:
            content = _side_by_side([member.content for member in members])
        except pa.ArrowException:
            for member in members:
                yield Block(part, 0, member.content, (member,))
        else:
            yield Block(part, 0, content, members)


def _columns(content: Content) -> _Columns:
    match content:
        case TextBlock():
            return [*content.header, content.dialect]
        case LineBlock():
            return content.columns
        case _:
            return content.schema


def _may_share(columns: _Columns, first: _Columns) -> bool:
    """Whether a file may share a part with those before it; a line of NDJSON may lack fields."""
    if isinstance(columns, tuple) and isinstance(first, tuple):
        return set(columns) <= set(first)
    return type(columns) is type(first) and columns == first


def _share_of_part(content: Content) -> float:
    match content:
        case TextBlock():
            return len(content.text) / blocks.PART_BYTES
        case LineBlock():
            return _length(content)[0] / blocks.PART_BYTES
        case _:
            return int(content.num_rows) / blocks.PART_ROWS


def _may_be_followed(content: Content) -> bool:
    """Whether rows may stand behind these: an open quote would swallow them."""
    if not isinstance(content, TextBlock):
        return True
    return not ends_inside_quotes(content.text, content.dialect.delimiter)


def _length(content: Content) -> _Length:
    """Return bytes and rows, or more: what is counted is what they take in memory, and lines."""
    if isinstance(content, LineBlock):
        return sum(map(len, content.texts)) + len(content.texts), len(content.texts)
    if isinstance(content, TextBlock):
        return len(content.text) + 1, content.text.count(b"\n") + content.text.count(b"\r") + 1
    in_memory = content.get_total_buffer_size() + _COLUMN_BYTES * content.num_columns
    return max(expanded.size(content), in_memory), content.num_rows


def _side_by_side(contents: list[Content]) -> Content:
    """Join rows of the same columns. Raises `ArrowException` for columns that cannot be."""
    first = contents[0]
    if len(contents) == 1:
        return first
    if isinstance(first, TextBlock):
        texts = [content.text for content in contents if isinstance(content, TextBlock)]
        ended = [text if not text or text.endswith(_LINE_ENDS) else text + b"\n" for text in texts]
        return TextBlock(first.header, b"".join(ended), 0, first.dialect)
    last = contents[-1]
    if isinstance(last, LineBlock):
        lines = [content.texts for content in contents if isinstance(content, LineBlock)]
        # those of the part, as they are known with its last file
        return replace(last, texts=list(chain.from_iterable(lines)), stop=0)
    batches = pa.Table.from_batches(contents).combine_chunks().to_batches()
    return batches[0] if batches else first
