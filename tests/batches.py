"""A file as the reader of files streams it, its rows as columns whatever they were."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from pricerange.tables.csv.file import TextBlock
from pricerange.tables.csv.rows import parse
from pricerange.tables.source import blocks, files
from pricerange.tables.source.blocks import Shard


def batches(path: Path) -> Iterator[pa.RecordBatch]:
    (file,) = files.find([str(path)]).files
    for block in blocks.read(file, Shard(0)):
        content = block.content
        yield parse(content.text, content.header) if isinstance(content, TextBlock) else content
