"""A Parquet file as batches of rows, as many at a time as can be decoded within a bound."""

import gc
import re
from collections.abc import Iterator, Sequence
from functools import cached_property

import pyarrow as pa
from pyarrow import parquet

from pricerange.tables import expanded
from pricerange.tables.errors import BrokenBlockError
from pricerange.tables.names import selected
from pricerange.tables.source.files import InputFile
from pricerange.tables.source.parquet_pages import begin_of, longest_text, pages_of

READ_BYTES = 1 << 24
"""Bytes of a batch, about, and at most but for what a page holds."""
MOST_PAGES_BYTES = 1 << 27
"""Bytes of one page and the dictionary of each column of a row group: they are in memory at the same time.

Most writers make each at most a mebibyte long, so these are 64 columns of numbers that do not repeat.
"""
_MOST_INFLATION = 8
"""How often the compressed bytes of a row group its pages may have beyond that: wide tables have many."""
_BUFFER_BYTES = 1 << 20
"""Bytes of a column that are read at a time, where all of a row group might be more than fits in memory."""
_MAGIC, _TAIL_BYTES = b"PAR1", 8
"""What a file begins and ends with; before its end is the length of the footer."""
_LONG_FOOTER = 1 << 16
"""Bytes of a footer whose memory is not left to the garbage collector: it takes several times as much."""
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 12, "FLOAT": 4, "DOUBLE": 8}


