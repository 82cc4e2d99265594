"""Bytes of other forms are told by how they begin."""

import bz2
import gzip
import io
import json
import lzma
import zipfile

import pyarrow as pa
import pytest
from phone_tables import as_arrow, as_csv, as_ndjson, zstd
from pyarrow import feather, parquet

from pricerange.foreign import named
from pricerange.phone import FEATURES

PHONE = {feature.name: feature.example for feature in FEATURES}
CSV = as_csv([PHONE])


def written(version: int) -> bytes:
    sink = io.BytesIO()
    feather.write_feather(pa.table({"ram": [1]}), sink, version=version)
    return sink.getvalue()


def archive() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as zipped:
        zipped.writestr("xl/workbook.xml", "")
    return sink.getvalue()


def parquet_file() -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pa.table({"ram": [1]}), sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(written(2), "an Arrow IPC file", id="Arrow file"),
        pytest.param(parquet_file(), "Parquet: send it as an Arrow stream", id="Parquet"),
        pytest.param(b"FEA1\0\0\0\0", "a Feather V1 file", id="Feather V1"),
        pytest.param(as_arrow([PHONE]), "an Arrow stream: send it with Content-Type", id="Arrow stream"),
        pytest.param(gzip.compress(CSV), "send it with Content-Encoding: gzip", id="gzip"),
        pytest.param(zstd.compress(CSV), "send it with Content-Encoding: zstd", id="zstd"),
        pytest.param(bz2.compress(CSV), "bzip2", id="bzip2"),
        pytest.param(lzma.compress(CSV), "xz", id="xz"),
        pytest.param(archive(), "an Excel workbook (xlsx)", id="xlsx"),
        pytest.param(CSV.decode().encode("utf-16"), "text in UTF-16", id="UTF-16"),
        pytest.param(CSV.decode().encode("utf-16-le"), "text in UTF-16", id="UTF-16 without a mark"),
        pytest.param(CSV.decode().encode("utf-16-be"), "text in UTF-16", id="UTF-16, big end first"),
    ],
)
def test_other_forms_are_named_with_what_to_do(body: bytes, words: str) -> None:
    found = named(body)
    assert found is not None
    assert words in f"{found.what}: {found.body}"


@pytest.mark.parametrize(
    "body", [CSV, as_ndjson([PHONE]), json.dumps(PHONE).encode(), b"", b"\0", b"\0" * 8, b"\xef\xbb\xbfram,"]
)
def test_what_may_be_text_is_let_through(body: bytes) -> None:
    assert named(body) is None
