"""CSV files: the text of their cells as it stands there, and what is none."""

from pathlib import Path

import pyarrow as pa
import pytest
from batches import batches

from pricerange.tables.csv import file as csv_file
from pricerange.tables.errors import BrokenBlockError


def read_all(path: Path) -> pa.Table:
    return pa.Table.from_batches(batches(path))


def file_of(folder: Path, content: bytes, name: str = "phones.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"a,b\n1,x y\n2,\n", id="plain"),
        pytest.param(b"\xef\xbb\xbfa,b\n1,x y\n2,\n", id="byte order mark"),
        pytest.param(b"a,b\r\n1,x y\r\n2,\r\n", id="CRLF"),
        pytest.param(b"a,b\r1,x y\r2,\r", id="CR"),
        pytest.param(b'"a","b"\n"1","x y"\n"2",""\n', id="quoted"),
        pytest.param(b"a,b\n1,x y\n2,", id="no line end at the end"),
        pytest.param(b"\na,b\n\n1,x y\n\n\n2,\n\n", id="blank lines"),
    ],
)
def test_csv_is_read_as_the_text_it_holds(tmp_path, content):
    assert read_all(file_of(tmp_path, content)).to_pydict() == {"a": ["1", "2"], "b": ["x y", ""]}


def test_csv_keeps_commas_quotes_and_line_ends_inside_quotes(tmp_path):
    content = b'a,b\n"x,y","say ""hi"""\n"two\nlines",007\n'
    expected = {"a": ["x,y", "two\nlines"], "b": ['say "hi"', "007"]}
    assert read_all(file_of(tmp_path, content)).to_pydict() == expected


def test_csv_keeps_a_line_end_in_quotes_across_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 64)
    path = file_of(tmp_path, b"a,b\n" + b'1,"two\nlines"\n' * 100)
    assert read_all(path).to_pydict() == {"a": ["1"] * 100, "b": ["two\nlines"] * 100}


@pytest.mark.parametrize(
    "content", [b"a,b\n", b"a,b", b"\xef\xbb\xbfa,b\r\n"], ids=["usual", "no line end", "BOM"]
)
def test_csv_of_a_header_alone_is_one_batch_without_rows(tmp_path, content):
    (batch,) = batches(file_of(tmp_path, content))
    assert batch.num_rows == 0
    assert batch.schema.names == ["a", "b"]


@pytest.mark.parametrize("content", [b"", b"\n\r\n"], ids=["empty", "blank"])
def test_a_file_without_a_header_is_refused(tmp_path, content):
    with pytest.raises(BrokenBlockError, match="the file is empty, expected a header"):
        read_all(file_of(tmp_path, content))
