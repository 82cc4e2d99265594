"""Which files a command line names."""

import gzip
import os

import pyarrow as pa
import pytest
from pyarrow import parquet

from pricerange.tables.errors import (
    NoInputError,
    RepeatedInputError,
    SourceChangedError,
    TableFormatError,
    TableNotFoundError,
    UnreadableTableError,
)
from pricerange.tables.source import blocks, files
from pricerange.tables.source.uri import Uri


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
    assert names(f"file://{tree}/{pattern}") == [f"{tree}/{name}" for name in expected]


def test_a_glob_looks_nowhere_else(tree):
    (tree / "b-other").mkdir()
    (tree / "b-other" / os.fsdecode(b"\xff.csv")).write_text("")
    assert names("b*") == ["b.csv"]
    with pytest.raises(
        UnreadableTableError, match=r"b-other/.*cannot be read: its name is not UTF-8; rename"
    ):
        names("b-other")
    with pytest.raises(UnreadableTableError, match="its name is not UTF-8; rename it"):
        names(os.fsdecode(b"b-other/\xff.csv"))


def test_a_uri_names_a_file_or_a_folder_of_a_file_system(tree):
    (file,) = files.find([f"file://{tree}/b.csv"]).files
    assert file.open().read() == b"b.csv"
    assert file.name == f"{tree}/b.csv"
    assert len(names(f"file://{tree}/deep")) == 2


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("#x.csv", "#x.csv"),
        ("b#1.csv", "b%231.csv"),
        ("a?b.csv", "a?b.csv"),
        ("a?region=x.csv", "a%3Fregion=x.csv"),
        ("a b;c=1.csv", "a b;c=1.csv"),
        ("a b.csv", "a%20b.csv"),
        ("ü[1].csv", "ü[1].csv"),
        ("100%.csv", "100%25.csv"),
    ],
)
def test_all_of_a_uri_is_part_of_its_path(tmp_path, name, written):
    for other in (name, "other.csv"):
        (tmp_path / other).write_text(other)
    (file,) = files.find([f"file://{tmp_path}/{written}"]).files
    assert file.open().read().decode() == name
    assert files.find([f"FILE://localhost{tmp_path}//{written}"]).files[0].size == len(name.encode())


@pytest.mark.parametrize("mark", ["#", "?", "#x.csv", "?x.csv", "#1"])
def test_a_uri_never_names_the_folder_before_a_mark(tmp_path, mark):
    (tmp_path / "other.csv").write_text("")
    with pytest.raises((TableNotFoundError, NoInputError)):
        files.find([f"file://{tmp_path}/{mark}"])


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("s3://shop/cat/b#1.csv", "shop/cat/b#1.csv"),
        ("s3://shop/cat/b#1.csv?region=here", "shop/cat/b#1.csv"),
        ("S3://key:se%2Fcret@shop/cat%231/?endpoint_override=127.0.0.1:9000&scheme=http", "shop/cat#1"),
        ("s3://shop/a;p=1//b%20c/*.csv", "shop/a;p=1//b c/*.csv"),
        ("gs://anonymous@shop/a%3F.csv?project_id=p", "shop/a?.csv"),
        ("gcs://shop", "shop"),
    ],
)
def test_a_bucket_and_a_key_are_read_from_a_uri(uri, path):
    assert Uri.of(uri).path == path
    assert Uri.of(uri).secret == ("se/cret" if "@" in uri and "key" in uri else "")


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("s3://shop/a?.csv", r"the query has '.csv', expected region, .* is written as %3F"),
        ("s3://shop/a.csv?", "the query has ''"),
        ("s3://shop/a.csv?region=", "the query has 'region='"),
        ("s3://shop/a.csv?region=a&region=b", "the query has 'region=b'"),
        ("s3://shop/a.csv?region=a#b", "the query has 'region=a#b'"),
        ("s3://shop/a.csv?region=a?scheme=http", "the query has"),
        ("s3://shop:9000/a.csv", "without a port; a host is named by"),
        ("s3://key:sec/ret@shop/a.csv", "a `/` in a secret is written as %2F"),
        ("s3:///a.csv", "it names no bucket"),
        ("gs://me@shop/a.csv", "anonymous"),
        ("file://host/a.csv", "expected file:/// and an absolute path, without a host"),
        ("file:///a%.csv", "a `%` that begins no escape is written as %25"),
        ("file:///a.csv%00b.csv", "NUL"),
        ("file:///a%ff.csv", "its escapes are not UTF-8"),
        ("hdfs://host/a.csv", "expected a URI that begins with file://, s3:// or gs://"),
        ("abfss://c@host/a.csv", "expected a URI that begins with file://, s3:// or gs://"),
    ],
)
def test_what_of_a_uri_would_be_dropped_is_rejected(uri, message, capfd):
    with pytest.raises(UnreadableTableError, match=message) as refused:
        files.find([uri])
    assert "sec" not in str(refused.value).partition(" cannot be read")[0]
    assert capfd.readouterr() == ("", "")


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
        (
            ["notes.txt"],
            TableFormatError,
            r"notes.txt: the name must end in \.csv\[\.gz\|\.zst\|\.bz2\|\.xz\] or .tsv",
        ),
        (["*.parquet"], NoInputError, r"\*.parquet: found no file that ends in .csv\["),
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
