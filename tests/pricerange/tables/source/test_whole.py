"""Files that are more, or less, than they seem: every row that is there is in the answer, or none is."""

import bz2
import gzip
import io
import lzma
import struct

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import ipc, parquet
from scoring_tables import EXAMPLE, read

from pricerange.errors import PriceRangeError
from scoring.score import score

ROWS = 300


def table(first: int = 0, rows: int = ROWS) -> pa.Table:
    columns = {name: pa.array([float(value)] * rows) for name, value in EXAMPLE.items()}
    return pa.table({"id": list(range(first, first + rows)), **columns})


def stream(rows: pa.Table, batch: int = 128) -> bytes:
    with io.BytesIO() as file:
        with ipc.new_stream(file, rows.schema) as writer:
            writer.write_table(rows, max_chunksize=batch)
        return file.getvalue()


def arrow_file(rows: pa.Table, **options) -> bytes:
    with io.BytesIO() as file:
        with ipc.new_file(file, rows.schema, options=ipc.IpcWriteOptions(**options)) as writer:
            writer.write_table(rows, max_chunksize=128)
        return file.getvalue()


def as_parquet(rows: pa.Table, **options) -> bytes:
    with io.BytesIO() as file:
        parquet.write_table(rows, file, row_group_size=100, **options)
        return file.getvalue()


def as_csv(rows: pa.Table, header: bool = True) -> bytes:
    with io.BytesIO() as file:
        pa.csv.write_csv(rows, file, pa.csv.WriteOptions(include_header=header))
        return file.getvalue()


def zstd(content: bytes) -> bytes:
    return pa.Codec("zstd").compress(content, asbytes=True)


def unlisted(content: bytes) -> bytes:
    """Return an Arrow file whose footer tells of one record batch fewer than there are."""
    (length,) = struct.unpack("<i", content[-10:-6])
    footer = content[-10 - length : -10]
    # before the places of the batches stands how many there are
    places = [place for place in range(len(footer) - 12) if footer[place : place + 4] == b"\3\0\0\0"]
    (count,) = [
        place for place in places if 8 < struct.unpack_from("<q", footer, place + 4)[0] < len(content)
    ]
    return content[: -10 - length] + footer[:count] + b"\2" + footer[count + 1 :] + content[-10:]


FIRST, SECOND = table(), table(ROWS)
SKIPPABLE = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"


