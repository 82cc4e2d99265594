"""Files as streams of blocks of rows; a run of blocks is a part, and parts are where reading may begin."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import ipc, parquet

from pricerange.errors import TableNotFoundError, UnreadableTableError
from pricerange.tables.csv import blocks as csv_blocks
from pricerange.tables.csv import file as csv_file
from pricerange.tables.csv.file import TextBlock
from scoring.source.files import InputFile

BLOCK_ROWS = 16_384
"""Rows of a block of Parquet or Arrow: its numbers stay in the core's cache."""
_AT_ONCE = 16
PART_ROWS = 1 << 20
"""Rows, at least, of a part of a Parquet or Arrow file, but for the last."""
PART_BYTES = 1 << 26
"""Bytes, at least, of a part of a CSV file before compression, but for the last; about as many phones."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A run of parts of a file that is read in one go: to the end where there is no `stop`.

    `file` is the file's place in the job. `start` and `stop` count bytes of CSV before compression, row
    groups of Parquet, record batches of Arrow. `part` is the number of the first part in the file,
    `first_row` that of its first row, from 1.
    """

    file: int
    part: int = 0
    start: int = 0
    stop: int | None = None
    first_row: int = 1


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of a part, as columns or as CSV stands there; a shard can begin where the last of a part stops."""

    part: int
    stop: int
    content: pa.RecordBatch | TextBlock


def read(file: InputFile, shard: Shard, columns: Sequence[str] | None = None) -> Iterator[Block]:
    """Stream a shard's blocks; at least one from a file's start, so that the columns are always known.

    Of Parquet only `columns` are read, where any are named. Raises `TableNotFoundError`,
    `UnreadableTableError`, `BrokenBlockError`, or `SourceChangedError` at the end of the shard.
    """
    with _naming(file):
        match file.format:
            case "csv":
                yield from _read_csv(file, shard)
            case "parquet":
                yield from _read_parquet(file, shard, columns)
            case "arrow":
                yield from _read_arrow(file, shard)
        file.require_unchanged()


def plan(files: Sequence[InputFile], split_csv: bool) -> list[Shard]:
    """Cut files into shards that can be read at the same time.

    A Parquet file gives one a part. So does a CSV file where `split_csv` asks to read it once for that;
    else it is one, as compressed and Arrow files are.

    Raises `TableNotFoundError`, `UnreadableTableError` or `BrokenBlockError`.
    """

    def planned(place: int, file: InputFile) -> list[Shard]:
        with _naming(file):
            if file.format == "parquet":
                return list(_plan_parquet(file, place))
            if split_csv and file.format == "csv" and not file.compression:
                return list(_plan_csv(file, place))
            return [Shard(place)]

    # of many files in an object store each may take a while to answer
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return [shard for shards in threads.map(planned, range(len(files)), files) for shard in shards]


def about_rows(files: Sequence[InputFile]) -> int:
    """Return about how many rows files have, judged by the first of them, and those by their beginnings."""
    looked_at = files[:_AT_ONCE]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        rows = sum(threads.map(_about_rows, looked_at))
    return rows * sum(file.size for file in files) // max(sum(file.size for file in looked_at), 1)


def _about_rows(file: InputFile) -> int:
    with _naming(file):
        match file.format:
            case "parquet":
                with parquet.ParquetFile(file.open()) as table:
                    return int(table.metadata.num_rows)
            case "csv":
                with file.open() as raw:
                    stream = pa.CompressedInputStream(raw, file.compression) if file.compression else raw
                    lines = stream.read(csv_file.BLOCK_BYTES).count(b"\n")
                    return int(file.size * lines / max(raw.tell(), 1))
            case "arrow":
                with _Batches(file) as batches:
                    return sum(len(batch) for batch in batches.first()) * max(len(batches), 1)


@contextmanager
def _naming(file: InputFile) -> Iterator[None]:
    """Raise what the file system and Arrow say of a file as errors that name it."""
    try:
        yield
    except FileNotFoundError as error:
        raise TableNotFoundError(file.name) from error
    except (OSError, pa.ArrowException) as error:
        raise UnreadableTableError(file.name, str(error)) from error


def _read_csv(file: InputFile, shard: Shard) -> Iterator[Block]:
    part, begun = shard.part, shard.start
    for block in csv_file.blocks(file.stream, shard.start):
        yield Block(part, block.stop, block)
        if block.stop == shard.stop:
            return
        if block.stop - begun >= PART_BYTES:
            part, begun = part + 1, block.stop


def _plan_csv(file: InputFile, place: int) -> Iterator[Shard]:
    shard = Shard(place)
    row = shard.first_row
    for block in csv_file.blocks(file.stream):
        row += len(csv_blocks.lines(block.text))
        if block.stop - shard.start >= PART_BYTES:
            yield replace(shard, stop=block.stop)
            shard = Shard(place, shard.part + 1, block.stop, None, row)
    yield shard


def _read_parquet(file: InputFile, shard: Shard, columns: Sequence[str] | None) -> Iterator[Block]:
    with parquet.ParquetFile(file.open()) as table:
        stop = table.num_row_groups if shard.stop is None else shard.stop
        if columns is not None:
            columns = [name for name in table.schema_arrow.names if name in columns]
        rows = 0
        batches = table.iter_batches(
            BLOCK_ROWS, row_groups=range(shard.start, stop), columns=columns, use_threads=False
        )
        for batch in batches:
            rows += batch.num_rows
            yield Block(shard.part, stop, _settled(batch))
        if not rows and not shard.start:
            empty = _settled(pa.RecordBatch.from_pylist([], schema=table.schema_arrow))
            places = [k for k, name in enumerate(empty.schema.names) if columns is None or name in columns]
            yield Block(shard.part, stop, empty.select(places))


def _plan_parquet(file: InputFile, place: int) -> Iterator[Shard]:
    with parquet.ParquetFile(file.open()) as table:
        shard = Shard(place)
        rows = 0
        for group in range(table.num_row_groups):
            rows += table.metadata.row_group(group).num_rows
            if rows >= PART_ROWS:
                yield replace(shard, stop=group + 1)
                shard = Shard(place, shard.part + 1, group + 1, None, shard.first_row + rows)
                rows = 0
        if rows or not shard.part:
            yield replace(shard, stop=table.num_row_groups)


def _read_arrow(file: InputFile, shard: Shard) -> Iterator[Block]:
    with _Batches(file) as batches:
        part, rows, number = shard.part, 0, shard.start
        for number, batch in enumerate(batches.since(shard.start), shard.start + 1):
            for start in range(0, max(batch.num_rows, 1), BLOCK_ROWS):
                yield Block(part, number, _settled(batch.slice(start, BLOCK_ROWS)))
            rows += batch.num_rows
            if rows >= PART_ROWS:
                part, rows = part + 1, 0
        if not number:
            yield Block(part, 0, _settled(pa.RecordBatch.from_pylist([], schema=batches.schema)))


def _settled(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Turn views and runs into the values that they stand for: of those Arrow cannot filter rows."""
    for place, field in enumerate(batch.schema):
        kind, column = field.type, batch.column(place)
        if pa.types.is_run_end_encoded(kind):
            column = pc.run_end_decode(column)
        if pa.types.is_string_view(column.type):
            column = column.cast(pa.large_string())
        if pa.types.is_binary_view(column.type):
            column = column.cast(pa.large_binary())
        if column.type != kind:
            batch = batch.set_column(place, field.with_type(column.type), column)
    return batch


class _Batches:
    """The record batches of an Arrow IPC file, or of a stream in a file."""

    _MAGIC = b"ARROW1"

    def __init__(self, file: InputFile) -> None:
        self._file = file.open()
        is_file = self._file.read(len(self._MAGIC)) == self._MAGIC
        self._file.seek(0)
        self._reader = ipc.open_file(self._file) if is_file else ipc.open_stream(self._file)
        self._is_file = is_file
        self.schema: pa.Schema = self._reader.schema

    def __len__(self) -> int:
        """How many there are; of a stream, that is known to be one only."""
        return int(self._reader.num_record_batches) if self._is_file else 1

    def since(self, start: int) -> Iterator[pa.RecordBatch]:
        """Yield them from number `start` on."""
        if self._is_file:
            for number in range(start, self._reader.num_record_batches):
                yield self._reader.get_batch(number)
            return
        for number, batch in enumerate(self._reader):
            if number >= start:
                yield batch

    def first(self) -> list[pa.RecordBatch]:
        """Return the first, if there is one."""
        return [batch for batch, _ in zip(self.since(0), range(1), strict=False)]

    def __enter__(self) -> "_Batches":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
