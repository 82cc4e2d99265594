import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from pricerange.tables import table
from pricerange.tables.csv import file as csv_file
from pricerange.tables.errors import (
    BrokenRowError,
    TableFormatError,
    TableNotFoundError,
    UnreadableTableError,
)


def read_all(path: Path) -> pa.Table:
    return pa.Table.from_batches(table.read(path))


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
    (batch,) = table.read(file_of(tmp_path, content))
    assert batch.num_rows == 0
    assert batch.schema.names == ["a", "b"]


def test_parquet_without_rows_is_one_batch_without_rows(tmp_path):
    parquet.write_table(pa.table({"a": pa.array([], pa.int8())}), tmp_path / "empty.parquet")
    (batch,) = table.read(tmp_path / "empty.parquet")
    assert batch.schema == pa.schema([("a", pa.int8())])


def test_parquet_keeps_types_and_comes_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "BATCH_ROWS", 4)
    names = pa.array(["x", None] * 5).dictionary_encode()
    whole = pa.table({"a": pa.array(range(10), pa.int16()), "b": names})
    parquet.write_table(whole, tmp_path / "many.PARQUET")
    batches = list(table.read(tmp_path / "many.PARQUET"))
    assert [batch.num_rows for batch in batches] == [4, 4, 2]
    assert pa.Table.from_batches(batches).equals(whole)


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("phones.xlsx", b"", TableFormatError, "the name must end in .csv or .parquet"),
        ("phones", b"", TableFormatError, "the name must end in .csv or .parquet"),
        ("phones.csv", b"", UnreadableTableError, "the file is empty"),
        ("phones.csv", b"\n\r\n", UnreadableTableError, "the file is empty"),
        ("phones.csv", "a,b\n1,2\n".encode("utf-16"), UnreadableTableError, "it is text in UTF-16"),
        ("phones.csv", b"\x1f\x8b\x08\x00", UnreadableTableError, "it is compressed with gzip"),
        ("phones.csv", "a,b\n1,é\n".encode("latin-1"), BrokenRowError, "row 1: not valid UTF-8: byte 0xe9"),
        ("phones.csv", b"a,b\n1,2\n\n3\n", BrokenRowError, "row 2: expected 2 cells, found 1"),
        ("phones.csv", b"a,b\n1,2,3\n", BrokenRowError, "row 1: expected 2 cells, found 3"),
        ("phones.csv", b'a,b\n1,2\n3,"4\n5,6\n', BrokenRowError, "row 2: a quote is not closed"),
        ("phones.parquet", b"", UnreadableTableError, "0 bytes"),
        ("phones.parquet", b"a,b\n1,2\n", UnreadableTableError, "not a parquet file"),
    ],
    ids=[
        "spreadsheet",
        "no suffix",
        "empty",
        "blank",
        "UTF-16",
        "gzip",
        "Latin-1",
        "cell too few",
        "cell too many",
        "open quote",
        "empty Parquet",
        "CSV named Parquet",
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_reason(tmp_path, name, content, error, message):
    path = file_of(tmp_path, content, name)
    with pytest.raises(error) as refused:
        read_all(path)
    assert str(refused.value).startswith(str(path))
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param(b"1,2,3", "expected 2 cells, found 3", id="ragged"),
        pytest.param(b"1,\xff", "not valid UTF-8: byte 0xff", id="wrong encoding"),
        pytest.param(b'1,"2', "is a closing quote missing?", id="open quote"),
    ],
)
def test_a_broken_line_deep_in_a_csv_is_named(tmp_path, line, message):
    path = file_of(tmp_path, b"a,b\n" + b"1,2\n" * 400_000 + line + b"\n" + b"1,2\n" * 400_000)
    with pytest.raises(BrokenRowError, match="row 400001: ") as refused:
        read_all(path)
    assert message in str(refused.value)


@pytest.mark.parametrize("name", ["gone.csv", "gone.parquet"])
def test_a_file_that_is_not_there_is_named(tmp_path, name):
    with pytest.raises(TableNotFoundError, match=name):
        read_all(tmp_path / name)


@pytest.mark.parametrize("name", ["folder.csv", "folder.parquet"])
def test_a_folder_is_no_table(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(UnreadableTableError, match="directory"):
        read_all(tmp_path / name)


def test_a_truncated_parquet_file_is_refused(tmp_path):
    parquet.write_table(pa.table({"a": range(1000)}), tmp_path / "whole.parquet")
    path = file_of(tmp_path, (tmp_path / "whole.parquet").read_bytes()[:-50], "cut.parquet")
    with pytest.raises(UnreadableTableError, match=r"cut\.parquet cannot be read"):
        read_all(path)


def test_pyarrow_is_not_imported_before_a_table_arrives():
    code = "import sys, pricerange.tables.table; sys.exit('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
