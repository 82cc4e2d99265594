"""The headers of Parquet pages: they say what the footer says, and what is none is an error in words."""

from contextlib import suppress

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from pricerange.tables.errors import BrokenBlockError
from pricerange.tables.source.parquet_pages import longest_text, pages_of

TEXTS = pa.array([f"{'x' * (k % 50)}{k % 700}" for k in range(5_000)])
LONGEST = max(map(len, TEXTS.to_pylist()))


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="dictionary"),
        pytest.param({"dictionary_pagesize_limit": 500}, id="dictionary and plain"),
        pytest.param({"use_dictionary": False}, id="plain"),
        pytest.param(
            {
                "use_dictionary": False,
                "column_encoding": {"a": "DELTA_BYTE_ARRAY", "b": "DELTA_BINARY_PACKED"},
            },
            id="deltas",
        ),
    ],
)
def test_pages_are_those_of_the_footer(tmp_path, compression, version, options):
    table = pa.table({"a": TEXTS, "b": pa.array(np.arange(5_000))})
    path = tmp_path / "a.parquet"
    parquet.write_table(
        table, path, compression=compression, data_page_version=version, data_page_size=4_000, **options
    )
    group = parquet.ParquetFile(path).metadata.row_group(0)
    with pa.OSFile(str(path)) as file:
        for place in range(2):
            chunk = group.column(place)
            pages = list(pages_of(file, chunk))
            assert sum(page.values for page in pages if not page.is_dictionary) == chunk.num_values == 5_000
            assert sum(page.is_dictionary for page in pages) == chunk.has_dictionary_page
            assert pages[-1].begin + pages[-1].compressed == min(page.begin for page in pages) + (
                chunk.total_compressed_size - (pages[0].begin - first_byte(chunk))
            )
            headers = chunk.total_uncompressed_size - sum(page.bytes for page in pages)
            assert 0 < headers < 300 * len(pages)
        chunk = group.column(0)
        texts = longest_text(file, chunk.compression, list(pages_of(file, chunk)), 100)
    if "column_encoding" in options:  # each may begin with the one before it
        assert texts > 1_000
    else:
        assert texts == LONGEST if not options else texts <= LONGEST + 4


def first_byte(chunk: parquet.ColumnChunkMetaData) -> int:
    return min(filter(None, (chunk.dictionary_page_offset, chunk.data_page_offset)))


def test_values_in_headers_may_be_long(tmp_path):
    parquet.write_table(pa.table({"a": ["x" * 3_000, "y" * 3_000]}), tmp_path / "a.parquet")
    chunk = parquet.ParquetFile(tmp_path / "a.parquet").metadata.row_group(0).column(0)
    with pa.OSFile(str(tmp_path / "a.parquet")) as file:
        assert [page.values for page in pages_of(file, chunk)] == [2, 2]


@given(noise=st.binary(min_size=1, max_size=300))
def test_bytes_that_are_no_pages_are_pages_or_an_error_in_words(tmp_path_factory, noise):
    path = tmp_path_factory.mktemp("noise") / "a.parquet"
    parquet.write_table(pa.table({"a": TEXTS}), path)
    chunk = parquet.ParquetFile(path).metadata.row_group(0).column(0)
    content = bytearray(path.read_bytes())
    content[first_byte(chunk) : first_byte(chunk) + len(noise)] = noise
    # whatever else is raised is a failure
    with pa.BufferReader(bytes(content)) as file, suppress(BrokenBlockError):
        pages = list(pages_of(file, chunk))
        assert longest_text(file, chunk.compression, pages, 0) >= 0