class ParquetFile:
    """A file that is open for reading; `columns` are read, and what may be one of them; all if it is None."""

    def __init__(self, file: InputFile, columns: Sequence[str] | None = None) -> None:
        self._raw = file.open()
        try:
            self._table = parquet.ParquetFile(
                self._raw,
                # each column has a buffer of its own, which takes time to allocate
                buffer_size=max(min(_BUFFER_BYTES, file.size), 1),
                page_checksum_verification=True,
            )
        except BaseException:
            self._raw.close()
            raise
        self.metadata = self._table.metadata
        self.schema: pa.Schema = self._table.schema_arrow
        self._columns: list[str] | None = None
        if columns is not None:
            wanted = selected(self.schema.names, columns)
            fields = [field for field in self.schema if field.name in wanted]
            self.schema = pa.schema(fields, self.schema.metadata)
            self._columns = self.schema.names

    def batches(self, groups: range, rows: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows of row groups, at most so many at a time.

        Raises `BrokenBlockError` where a row group can be read only in more memory than `MOST_PAGES_BYTES`,
        and where the file is several that were joined: its end tells of the last of them alone.
        """
        if not groups.start:
            self._require_alone()
        # a table may have none of the columns that are read
        longest = max([1, *(self._row_bytes(group, READ_BYTES // rows) for group in groups)])
        # Arrow makes room for as many as may come, be there few
        there = sum(self.metadata.row_group(group).num_rows for group in groups)
        rows = max(min(READ_BYTES // longest, rows, there), 1)
        yield from self._table.iter_batches(rows, row_groups=groups, columns=self._columns, use_threads=False)

    def _require_alone(self) -> None:
        """Look for another file's end among the bytes before the footer that no column has.

        There are as many of them, at least, as that file has bytes.
        """
        size, groups = self._raw.size(), self.metadata.num_row_groups
        if size <= _BUFFER_BYTES and _MAGIC + _MAGIC not in self._raw.read_at(size, 0):
            return
        footer = size - _TAIL_BYTES - self.metadata.serialized_size
        group = self._sound_group(groups - 1) if groups else None
        chunks = [group.column(place) for place in range(group.num_columns)] if group else []
        used = max((begin_of(chunk) + chunk.total_compressed_size for chunk in chunks), default=len(_MAGIC))
        most = footer - used
        for begin in range(0, most, _BUFFER_BYTES):
            read = self._raw.read_at(min(_BUFFER_BYTES, most - begin) + len(_MAGIC), begin)
            for found in re.finditer(_MAGIC + _MAGIC, read):
                place = begin + found.start() + len(_MAGIC)
                if self._is_end(place):
                    reason = f"another Parquet file begins at byte {place}; keep each in a file of its own"
                    raise BrokenBlockError(None, reason)

    def _is_end(self, stop: int) -> bool:
        """Whether a whole file ends before this byte."""
        length = int.from_bytes(self._raw.read_at(4, max(stop - _TAIL_BYTES, 0)), "little")
        if not 0 < length <= stop - _TAIL_BYTES - len(_MAGIC):
            return False
        end = self._raw.read_at(length + _TAIL_BYTES, stop - _TAIL_BYTES - length)
        try:
            parquet.read_metadata(pa.BufferReader(end))
        except (OSError, pa.ArrowException):
            return False
        return True

    def _row_bytes(self, number: int, small: int) -> int:
        """Return how long each of many rows may be; texts of at most `small` bytes need not be measured."""
        group, row = self.metadata.row_group(number), self._fixed_bytes
        if row and max(group.total_byte_size, row * group.num_rows) <= _BUFFER_BYTES:
            return row
        group = self._sound_group(number)
        row = pages = compressed = 0
        for place in range(group.num_columns):
            chunk, column = group.column(place), self.metadata.schema.column(place)
            if not self._is_read(chunk.path_in_schema):
                continue
            in_pages, value = self._measured(chunk, column.length, small)
            pages += in_pages
            compressed += chunk.total_compressed_size
            in_row = -(-chunk.num_values // max(group.num_rows, 1)) if column.max_repetition_level else 1
            row += value * max(in_row, 1)
        if pages > max(MOST_PAGES_BYTES, _MOST_INFLATION * compressed):
            raise BrokenBlockError(
                None,
                f"its row group {number} has pages that take {pages} bytes at a time, expected at most "
                f"{MOST_PAGES_BYTES}; write smaller pages, or leave columns out by `--columns`",
            )
        return row

    @cached_property
    def _fixed_bytes(self) -> int:
        """Return how long a row of numbers is, 0 where one of its columns may be of any length."""
        each = [expanded.FIXED_BYTES.get(kind.id, 0) for kind in self.schema.types]
        return sum(each) if all(each) else 0

    def _sound_group(self, number: int) -> parquet.RowGroupMetaData:
        """Return what the footer says of a row group, after Arrow began to read it, and read nothing.

        What is wrong there Arrow raises. Where Python asks for such metadata, the process ends instead.
        """
        group, columns = self.metadata.row_group(number), self.metadata.num_columns
        if group.num_columns != columns:
            reason = f"its row group {number} has {group.num_columns} columns, expected {columns}"
            raise BrokenBlockError(None, reason)
        # of no columns, Arrow would count the batches of no rows
        for _ in self._table.reader.iter_batches(0, [number], None, False) if columns else ():
            pass
        return group

    def _measured(self, chunk: parquet.ColumnChunkMetaData, length: int, small: int) -> tuple[int, int]:
        """Return the bytes of a column chunk's largest page and dictionary, and of each of many values."""
        width = _WIDTHS.get(chunk.physical_type) or length
        if width and chunk.total_uncompressed_size <= _BUFFER_BYTES:
            return chunk.total_uncompressed_size, width
        pages = list(pages_of(self._raw, chunk))
        memory = sum(
            max((page.memory for page in pages if page.is_dictionary == is_dictionary), default=0)
            for is_dictionary in (True, False)
        )
        if not width and memory <= MOST_PAGES_BYTES:
            width = longest_text(self._raw, chunk.compression, pages, small)
        return memory, max(width, 1)

    def _is_read(self, path: str) -> bool:
        """Whether a leaf belongs to a column that is read."""
        return self._columns is None or any(
            path == name or path.startswith(f"{name}.") for name in self._columns
        )

    def __enter__(self) -> "ParquetFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._table.close()
        self._raw.close()
        # pyarrow's metadata and schema hold each other: megabytes that few Python objects stand for
        if self.metadata.serialized_size > _LONG_FOOTER:
            del self._table, self.metadata
            gc.collect()
