"""Which files a command line names."""

import gzip
import os

import pyarrow as pa
import pytest
from pyarrow import parquet

from pricerange.errors import TableFormatError, TableNotFoundError, UnreadableTableError
from scoring.errors import NoInputError, RepeatedInputError, SourceChangedError
from scoring.source import blocks, files


@pytest.fixture
def tree(tmp_path, monkeypatch):
    for name in (
        "b.csv",
        "a.csv.gz",
        "deep/er/c.parquet",
        "deep/d.CSV",
        "_made/e.csv",
        ".hidden.csv",
        "notes.txt",
        "other/f.arrow",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "_made" / "link.csv").symlink_to(tmp_path / "b.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*sources: str) -> list[str]:
    return [file.name for file in files.find(sources).files]


def test_a_folder_is_searched_to_its_depth_in_the_order_of_names(tree):
    found = files.find(["."])
    assert [file.name for file in found.files] == [
        "a.csv.gz",
        "b.csv",
        "deep/d.CSV",
        "deep/er/c.parquet",
        "other/f.arrow",
    ]
    assert [(file.format, file.compression) for file in found.files] == [
        ("csv", "gzip"),
        ("csv", None),
        ("csv", None),
        ("parquet", None),
        ("arrow", None),
    ]
    assert found.ignored == ("notes.txt",)


def test_files_stay_in_the_order_in_which_they_are_named(tree):
    assert names("other", "b.csv", "a.csv.gz") == ["other/f.arrow", "b.csv", "a.csv.gz"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.csv", ["b.csv"]),
        ("*.csv*", ["a.csv.gz", "b.csv"]),
        ("d?ep/*", ["deep/d.CSV"]),
        ("*/*/[cd].parquet", ["deep/er/c.parquet"]),
    ],
)
def test_a_glob_names_files_and_stays_within_a_folder(tree, pattern, expected):
    assert names(pattern) == expected
    assert names(f"{tree}/{pattern}") == [f"{tree}/{name}" for name in expected]
    if "?" not in pattern and "[" not in pattern:  # which have another meaning in a URI
        assert names(f"file://{tree}/{pattern}") == [f"{tree}/{name}" for name in expected]


def test_a_glob_looks_nowhere_else(tree):
    (tree / "b-other").mkdir()
    (tree / "b-other" / os.fsdecode(b"\xff.csv")).write_text("")
    assert names("b*") == ["b.csv"]
    with pytest.raises(UnreadableTableError, match=r"cannot be read: .*utf-8"):
        names("b-other")


def test_a_uri_names_a_file_or_a_folder_of_a_file_system(tree):
    (file,) = files.find([f"file://{tree}/b.csv"]).files
    assert file.open().read() == b"b.csv"
    assert file.name == f"{tree}/b.csv"
    assert len(names(f"file://{tree}/deep")) == 2


def test_keys_in_a_uri_are_neither_shown_nor_written_down():
    uri = "s3://key:secret@127.0.0.1/a.csv?endpoint_override=127.0.0.1:1&scheme=http&region=here"
    with pytest.raises((TableNotFoundError, UnreadableTableError)) as refused:
        files.find([uri])
    assert "secret" not in str(refused.value)
    file = files.InputFile("s3://b/a.csv", uri, "b/a.csv", "csv", None, 1, 1)
    assert "secret" not in str(file.identity())
    assert file.identity()["system"] == uri.replace("key:secret@", "")


@pytest.mark.parametrize(
    ("sources", "error", "message"),
    [
        (["gone.csv"], TableNotFoundError, "gone.csv: no such file"),
        (["notes.txt"], TableFormatError, "notes.txt: the name must end in .csv or .csv.gz"),
        (["*.parquet"], NoInputError, r"\*.parquet: found no file that ends in .csv, "),
        (["_made/../_made/.."], RepeatedInputError, "x"),
        (["b.csv", "deep/../b.csv"], RepeatedInputError, "b.csv is named twice"),
        (["b.csv", "_made/link.csv"], RepeatedInputError, "link.csv is named twice"),
        (
            ["**/*.csv"],
            UnreadableTableError,
            r"`\*\*` is not supported: a folder is always searched recursively",
        ),
        ([""], TableNotFoundError, "'': no such file"),
        (["*.csv", "."], RepeatedInputError, "b.csv is named twice"),
        (["nowhere://b.csv"], UnreadableTableError, "nowhere://b.csv cannot be read"),
    ],
)
def test_what_cannot_be_found_is_said(tree, sources, error, message):
    if message == "x":
        assert len(names(*sources)) == 5
        return
    with pytest.raises(error, match=message):
        files.find(sources)


def test_a_file_that_changes_while_it_is_read_is_noticed(tree):
    (tree / "b.csv").write_text("ram\n1\n")
    (file,) = files.find(["b.csv"]).files
    reading = blocks.read(file, blocks.Shard(0))
    next(reading)
    (tree / "b.csv").write_text("ram\n1\n2\n")
    with pytest.raises(SourceChangedError, match=r"b\.csv changed after the job had started"):
        list(reading)


@pytest.mark.parametrize("end", [".csv", ".csv.gz", ".parquet", ".arrow"])
def test_rows_are_counted_or_estimated_before_they_are_read(tmp_path, end):
    path = tmp_path / f"in{end}"
    text = b"ram,wifi\n" + b"".join(b"%d,1\n" % (k * 7919 % 9973) for k in range(500_000))
    table = pa.table({"ram": pa.array([2800] * 1000)})
    if end == ".parquet":
        parquet.write_table(table, path)
    elif end == ".arrow":
        with pa.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table, max_chunksize=100)
    else:
        path.write_bytes(gzip.compress(text) if end == ".csv.gz" else text)
    (file,) = files.find([str(path)]).files
    exact = end in {".parquet", ".arrow"}
    expected = 1000 if exact else pytest.approx(500_000, rel=0.01 if end == ".csv" else 0.3)
    assert blocks.about_rows([file]) == expected