@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        pytest.param("a.arrow", stream(FIRST), ROWS, id="a stream"),
        pytest.param("a.arrow", stream(FIRST)[:-8] + b"\0\0\0\0", ROWS, id="a stream with the mark of old"),
        pytest.param("a.arrow", stream(table(0, 0)), 0, id="a stream without rows"),
        pytest.param("a.feather", arrow_file(FIRST), ROWS, id="an Arrow file"),
        pytest.param("a.feather", arrow_file(FIRST, compression="zstd"), ROWS, id="a compressed Arrow file"),
        pytest.param("a.feather", arrow_file(table(0, 0)), 0, id="an Arrow file without rows"),
        pytest.param("a.parquet", as_parquet(table(0, 0)), 0, id="Parquet without rows"),
        pytest.param("a.parquet", as_parquet(FIRST, write_page_index=True), ROWS, id="Parquet with an index"),
        pytest.param(
            "a.parquet", as_parquet(FIRST, write_page_checksum=True), ROWS, id="Parquet with checksums"
        ),
        pytest.param(
            "a.csv.gz",
            gzip.compress(as_csv(FIRST)) + gzip.compress(as_csv(SECOND, False)),
            2 * ROWS,
            id="gzip",
        ),
        pytest.param(
            "a.csv.bz2",
            bz2.compress(as_csv(FIRST)) + bz2.compress(b"") + bz2.compress(as_csv(SECOND, False)),
            2 * ROWS,
            id="bzip2",
        ),
        pytest.param(
            "a.csv.xz",
            lzma.compress(as_csv(FIRST)) + bytes(4) + lzma.compress(as_csv(SECOND, False)),
            2 * ROWS,
            id="xz",
        ),
        pytest.param("a.pq", as_parquet(FIRST), ROWS, id="Parquet by another ending"),
        pytest.param("a.arrows", stream(FIRST), ROWS, id="a stream by another ending"),
        pytest.param(
            "a.csv.zst",
            zstd(as_csv(FIRST)) + SKIPPABLE + zstd(as_csv(SECOND, False)),
            2 * ROWS,
            id="zstd",
        ),
        pytest.param("a.csv", as_csv(FIRST).replace(b'"id"', b'"i\0d"'), ROWS, id="a NUL in a name"),
    ],
)
def test_every_row_is_answered(tmp_path, model_repository, name, content, rows):
    (tmp_path / name).write_bytes(content)
    assert score([str(tmp_path / name)], tmp_path / "out.csv", model_repository).rows == rows
    ids = [next(iter(row.values())) for row in read(tmp_path / "out.csv")]
    assert ids == list(range(rows))


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def checksummed(**options) -> bytes:
    """Return Parquet with a bit of `ram` flipped that its page's checksum covers."""
    content = as_parquet(FIRST, write_page_checksum=True, compression="none", use_dictionary=False, **options)
    return flipped(content, content.index(struct.pack("<d", EXAMPLE["ram"]) * 100) + 5)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param(
            "a.arrow", stream(FIRST) * 2, "there is data after the end of the Arrow stream", id="streams"
        ),
        pytest.param(
            "a.arrow",
            stream(FIRST) + stream(SECOND, 1),
            "there is data after the end of the Arrow stream",
            id="streams of other batches",
        ),
        pytest.param(
            "a.arrow",
            stream(FIRST)[:-8] + b"\0\0\0\0" + stream(SECOND),
            "there is data after the end of the Arrow stream",
            id="a stream after one with the mark of old",
        ),
        pytest.param(
            "a.arrow", stream(FIRST) + b"\0", "there is data after the end", id="a byte after a stream"
        ),
        pytest.param(
            "a.arrow", stream(FIRST) + arrow_file(FIRST), "data after the end", id="a file after a stream"
        ),
        pytest.param(
            "a.arrow", stream(table(0, 0)) + stream(FIRST), "data after the end", id="none, then some"
        ),
        pytest.param(
            "a.arrow", stream(FIRST)[:-8], "no end-of-stream marker", id="a stream without its mark"
        ),
        pytest.param(
            "a.arrow", stream(FIRST)[:-1], "no end-of-stream marker|cannot be read", id="half a mark"
        ),
        pytest.param(
            "a.feather", arrow_file(FIRST) * 2, "its footer does not list what is there", id="files"
        ),
        pytest.param(
            "a.feather", unlisted(arrow_file(FIRST)), "its footer does not list", id="an unlisted batch"
        ),
        pytest.param("a.feather", arrow_file(FIRST) + b"junk", "cannot be read", id="bytes after a file"),
        pytest.param(
            "a.feather", arrow_file(FIRST) + stream(FIRST), "cannot be read", id="a stream after a file"
        ),
        pytest.param(
            "a.parquet", as_parquet(FIRST) * 2, "another Parquet file begins at byte", id="Parquet twice"
        ),
        pytest.param(
            "a.parquet",
            as_parquet(FIRST, write_page_index=True) + as_parquet(SECOND, write_page_index=True),
            "another Parquet file begins at byte",
            id="Parquet files with an index",
        ),
        pytest.param(
            "a.parquet",
            as_parquet(table(0, 0)) + as_parquet(FIRST),
            "cannot be read",
            id="Parquet, none then some",
        ),
        pytest.param(
            "a.parquet",
            as_parquet(FIRST) + as_parquet(table(0, 0)),
            "another Parquet",
            id="Parquet, some then none",
        ),
        pytest.param("a.parquet", as_parquet(FIRST) + b"junk", "cannot be read", id="bytes after Parquet"),
        pytest.param(
            "a.parquet", checksummed(), "CRC checksum verification failed", id="a checksum of Parquet"
        ),
        pytest.param(
            "a.parquet",
            checksummed(data_page_version="2.0"),
            "CRC checksum",
            id="a checksum of Parquet's pages, v2",
        ),
        pytest.param(
            "a.csv.gz", flipped(gzip.compress(as_csv(FIRST)), -6), "incorrect data check", id="of gzip"
        ),
        pytest.param(
            "a.csv.gz", gzip.compress(as_csv(FIRST)) + b"junk", "cannot be read", id="bytes after gzip"
        ),
        pytest.param("a.csv.gz", gzip.compress(as_csv(FIRST))[:-8], "Truncated", id="gzip without its end"),
        pytest.param("a.csv.bz2", bz2.compress(as_csv(FIRST)) + b"junk", "Invalid", id="bytes after bzip2"),
        pytest.param("a.csv.bz2", bz2.compress(as_csv(FIRST))[:-8], "ends early", id="bzip2 without its end"),
        pytest.param("a.csv.xz", lzma.compress(as_csv(FIRST)) + b"junk", "ends early", id="bytes after xz"),
        pytest.param("a.csv.xz", lzma.compress(as_csv(FIRST))[:-8], "ends early", id="xz without its end"),
        pytest.param("a.csv.zst", zstd(as_csv(FIRST)) + b"junk", "cannot be read", id="bytes after zstd"),
        pytest.param("a.csv", as_csv(FIRST) + b"\x1a", "row 301: expected 21 cells, found 1", id="^Z"),
        pytest.param(
            "a.csv", as_csv(FIRST) + b"\0" * 600, "row 301: expected 21 cells, found 1", id="NUL padding"
        ),
    ],
)
def test_no_row_is_lost_in_silence(tmp_path, model_repository, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PriceRangeError, match=message) as refused:
        score([str(tmp_path / name)], tmp_path / "out", model_repository)
    assert str(refused.value).startswith(str(tmp_path / name))


def by_polars(rows: pa.Table, **options) -> bytes:
    with io.BytesIO() as file:
        pl.from_arrow(rows).write_ipc(file, **options)
        return file.getvalue()


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
@pytest.mark.parametrize("rows", [0, 1, ROWS])
def test_an_arrow_file_of_polars_is_whole_and_two_of_them_are_not(
    tmp_path, model_repository, rows, compression
):
    content = by_polars(table(rows=rows), compression=compression)
    (tmp_path / "a.arrow").write_bytes(content)
    assert score([str(tmp_path / "a.arrow")], tmp_path / "out.parquet", model_repository).rows == rows
    (tmp_path / "b.arrow").write_bytes(2 * content)
    with pytest.raises(PriceRangeError, match="keep each Arrow file in a file of its own"):
        score([str(tmp_path / "b.arrow")], tmp_path / "out.parquet", model_repository)


@pytest.mark.parametrize("name", ["a.ndjson.gz", "a.ndjson.zst", "a.ndjson.bz2", "a.ndjson.xz", "a.csv.gz"])
def test_a_compressed_file_without_bytes_was_cut_short(tmp_path, model_repository, name):
    (tmp_path / name).touch()
    with pytest.raises(PriceRangeError, match="the compressed stream ends early"):
        score([str(tmp_path / name)], tmp_path / "out.parquet", model_repository)
