"""Streams: their form is told by their first bytes, and nothing of them is kept that need not be."""

import bz2
import gzip
import io
import json
import lzma
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import csv, ipc, parquet
from scoring_tables import EXAMPLE, read, write

from pricerange.errors import PriceRangeError
from pricerange.tables.errors import RepeatedInputError, UnreadableTableError
from pricerange.tables.source import blocks, files, pipe, plan
from pricerange.tables.source.blocks import Shard
from scoring.order import Options
from scoring.score import look, score

TABLE = pa.table({name: [float(value)] * 50 for name, value in EXAMPLE.items()} | {"id": list(range(50))})


def made(write) -> bytes:
    with io.BytesIO() as file:
        write(file)
        return file.getvalue()


def as_arrow(new):
    def write(file):
        with new(file, TABLE.schema) as writer:
            writer.write_table(TABLE)

    return write


CSV = made(lambda file: csv.write_csv(TABLE, file))
FORMS = {
    "csv": CSV,
    "gzip": gzip.compress(CSV),
    "zstd": pa.Codec("zstd").compress(CSV, asbytes=True),
    "bz2": bz2.compress(CSV),
    "xz": lzma.compress(CSV),
    "parquet": made(lambda file: parquet.write_table(TABLE, file, row_group_size=9)),
    "arrow": made(as_arrow(ipc.new_file)),
    "arrow stream": made(as_arrow(ipc.new_stream)),
}


@contextmanager
def piped(content: bytes) -> Iterator[str]:
    """Lend the path of a pipe that a thread writes to, in small pieces, for as long as someone reads."""
    reading, writing = os.pipe()

    def write() -> None:
        try:
            for start in range(0, len(content), 1_000):
                os.write(writing, content[start : start + 1_000])
        except BrokenPipeError:
            pass
        finally:
            os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield f"/dev/fd/{reading}"
    finally:
        os.close(reading)
        writer.join()


@pytest.mark.parametrize("form", FORMS)
def test_a_stream_in_any_form_gets_the_answers_of_the_file(tmp_path, model_repository, form):
    (tmp_path / "in.csv").write_bytes(CSV)
    score([str(tmp_path / "in.csv")], tmp_path / "file.parquet", model_repository)
    with piped(FORMS[form]) as path:
        assert score([path], tmp_path / "stream.parquet", model_repository).rows == 50
    found, expected = (parquet.read_table(tmp_path / f"{name}.parquet") for name in ("stream", "file"))
    # Parquet and Arrow have types
    assert found.cast(expected.schema).equals(expected)


@pytest.mark.parametrize("form", FORMS)
def test_a_stream_that_is_cut_short_ends_the_job(tmp_path, model_repository, form):
    content = FORMS[form] if form != "csv" else CSV + b'"1'
    with piped(content[:-3] if form != "csv" else content) as path, pytest.raises(PriceRangeError) as refused:
        score([path], tmp_path / "out.csv", model_repository)
    assert str(refused.value).startswith(path)
    assert not (tmp_path / "out.csv").exists()


def test_a_pipe_with_a_name_is_a_stream(tmp_path, model_repository):
    os.mkfifo(tmp_path / "a.fifo")
    writer = threading.Thread(target=(tmp_path / "a.fifo").write_bytes, args=(CSV,))
    writer.start()
    assert score([str(tmp_path / "a.fifo")], tmp_path / "out.csv", model_repository).rows == 50
    writer.join()


def test_streams_and_files_follow_each_other(tmp_path, model_repository):
    (tmp_path / "in.csv").write_bytes(CSV)
    with piped(FORMS["gzip"]) as first, piped(CSV) as second:
        summary = score([first, str(tmp_path / "in.csv"), second], tmp_path / "out.csv", model_repository)
    assert (summary.rows, summary.files) == (150, 3)


def test_a_stream_is_named_once():
    with piped(CSV) as path, pytest.raises(RepeatedInputError, match="is named twice"):
        files.find([path, path])


def test_a_stream_is_no_small_file_and_has_no_length():
    with piped(CSV) as path:
        found = files.find([path]).files
        assert found[0].is_stream
        assert blocks.about_rows(found) is None
        assert plan.plan(found, split_texts=False) == [Shard(0)]
    with piped(FORMS["parquet"]) as path:
        found = files.find([path]).files
        assert not found[0].is_stream
        assert blocks.about_rows(found) == 50


def test_a_stream_in_another_form_is_named_as_what_it_is(tmp_path, model_repository):
    with piped(CSV.decode().encode("utf-16")) as path, pytest.raises(UnreadableTableError, match="UTF-16"):
        score([path], tmp_path / "out.csv", model_repository)


@pytest.mark.parametrize("form", FORMS)
def test_a_dry_run_looks_at_the_beginning(tmp_path, model_repository, form):
    with piped(FORMS[form]) as path:
        said = look([path], tmp_path / "out.csv", model_repository)
    assert "  features: 20 of 20\n  kept beside them: id\nrows looked at: 50, 0 of them no" in said


def test_a_dry_run_leaves_the_rest_of_a_stream(tmp_path, model_repository):
    header, rows = CSV.split(b"\n", 1)
    with piped(header + b"\n" + rows * 3_000) as path:
        said = look([path], tmp_path / "out.csv", model_repository)
    assert "1 files, of a length that is not known, since a stream is among them" in said


def test_the_beginning_of_a_stream_is_kept_until_more_was_read(monkeypatch):
    monkeypatch.setattr(pipe, "_KEPT_BYTES", 3_000)
    with piped(b"0123456789" * 1_000) as path:
        stream = pipe.Pipe(path)
        assert stream.beginning(64) == (b"0123456789" * 7)[:64]
        first, second = stream.open(), stream.open()
        read = first.read(500)
        assert second.read(len(read)) == read
        while part := first.read(1_000):
            read += part
        assert read == b"0123456789" * 1_000
        with pytest.raises(OSError, match="a stream can be read only once"):
            stream.open().read(1)


def descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_a_descriptor_is_closed_with_its_stream():
    before = descriptors()
    for content in (CSV, FORMS["parquet"]):
        with piped(content) as path:
            list(blocks.read(files.find([path]).files[0], Shard(0)))
    assert descriptors() == before


def test_rows_of_a_stream_cannot_become_a_folder_of_parts(tmp_path, model_repository):
    with (
        piped(CSV) as path,
        pytest.raises(PriceRangeError, match="save it to a file first, or use a file as"),
    ):
        score([path], tmp_path / "out", model_repository, options=Options("null"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "compress", [bytes, gzip.compress, bz2.compress, lzma.compress, pa.Codec("zstd").compress]
)
def test_a_stream_of_ndjson_is_told_by_its_first_bytes_also_where_it_is_compressed(
    tmp_path, model_repository, compress
):
    lines = "".join(json.dumps(row) + "\n" for row in TABLE.to_pylist()).encode()
    with piped(bytes(compress(lines))) as path:
        score([path], tmp_path / "stream.csv", model_repository)
    write(TABLE, tmp_path / "a.csv")
    score([str(tmp_path / "a.csv")], tmp_path / "file.csv", model_repository)
    assert read(tmp_path / "stream.csv") == read(tmp_path / "file.csv")
