"""What form a table is in, by its name and by its first bytes."""

import bz2
import gzip
import lzma

import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

from pricerange.tables import forms
from pricerange.tables.forms import Form

TABLE = pa.table({"ram": [1]})


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.csv", Form("csv")),
        ("A.CSV.GZ", Form("csv", "gzip")),
        ("a.csv.zst", Form("csv", "zstd")),
        ("a.csv.bz2", Form("csv", "bz2")),
        ("a.csv.xz", Form("csv", "xz")),
        ("a.tsv", Form("csv", None, "\t")),
        ("a.tsv.xz", Form("csv", "xz", "\t")),
        ("a.parquet", Form("parquet")),
        ("a.parq", Form("parquet")),
        ("a.pq", Form("parquet")),
        ("a.arrow", Form("arrow")),
        ("a.arrows", Form("arrow")),
        ("a.feather", Form("arrow")),
        ("a.ipc", Form("arrow")),
        ("a.parquet.gz", None),
        ("a.txt", None),
        ("a.gz", None),
        ("csv", None),
        ("a.csv.gz.xz", None),
    ],
)
def test_the_end_of_a_name_tells_the_form(name, form):
    assert forms.of_name(name) == form


def made(write) -> bytes:
    sink = pa.BufferOutputStream()
    write(sink)
    return sink.getvalue().to_pybytes()


def as_arrow(new):
    def write(sink):
        with new(sink, TABLE.schema) as writer:
            writer.write_table(TABLE)

    return write


@pytest.mark.parametrize(
    ("content", "form"),
    [
        pytest.param(b"", Form("csv"), id="nothing"),
        pytest.param(b"ram\n1\n", Form("csv"), id="CSV"),
        pytest.param(b"BZh9,ram\n1,2\n", Form("csv"), id="CSV like bzip2"),
        pytest.param(gzip.compress(b"ram"), Form("csv", "gzip"), id="gzip"),
        pytest.param(pa.Codec("zstd").compress(b"ram", asbytes=True), Form("csv", "zstd"), id="zstd"),
        pytest.param(bz2.compress(b"ram", 1), Form("csv", "bz2"), id="bzip2"),
        pytest.param(bz2.compress(b""), Form("csv", "bz2"), id="bzip2 of nothing"),
        pytest.param(lzma.compress(b"ram"), Form("csv", "xz"), id="xz"),
        pytest.param(made(lambda sink: parquet.write_table(TABLE, sink)), Form("parquet"), id="Parquet"),
        pytest.param(made(as_arrow(ipc.new_file)), Form("arrow"), id="an Arrow file"),
        pytest.param(made(as_arrow(ipc.new_stream)), Form("arrow"), id="an Arrow stream"),
    ],
)
def test_the_first_bytes_tell_the_form_of_what_has_no_name(content, form):
    assert forms.of_bytes(content) == form
    assert forms.begins(content, form.format, form.compression)
