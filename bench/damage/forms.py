"""Whole files of every form that `score` reads, each written in several ways."""

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import pyarrow as pa
from backports import zstd
from pyarrow import csv, ipc, parquet

from pricerange import synthetic
from pricerange.phone import FEATURE_NAMES
from pricerange.tables.flatbuffer import Table
from pricerange.tables.source.parquet_pages import pages_of

ROWS = 40
_ROWS_TOGETHER = 16
"""Rows of a row group, of a record batch, and of a member of compressed CSV."""
_DICTIONARY, _RECORD_BATCH = 2, 3
"""Kinds of Arrow's messages that have bodies."""


@dataclass(frozen=True, slots=True)
class Written:
    """A whole file: how it was written, its bytes, and which of them may change no answer.

    Of those, a checksum tells, or they are padding. Up to each of the `ends` the file is a whole one too. A
    `nested` one has columns that CSV has no form for.
    """

    name: str
    content: bytes
    covered: tuple[range, ...] = ()
    ends: tuple[int, ...] = ()
    nested: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """A form of files, by the end of their names; it may tell how many rows there are, beside the rows."""

    name: str
    ending: str
    counts_rows: bool
    files: tuple[Written, ...]


def forms() -> list[Form]:
    """Return all forms; another one needs a line here."""
    return [
        Form("Parquet", ".parquet", True, tuple(_parquet())),
        Form("Arrow", ".arrow", True, tuple(_arrow())),
        Form("CSV.gz", ".csv.gz", False, tuple(_gzip())),
        Form("CSV.zst", ".csv.zst", False, tuple(_zstd())),
        Form("CSV.bz2", ".csv.bz2", False, tuple(_members(bz2.compress))),
        Form("CSV.xz", ".csv.xz", False, tuple(_members(lzma.compress))),
        Form("NDJSON.gz", ".ndjson.gz", False, (_ndjson(),)),
    ]


def _phones(first: int = 0, rows: int = ROWS) -> pa.Table:
    features, _ = synthetic.phones(ROWS)
    columns = dict(zip(FEATURE_NAMES, features.T.round(3), strict=True))
    columns["ram"] = columns["ram"].astype(np.int64)
    notes = [f"{'note' * (number % 4)} {number}" for number in range(ROWS)]
    return pa.table({"id": np.arange(ROWS), **columns, "note": notes}).slice(first, rows)


