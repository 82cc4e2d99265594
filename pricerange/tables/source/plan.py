"""How files are divided into shards, which are read at the same time, by their sizes and what they tell."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from pricerange.tables.source import blocks
from pricerange.tables.source.blocks import Shard, naming
from pricerange.tables.source.files import InputFile
from pricerange.tables.source.parquet_file import ParquetFile

_AT_ONCE = 16


def plan(files: Sequence[InputFile], split_texts: bool) -> list[Shard]:
    """Cut files into shards that can be read at the same time.

    Small files that follow each other are one. Another Parquet file gives one a part. So does a CSV or
    NDJSON file where `split_texts` asks to read it once for that; else it is one, as compressed and Arrow
    files are.

    Raises `TableNotFoundError`, `UnreadableTableError` or `BrokenBlockError`.
    """

    def planned(shard: Shard) -> list[Shard]:
        place, file = shard.file, files[shard.file]
        if shard.files:
            return [shard]
        with naming(file):
            if file.format == "parquet":
                return list(_plan_parquet(file, place))
            if split_texts and file.format in {"csv", "ndjson"} and not file.compression:
                return list(_plan_text(file, place))
            return [shard]

    # of many files in an object store each may take a while to answer
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return [shard for planned_shards in threads.map(planned, whole(files)) for shard in planned_shards]


def whole(files: Sequence[InputFile]) -> list[Shard]:
    """Return a shard for each file, but one for small files that follow each other."""
    # a large file shares its run with no other, and a stream may be large
    sizes = [
        blocks.PART_BYTES + 1 if file.size > blocks.SMALL_BYTES or file.is_stream else file.size
        for file in files
    ]
    return [
        Shard(run.start, files=len(run) if len(run) > 1 else 0)
        for run in runs(sizes, blocks.SHARING_FILES, blocks.PART_BYTES)
    ]


def runs(sizes: Sequence[int], most: int, most_bytes: int) -> Iterator[range]:
    """Cut files of these sizes into runs of at most so many, and of so many bytes where they are several."""
    start = size = 0
    for place, more in enumerate(sizes):
        if place > start and (place - start == most or size + more > most_bytes):
            yield range(start, place)
            start, size = place, 0
        size += more
    if sizes:
        yield range(start, len(sizes))


def _plan_text(file: InputFile, place: int) -> Iterator[Shard]:
    shard = Shard(place)
    row = shard.first_row
    for block in blocks.text_blocks(file):
        row += blocks.rows_of(block)
        if block.stop - shard.start >= blocks.PART_BYTES:
            yield replace(shard, stop=block.stop)
            shard = Shard(place, shard.part + 1, block.stop, None, row)
    yield shard


def _plan_parquet(file: InputFile, place: int) -> Iterator[Shard]:
    with ParquetFile(file) as table:
        shard = Shard(place)
        rows = 0
        for group in range(table.metadata.num_row_groups):
            rows += table.metadata.row_group(group).num_rows
            if rows >= blocks.PART_ROWS:
                yield replace(shard, stop=group + 1)
                shard = Shard(place, shard.part + 1, group + 1, None, shard.first_row + rows)
                rows = 0
        if rows or not shard.part:
            yield replace(shard, stop=table.metadata.num_row_groups)
