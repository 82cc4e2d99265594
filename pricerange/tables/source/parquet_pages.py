"""What a Parquet column's pages tell of the memory that it takes to read them, before any is decompressed.

The layout is that of `parquet.thrift`, in Thrift's compact protocol; a page's header precedes its bytes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from pyarrow import parquet

from pricerange.tables.errors import BrokenBlockError

_FIRST_READ = 1 << 10
_MOST_HEADER_BYTES = 1 << 24
"""Bytes of a page's header, which may hold two of its values; Arrow reads no longer one either."""
_DICTIONARY_PAGE = 2
_PLAIN_DICTIONARY, _DELTA_LENGTH, _DELTA_BYTES, _RLE_DICTIONARY = 2, 6, 7, 8


@dataclass(frozen=True, slots=True)
class Page:
    """A page: where it lies compressed, its bytes once decompressed, its values, how those are written."""

    is_dictionary: bool
    begin: int
    compressed: int
    bytes: int
    values: int
    encoding: int

    @property
    def memory(self) -> int:
        """Bytes that it takes as a whole; texts that follow all of their lengths have those decoded first."""
        return self.bytes + (8 * self.values if self.encoding in {_DELTA_LENGTH, _DELTA_BYTES} else 0)


def begin_of(chunk: parquet.ColumnChunkMetaData) -> int:
    """Return where a column chunk begins: with its dictionary, where it has one."""
    data = int(chunk.data_page_offset)
    if chunk.has_dictionary_page and chunk.dictionary_page_offset:
        # without rows there are no data pages
        return min(int(chunk.dictionary_page_offset), data or int(chunk.dictionary_page_offset))
    return data


def pages_of(file: pa.NativeFile, chunk: parquet.ColumnChunkMetaData) -> Iterator[Page]:
    """Yield a column chunk's pages by their headers. Raises `BrokenBlockError` for what is none."""
    place = begin_of(chunk)
    stop = place + chunk.total_compressed_size
    while place < stop:
        header, begin = _header(file, place, stop)
        kind, size, compressed = (header.number(number) for number in (1, 2, 3))
        # of data pages, of a dictionary, of data pages of the second version
        of_kind = next((number for number in (5, 7, 8) if number in header.structs), 5)
        about = header.structs.get(of_kind, _Fields())
        values, encoding = about.number(1), about.number(4 if of_kind == 8 else 2)
        if min(size, compressed, values) < 0:
            raise BrokenBlockError(None, f"there is no Parquet page at byte {place}")
        yield Page(kind == _DICTIONARY_PAGE, begin, compressed, size, values, encoding)
        place = begin + compressed


def longest_text(file: pa.NativeFile, compression: str, pages: Sequence[Page], small: int) -> int:
    """Return how long each of many texts in a row may be; a few more may together be as long as a page.

    A dictionary of more than `small` bytes is looked into.
    """
    longest = 0
    for page in pages:
        if page.is_dictionary:
            found = page.bytes if page.bytes <= small else _longest_of(file, compression, page)
        elif page.encoding in {_PLAIN_DICTIONARY, _RLE_DICTIONARY}:
            continue
        elif page.encoding == _DELTA_BYTES:  # a text may begin with all of the one before it
            found = page.bytes
        else:
            found = -(-page.bytes // max(page.values, 1))
        longest = max(longest, found)
    return longest


def _longest_of(file: pa.NativeFile, compression: str, page: Page) -> int:
    """Return the length of a dictionary's longest text; that of the page where it cannot be told."""
    content = file.read_at(page.compressed, page.begin)
    if compression != "UNCOMPRESSED":
        try:
            codec = pa.Codec({"LZ4": "lz4_raw"}.get(compression, compression.lower()))
            content = codec.decompress(content, page.bytes, asbytes=True)
        except (pa.ArrowException, OSError, ValueError):
            return page.bytes
    place = longest = 0
    while place < len(content):
        length = int.from_bytes(content[place : place + 4], "little")
        place += 4 + length
        longest = max(longest, length)
    return min(longest, page.bytes)


@dataclass(frozen=True, slots=True)
class _Fields:
    """The fields of a struct by their numbers, as far as they are whole numbers and structs."""

    numbers: dict[int, int] = field(default_factory=dict)
    structs: dict[int, "_Fields"] = field(default_factory=dict)

    def number(self, place: int) -> int:
        """Return a whole number, 0 where there is none."""
        return self.numbers.get(place, 0)


def _header(file: pa.NativeFile, place: int, stop: int) -> tuple[_Fields, int]:
    """Return a page's header and the place after it."""
    wanted = _FIRST_READ
    while True:
        read = file.read_at(min(wanted, stop - place), place)
        try:
            compact = _Compact(read)
            return compact.struct(), place + compact.place
        except (IndexError, RecursionError):
            if wanted >= min(_MOST_HEADER_BYTES, stop - place):
                raise BrokenBlockError(None, f"there is no Parquet page at byte {place}") from None
        wanted *= 16


class _Compact:
    """Values in Thrift's compact protocol; text is passed over. Raises `IndexError` at the end."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.place = 0

    def struct(self) -> _Fields:
        """Return what a struct holds."""
        found, number = _Fields(), 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._whole()
            match head & 15:
                case 1 | 2:  # truth values: the type is the value
                    pass
                case 4 | 5 | 6:
                    found.numbers[number] = self._whole()
                case 12:
                    found.structs[number] = self.struct()
                case kind:
                    self._pass(kind)
        return found

    def _pass(self, kind: int) -> None:
        """Pass over a value that is not looked at."""
        match kind:
            case 1 | 2 | 3:
                self._byte()
            case 4 | 5 | 6:
                self._whole()
            case 7:
                self._skip(8)
            case 8:
                self._skip(self._varint())
            case 9 | 10:
                head = self._byte()
                for _ in range(self._varint() if head >> 4 == 15 else head >> 4):
                    self._pass(head & 15)
            case 12:
                self.struct()
            case _:
                raise IndexError

    def _skip(self, count: int) -> None:
        self.place += count
        if self.place > len(self._content):
            raise IndexError

    def _byte(self) -> int:
        self._skip(1)
        return self._content[self.place - 1]

    def _varint(self) -> int:
        number = shift = 0
        while shift < 64:
            byte = self._byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
            shift += 7
        raise IndexError

    def _whole(self) -> int:
        number = self._varint()
        return number >> 1 ^ -(number & 1)
