"""Folders called `key=value`: each row below them has the key as a column, and is answered all the same."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from corpus import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import csv, dataset, parquet
from scoring_tables import EXAMPLE, read, write

from pricerange.phone import FEATURE_NAMES
from pricerange.tables.csv import file as csv_file
from pricerange.tables.csv.dialect import Dialect
from pricerange.tables.csv.file import TextBlock
from pricerange.tables.errors import BadRowError, BrokenRowError, UnreadableTableError
from pricerange.tables.source import blocks, files, hive
from pricerange.tables.source.files import Reading
from pricerange.tables.source.hive import FolderColumn
from scoring.errors import ColumnsDifferError, JobDiffersError
from scoring.order import Options
from scoring.score import look, score

HEADER = ",".join(EXAMPLE)
ROW = ",".join(map(str, EXAMPLE.values()))
ROWS = 60
PROBABILITIES = [f"probability_{k}" for k in range(4)]


@pytest.fixture(scope="module")
def phones(phones_csv) -> pa.Table:
    table = csv.read_csv(phones_csv).slice(0, ROWS).select(FEATURE_NAMES)
    return table.append_column("place", pa.array(range(ROWS)))


def in_folders(table: pa.Table, keys: list[str], root: Path, form: str) -> Path:
    """Split a table as Hive has it, by another writer."""
    shutil.rmtree(root, ignore_errors=True)
    kinds = pa.schema([table.schema.field(key) for key in keys])
    dataset.write_dataset(
        table, root, format=form, partitioning=dataset.partitioning(kinds, flavor="hive"), max_partitions=500
    )
    return root


def in_order(path: Path) -> list[dict[str, object]]:
    return sorted(read(path), key=lambda row: int(row["place"]))


def bits(rows: list[dict[str, object]]) -> bytes:
    return np.array([[row[name] for name in PROBABILITIES] for row in rows], np.float32).tobytes()


VALUES = st.one_of(
    st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), min_size=ROWS, max_size=ROWS),
    st.lists(
        st.sampled_from(["a/b", "50%", "ü=1", 'say "hi"', "a,b", " ", "007", "x"]),
        min_size=ROWS,
        max_size=ROWS,
    ),
)


@pytest.mark.parametrize("form", ["parquet", "feather", "csv"])
@pytest.mark.parametrize("target", ["out.csv", "out.parquet"])
@settings(
    max_examples=examples(5), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(outer=st.lists(st.integers(1, 12), min_size=ROWS, max_size=ROWS), inner=VALUES)
def test_a_table_split_into_folders_gets_the_answers_of_the_whole(
    tmp_path, model_repository, phones, form, target, outer, inner
):
    table = phones.append_column("month", pa.array(outer)).append_column("key", pa.array(inner))
    split = in_folders(table, ["month", "key"], tmp_path / "split", form)
    score([str(write(table, tmp_path / "whole.parquet"))], tmp_path / f"whole-{target}", model_repository)
    score([str(split)], tmp_path / target, model_repository)
    found, expected = in_order(tmp_path / target), in_order(tmp_path / f"whole-{target}")
    assert bits(found) == bits(expected)
    assert list(found[0]) == list(expected[0])
    if target == "out.csv" or form != "csv":
        # what CSV holds stays text, also in Parquet
        assert [row["key"] for row in found] == [row["key"] for row in expected]
        assert [row["month"] for row in found] == outer
    else:
        assert [row["key"] for row in found] == ["" if key is None else str(key) for key in inner]


@pytest.mark.parametrize("form", ["parquet", "csv"])
@pytest.mark.parametrize("feature", ["four_g", "n_cores", "clock_speed", "ram"])
def test_a_feature_may_be_told_by_folders(tmp_path, model_repository, phones, form, feature):
    split = in_folders(phones, [feature], tmp_path / "split", form)
    score([str(write(phones, tmp_path / "whole.parquet"))], tmp_path / "whole.csv", model_repository)
    score([str(split)], tmp_path / "out.csv", model_repository)
    found, expected = in_order(tmp_path / "out.csv"), in_order(tmp_path / "whole.csv")
    assert bits(found) == bits(expected)
    assert [float(row[feature]) for row in found] == [float(row[feature]) for row in expected]


@pytest.mark.parametrize("form", ["parquet", "csv"])
@pytest.mark.parametrize(
    ("folder", "value"), [("4 GB", "4 GB"), ("7", 7), ("__HIVE_DEFAULT_PARTITION__", None)]
)
def test_a_feature_told_by_a_folder_is_judged_in_the_same_words(
    tmp_path, model_repository, phones, form, folder, value
):
    others = phones.drop_columns(["ram"])
    said = []
    for path, table in (
        (tmp_path / "1" / f"ram={folder}", others),
        (tmp_path / "2", others.append_column("ram", pa.array([value] * ROWS))),
    ):
        path.mkdir(parents=True)
        source = write(table, path / f"a.{form}")
        with pytest.raises(BadRowError) as refused:
            score([str(tmp_path / path.relative_to(tmp_path).parts[0])], tmp_path / "out", model_repository)
        said.append(str(refused.value).removeprefix(str(source)))
    assert said[0] == said[1]
    assert said[0].startswith(", row 1: ram must be ")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("year=2026/month=11", [("year", "2026"), ("month", "11")]),
        ("a=b=c", [("a", "b=c")]),
        ("=b/a=/c", [("a", "")]),
        ("a%20b=%2F%C3%BC+", [("a b", "/ü+")]),
        ("a=__HIVE_DEFAULT_PARTITION__", [("a", None)]),
        ("a=100%", [("a", "100%")]),
        ("_a=1/b", [("_a", "1")]),
        ("", []),
    ],
)
def test_names_of_folders_are_read_as_hive_writes_them(tmp_path, path, expected):
    folder = tmp_path / path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "t.csv").write_text("ram\n1\n")
    (file,) = files.find([str(tmp_path)]).files
    assert [(column.name, column.value) for column in file.from_folders] == expected


@pytest.mark.parametrize(
    ("path", "message"), [("a=%ff", "codec can't decode"), ("a=1/a=2", "two of its folders are called a=")]
)
def test_folders_that_tell_nothing_are_refused(tmp_path, path, message):
    (tmp_path / path).mkdir(parents=True)
    (tmp_path / path / "t.csv").write_text("ram\n1\n")
    with pytest.raises(UnreadableTableError, match=message):
        files.find([str(tmp_path)])


def test_only_folders_below_what_is_searched_tell_columns(tmp_path):
    folder = tmp_path / "year=2026" / "month=11"
    folder.mkdir(parents=True)
    (folder / "t.csv").write_text("ram\n1\n")

    def found(source: str) -> list[str]:
        return [column.name for column in files.find([f"{tmp_path}/{source}"]).files[0].from_folders]

    assert found("") == found("year=*/*/t.csv") == found("y*/month=11/*.csv") == ["year", "month"]
    assert found("year=2026") == found("year=2026/m*/t.csv") == ["month"]
    assert found("year=2026/month=11/*.csv") == found("year=2026/month=11/t.csv") == []


@pytest.mark.parametrize(
    ("values", "is_number"),
    [
        (["1", "-12", "0", "__HIVE_DEFAULT_PARTITION__"], True),
        (["1", "007"], False),
        (["1", "-0"], False),
        (["1", "1.0"], False),
        ([str(2**63 - 1), str(-(2**63))], True),
        (["1", str(2**63)], False),
        (["1", ""], False),
        (["__HIVE_DEFAULT_PARTITION__"], False),
    ],
)
def test_a_column_is_a_number_where_all_of_the_job_are(tmp_path, values, is_number):
    for value in values:
        (tmp_path / f"k={value}").mkdir()
        parquet.write_table(pa.table({"a": [1, 2]}), tmp_path / f"k={value}" / "t.parquet")
    found = files.find([str(tmp_path)]).files
    assert {file.from_folders[0].is_number for file in found} == {is_number}
    for file in found:
        (block,) = blocks.read(file, blocks.Shard(0))
        kind = pa.int64() if is_number else pa.string()
        assert block.content.schema.field("k").type == kind
        assert block.content.column("k").null_count == (2 if "HIVE" in file.path else 0)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_file_keeps_a_column_of_its_own_and_a_line_says_so(tmp_path, model_repository, phones, form):
    folder = tmp_path / "in" / "place=7"
    folder.mkdir(parents=True)
    write(phones, folder / f"a.{form}")
    with pytest.warns(
        UserWarning, match="the column place is in the files, so folders called place= say nothing"
    ):
        score([str(tmp_path / "in")], tmp_path / "out.csv", model_repository)
    assert [row["place"] for row in read(tmp_path / "out.csv")] == list(range(ROWS))


def test_columns_told_by_folders_may_be_kept_or_left_out(tmp_path, model_repository, phones):
    split = in_folders(
        phones.append_column("shop", pa.array(["a", "b"] * 30)).append_column("year", pa.array([1] * ROWS)),
        ["year", "shop"],
        tmp_path / "split",
        "parquet",
    )
    score(
        [str(split)], tmp_path / "out.parquet", model_repository, options=Options(columns=("shop", "place"))
    )
    names = parquet.read_schema(tmp_path / "out.parquet").names
    assert names[:2] == ["place", "shop"]
    assert "year" not in names


def test_files_of_other_folders_have_other_columns(tmp_path, model_repository, phones):
    for folder in ("year=1", "year=1/month=2"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        write(phones, tmp_path / "in" / folder / "a.parquet")
    with pytest.raises(ColumnsDifferError, match=r"(lacks|has) month \(int64\)"):
        score([str(tmp_path / "in")], tmp_path / "out.parquet", model_repository)
    assert score([str(tmp_path / "in")], tmp_path / "out", model_repository).rows == 2 * ROWS


def test_small_files_of_many_folders_share_a_part(tmp_path, model_repository):
    for number in range(20):
        folder = tmp_path / "in" / f"shop={'a,b' if number % 2 else 'c'}" / f"n={number}"
        folder.mkdir(parents=True)
        # the last line of some has no end, and one has but a header
        rows = "" if number == 5 else f"{ROW}\n{ROW}{chr(10) * (number % 3)}"
        (folder / "a.csv").write_text(f"{HEADER}\n{rows}")
    assert score([str(tmp_path / "in")], tmp_path / "out", model_repository).rows == 38
    assert len(list((tmp_path / "out").glob("part-*"))) == 1
    score([str(tmp_path / "in")], tmp_path / "out.csv", model_repository)
    found = [(row["shop"], row["n"]) for row in read(tmp_path / "out.csv")]
    expected = [("a,b" if k % 2 else "c", k) for k in [*range(1, 20, 2), *range(0, 20, 2)] if k != 5]
    assert sorted(found) == sorted(pair for pair in expected for _ in range(2))


def test_a_dry_run_tells_which_columns_come_from_folders(tmp_path, model_repository, phones):
    folder = tmp_path / "in" / "year=2026" / "four_g=1"
    folder.mkdir(parents=True)
    write(phones.drop_columns(["four_g"]), folder / "a.parquet")
    said = look([str(tmp_path / "in")], tmp_path / "out", model_repository).splitlines()
    assert "  features: 20 of 20" in said
    assert "  from the names of folders: year, four_g" in said
    assert "  kept beside them: place, year" in said


def test_a_folder_that_changes_the_type_of_a_column_makes_another_job(tmp_path, model_repository, phones):
    source, target = tmp_path / "in", tmp_path / "out"
    for key in ("1", "2"):
        (source / f"k={key}").mkdir(parents=True)
        write(phones, source / f"k={key}" / "a.parquet")
    first = score([str(source)], target, model_repository)
    assert score([str(source)], target, model_repository) == first
    (source / "k=1").rename(source / "k=one")
    with pytest.raises(JobDiffersError, match="with a different input"):
        score([str(source)], target, model_repository)


TEXTS = [
    pytest.param(b"1,2\n3,4\n", [b"1,2,x", b"3,4,x"], id="lines"),
    pytest.param(b"1,2\r\n\r\n3,4", [b"1,2,x", b"3,4,x"], id="CRLF, a blank line, and no end"),
    pytest.param(b"1,2\n3,4", [b"1,2,x", b"3,4,x"], id="no end"),
    pytest.param(b"\n1,2\n\n3,4\n\n", [b"1,2,x", b"3,4,x"], id="blank lines"),
    pytest.param(b"1,2\r3,4\r", [b"1,2,x", b"3,4,x"], id="CR"),
    pytest.param(b'1,"a\nb"\n3,"4"', [b'1,"a\nb",x', b'3,"4",x'], id="quotes"),
    pytest.param(b'1,a"\n3,"4', [b'1,a",x', b'3,"4'], id="a quote that is not closed"),
    pytest.param(b'3,"4\n5,6\n', [b'3,"4\n5,6\n'], id="a quote that swallows the rest"),
    pytest.param(b"\xff,2\n", [b"\xff,2,x"], id="no UTF-8"),
    pytest.param(b"", [], id="nothing"),
]


@pytest.mark.parametrize(("text", "expected"), TEXTS)
def test_what_folders_tell_stands_at_the_end_of_each_row(text, expected):
    (found,) = hive.beside(TextBlock(["a", "b"], text, 0), [FolderColumn("k", "x")])
    assert found.header == ["a", "b", "k"]
    assert found.text == b"".join(row + b"\n" if row.endswith(b"x") else row for row in expected)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_a_quote_that_is_not_closed_is_not_closed_by_a_folder(tmp_path, model_repository, name):
    folder = tmp_path / 'shop=a",b'
    folder.mkdir()
    with pa.output_stream(folder / name, "gzip" if name.endswith("gz") else None) as file:
        file.write(f'note,{HEADER}\nx,{ROW}\n"x,{ROW}\n'.encode())
    with pytest.raises(BrokenRowError, match=r"row 2: .*a quote is not closed"):
        score([str(tmp_path)], tmp_path.parent / "out.csv", model_repository)


def test_a_long_value_is_not_repeated_for_more_rows_than_a_block_has_room_for(monkeypatch):
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 1_000)
    value = FolderColumn("k", "x" * 99)
    found = list(hive.beside(TextBlock(["a"], b"1\n" * 500, 0), [value]))
    assert max(len(block.text) for block in found) <= 2_000
    assert b"".join(block.text for block in found) == f"1,{value.value}\n".encode() * 500


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet"])
@pytest.mark.parametrize("folders", [("no", "yes"), ("False", "TRUE"), ("0", "1")])
def test_a_folder_may_say_yes_and_no_beside_files_of_any_form(
    tmp_path, model_repository, phones, form, folders
):
    score([str(write(phones, tmp_path / "whole.parquet"))], tmp_path / "whole.csv", model_repository)
    for value, folder in enumerate(folders):
        (tmp_path / "split" / f"four_g={folder}").mkdir(parents=True)
        rows = phones.filter(pa.compute.equal(phones["four_g"], value)).drop_columns(["four_g"])
        write(rows, tmp_path / "split" / f"four_g={folder}" / f"a.{form}")
    score([str(tmp_path / "split")], tmp_path / "out.csv", model_repository)
    assert bits(in_order(tmp_path / "out.csv")) == bits(in_order(tmp_path / "whole.csv"))


def test_a_folder_has_decimal_points_where_its_files_have_commas(tmp_path, model_repository):
    names = [name for name in EXAMPLE if name != "clock_speed"]
    values = [str(EXAMPLE[name]).replace(".", ",") for name in names]
    for folder in ("2.5", "2,5"):
        (tmp_path / folder / f"clock_speed={folder}").mkdir(parents=True)
        file = tmp_path / folder / f"clock_speed={folder}" / "a.csv"
        file.write_text(f"{';'.join(names)}\n{';'.join(values)}\n")
    write(pa.Table.from_pylist([{**EXAMPLE, "clock_speed": 2.5}]), tmp_path / "whole.parquet")
    options = Options(reading=Reading(dialect=Dialect(decimal=",")))
    found = []
    for source in ("2.5", "2,5", "whole.parquet"):
        given = options if "whole" not in source else Options()
        score([str(tmp_path / source)], tmp_path / "out.parquet", model_repository, options=given)
        found.append(bits(read(tmp_path / "out.parquet")))
    assert found[0] == found[1] == found[2]