def _nested(runs: bool) -> pa.Table:
    """Return phones beside columns of other types; runs of equal values are Arrow's alone."""
    texts = pa.array([f"text {number % 5}" if number % 7 else None for number in range(ROWS)])
    lists = pa.array([[number] * (number % 4) for number in range(ROWS)])
    columns = {
        "dictionary": texts.dictionary_encode(),
        "lists": lists,
        "large_lists": lists.cast(pa.large_list(pa.int64())),
        "pairs": pa.FixedSizeListArray.from_arrays(pa.array(np.arange(2 * ROWS)), 2),
        "structs": pa.StructArray.from_arrays([texts, lists], ["text", "list"]),
        "maps": pa.array(
            [[("key", number)] * (number % 3) for number in range(ROWS)], pa.map_("string", "int8")
        ),
        "large_text": texts.cast(pa.large_string()),
        "views": pa.array([f"a text that is not short {number}" for number in range(ROWS)], pa.string_view()),
        "binary": pa.array([bytes([number]) * (number % 5) for number in range(ROWS)]),
        "fixed": pa.array([bytes([number]) * 3 for number in range(ROWS)], pa.binary(3)),
        "decimal": pa.array(np.arange(ROWS)).cast(pa.decimal128(30, 2)),
        "time": pa.array(np.arange(ROWS)).cast(pa.timestamp("us", "UTC")),
        "truth": pa.array([None if number % 5 == 0 else number % 2 == 0 for number in range(ROWS)]),
        "nothing": pa.nulls(ROWS),
    }
    if runs:
        ends = pa.array([ROWS // 2, ROWS], pa.int32())
        columns["runs"] = pa.RunEndEncodedArray.from_arrays(ends, pa.array(["one text", "another"]))
        columns["dictionary_of_views"] = pa.DictionaryArray.from_arrays(
            pa.array(np.arange(ROWS) % 3), pa.array(["a", "b", "a text that is not short"], pa.string_view())
        )
    phones = _phones()
    return pa.table({**{name: phones[name] for name in phones.column_names}, **columns})


def _parquet() -> Iterator[Written]:
    checked = {"write_page_checksum": True}
    ways = {
        "dictionaries, snappy, checksums": {"compression": "snappy", **checked},
        "plain, checksums": {"compression": "none", "use_dictionary": False, **checked},
        "pages v2, zstd, checksums": {"compression": "zstd", "data_page_version": "2.0", **checked},
        "dictionaries, snappy": {"compression": "snappy"},
        "plain": {"compression": "none", "use_dictionary": False},
        "pages v2, lz4": {"compression": "lz4", "data_page_version": "2.0"},
        "small pages, brotli, an index": {
            "compression": "brotli",
            "data_page_size": 64,
            "write_batch_size": 4,
            "write_page_index": True,
        },
        "deltas, gzip": {
            "compression": "gzip",
            "use_dictionary": False,
            "column_encoding": {
                "id": "DELTA_BINARY_PACKED",
                "note": "DELTA_BYTE_ARRAY",
                "fc": "BYTE_STREAM_SPLIT",
            },
        },
    }
    for name, options in ways.items():
        yield _as_parquet(name, _phones(), options)
    yield _as_parquet("nested", _nested(runs=False), {}, nested=True)
    yield _as_parquet("nested, plain", _nested(runs=False), ways["plain"], nested=True)


def _as_parquet(name: str, table: pa.Table, options: dict[str, object], nested: bool = False) -> Written:
    with io.BytesIO() as file:
        parquet.write_table(table, file, row_group_size=_ROWS_TOGETHER, **options)
        content = file.getvalue()
    covered = tuple(_pages(content)) if "write_page_checksum" in options else ()
    return Written(name, content, covered, nested=nested)


def _pages(content: bytes) -> Iterator[range]:
    """Yield where a Parquet file's pages lie, their headers aside."""
    metadata = parquet.read_metadata(pa.BufferReader(content))
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for chunk in map(group.column, range(group.num_columns)):
            for page in pages_of(pa.BufferReader(content), chunk):
                yield range(page.begin, page.begin + page.compressed)


def _arrow() -> Iterator[Written]:
    for compression in (None, "lz4", "zstd"):
        options = ipc.IpcWriteOptions(compression=compression)
        for kind, new in (("file", ipc.new_file), ("stream", ipc.new_stream)):
            for nested in (False, True):
                table = _nested(runs=True) if nested else _phones()
                with io.BytesIO() as file:
                    with new(file, table.schema, options=options) as writer:
                        writer.write_table(table, max_chunksize=_ROWS_TOGETHER)
                    content = file.getvalue()
                name = f"{kind}, {compression or 'not compressed'}{', nested' * nested}"
                yield Written(name, content, tuple(_padding(content)), nested=nested)


def _padding(content: bytes) -> Iterator[range]:
    """Yield the bytes of Arrow's messages between their buffers."""
    place = 8 if content.startswith(b"ARROW1") else 0
    while length := int.from_bytes(content[place + 4 : place + 8], "little"):
        body = place + 8 + length
        message = Table.root(content, place + 8)
        stop = body + message.number("q", 3)
        if message.number("B", 1) in {_DICTIONARY, _RECORD_BATCH}:
            header = message.table(2)
            batch = header.table(1) if message.number("B", 1) == _DICTIONARY else header
            used = body
            for offset, size in sorted(batch.structs("qq", 2)):
                yield range(used, body + offset)
                used = body + offset + size
            yield range(used, stop)
        place = stop


def _csv() -> list[bytes]:
    """Return phones as CSV, in pieces; the first has the header."""
    pieces = []
    for first in range(0, ROWS, _ROWS_TOGETHER):
        with io.BytesIO() as file:
            rows = _phones(first, _ROWS_TOGETHER)
            csv.write_csv(rows, file, csv.WriteOptions(include_header=not first))
            pieces.append(file.getvalue())
    return pieces


def _gzip() -> Iterator[Written]:
    yield _compressed("one member", [gzip.compress(b"".join(_csv()), mtime=0)], checked=True)
    yield _compressed("stored", [gzip.compress(b"".join(_csv()), 0, mtime=0)], checked=True)
    yield _compressed("members", [gzip.compress(piece, mtime=0) for piece in _csv()], checked=True)


def _zstd() -> Iterator[Written]:
    for checked in (True, False):
        options = {zstd.CompressionParameter.checksum_flag: int(checked)}
        streamed = zstd.ZstdCompressor(options=options)
        unknown = streamed.compress(b"".join(_csv())) + streamed.flush()
        sums = ", checksums" if checked else ""
        yield _compressed(f"one frame{sums}", [zstd.compress(b"".join(_csv()), options=options)], checked)
        yield _compressed(f"a frame of unknown length{sums}", [unknown], checked)
        yield _compressed(
            f"frames{sums}", [zstd.compress(piece, options=options) for piece in _csv()], checked
        )


def _members(compress: Callable[[bytes], bytes]) -> Iterator[Written]:
    yield _compressed("one stream", [compress(b"".join(_csv()))], checked=True)
    yield _compressed("streams", [compress(piece) for piece in _csv()], checked=True)


def _ndjson() -> Written:
    lines = b"".join(json.dumps(row).encode() + b"\n" for row in _phones().to_pylist())
    return _compressed("one member", [gzip.compress(lines, mtime=0)], checked=True)


def _compressed(name: str, members: list[bytes], checked: bool) -> Written:
    content, ends = b"".join(members), tuple(accumulate(map(len, members)))
    return Written(name, content, (range(len(content)),) if checked else (), ends)
