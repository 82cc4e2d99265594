"""Small files that share parts: the answers are those of each file, and parts depend on the files alone."""

import csv
import gzip
import json
import threading
from pathlib import Path

import pyarrow as pa
import pytest
from corpus import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scoring_tables import EXAMPLE, FORMATS, digests, read, write

from pricerange.errors import ColumnTypeError
from pricerange.tables.csv import file as csv_file
from pricerange.tables.errors import (
    BadRowError,
    BrokenRowError,
    MissingColumnError,
    SourceChangedError,
    TableNotFoundError,
    UnreadableTableError,
)
from pricerange.tables.source import blocks, files, plan, small_files
from pricerange.tables.source.blocks import Shard
from pricerange.tables.source.files import InputFile
from scoring.errors import ColumnsDifferError, JobDiffersError, UnknownColumnError
from scoring.job.manifest import NAME as MANIFEST
from scoring.order import Options
from scoring.score import score

HEADER = ",".join(EXAMPLE)
ROW = ",".join(str(value) for value in EXAMPLE.values())
BAD = ROW.replace(str(EXAMPLE["battery_power"]), "5", 1)
QUOTED = ROW.replace(str(EXAMPLE["battery_power"]), f'" {EXAMPLE["battery_power"]}"', 1)


def phones(rows: int = 2, **columns: object) -> pa.Table:
    values = {name: pa.array([float(value)] * rows) for name, value in EXAMPLE.items()}
    return pa.table({**values, **{name: pa.array([value] * rows) for name, value in columns.items()}})


def cells(out: Path) -> list[dict[str, object]]:
    """Return the rows of all parts; those of CSV as the text that stands there."""
    rows: list[dict[str, object]] = []
    for part in sorted(out.glob("part-*")):
        with part.open(newline="") as file:
            rows += csv.DictReader(file) if part.suffix == ".csv" else read(part)
    return rows


def parts(out: Path) -> list[str]:
    return sorted(path.name for path in out.glob("part-*"))


def text(mark: str, line_end: str, note: str, rows: list[str], final: bool) -> str:
    lines = [HEADER, *rows]
    if note:
        lines = [f"{HEADER},note", *(f"{row},{note}" for row in rows)]
    return mark + line_end.join(lines) + line_end * final


texts = st.builds(
    text,
    st.sampled_from(["", "\ufeff"]),
    st.sampled_from(["\n", "\r\n", "\r", "\n\n"]),
    st.sampled_from(["", "é", '"a\n""b"', 'x"']),
    st.lists(st.sampled_from([ROW, BAD, QUOTED]), max_size=6),
    st.booleans(),
)


def as_stored(note: pa.Array, in_dictionary: bool) -> pa.Array:
    return note.dictionary_encode() if in_dictionary else note


tables = st.builds(
    lambda rows, battery, note, in_dictionary: (
        phones(rows)
        .set_column(0, "battery_power", pa.array([battery, 900.0] * rows).slice(0, rows))
        .append_column("note", as_stored(pa.array(note * 5).slice(0, rows), in_dictionary))
    ),
    st.integers(0, 9),
    st.sampled_from([900.0, 5.0]),
    st.sampled_from([["a", None], ["b", 'c"\n'], [1, 2]]),
    st.booleans(),
)


@settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    tables=st.lists(st.tuples(st.sampled_from(FORMATS), texts, tables), min_size=2, max_size=8),
    form=st.sampled_from(["csv", "parquet"]),
    sharing=st.integers(2, 8),
    block_bytes=st.sampled_from([400, 600, 1 << 20]),
    block_rows=st.sampled_from([3, 1 << 14]),
    part_rows=st.sampled_from([5, 1 << 20]),
    on_bad_row=st.sampled_from(["reject", "null"]),
)
def test_files_that_share_parts_get_the_answers_that_each_gets_alone(
    tmp_path_factory, model_repository, tables, form, sharing, block_bytes, block_rows, part_rows, on_bad_row
):
    folder = tmp_path_factory.mktemp("small")
    sources = []
    for number, (end, lines, table) in enumerate(tables):
        path = folder / f"{number}.{end}"
        if end == "csv":
            path.write_text(lines, newline="")
        elif end == "csv.gz":
            path.write_bytes(gzip.compress(lines.encode()))
        else:
            write(table, path, rows=4)
        sources.append(str(path))
    options = Options(on_bad_row, form=form)
    for number, source in enumerate(sources):
        score([source], folder / f"alone-{number:05d}", model_repository, options=options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "SHARING_FILES", sharing)
        patch.setattr(blocks, "BLOCK_ROWS", block_rows)
        patch.setattr(blocks, "PART_ROWS", part_rows)
        patch.setattr(csv_file, "BLOCK_BYTES", block_bytes)
        patch.setattr(small_files, "_FETCHED_TOGETHER", 2)
        score(sources, folder / "shared", model_repository, options=options)
    alone = [folder / f"alone-{number:05d}" for number in range(len(sources))]
    assert cells(folder / "shared") == [row for result in alone for row in cells(result)]
    rejects = [row for result in alone for row in cells(result.with_name(f"{result.name}.rejected"))]
    assert cells(folder / "shared.rejected") == rejects
    assert len(parts(folder / "shared")) <= len(sources)


@pytest.mark.parametrize("form", FORMATS)
def test_small_files_of_every_format_share_a_part(tmp_path, model_repository, form):
    for number in range(40):
        write(phones(note=str(number)), tmp_path / f"{number:02d}.{form}")
    summary = score([str(tmp_path / f"*.{form}")], tmp_path / "out", model_repository)
    assert (summary.files, summary.rows) == (40, 80)
    assert parts(tmp_path / "out") == ["part-00000-00000.parquet"]
    assert [row["note"] for row in read(tmp_path / "out")] == [str(k // 2) for k in range(80)]


def test_an_empty_file_of_json_lines_stands_before_any_other_form(tmp_path, model_repository):
    (tmp_path / "0.ndjson").write_bytes(b"")
    write(phones(), tmp_path / "1.parquet")
    write(phones(), tmp_path / "2.ndjson")
    for number in range(3, 40):
        write(phones(), tmp_path / f"{number:02d}.csv")
    summary = score([str(tmp_path / "*.*")], tmp_path / "out", model_repository)
    assert (summary.files, summary.rows) == (40, 78)


def test_a_part_ends_where_columns_or_their_types_change(tmp_path, model_repository):
    kinds = [phones(), phones(), phones(note=1), phones(note="1"), phones(note="2"), phones()]
    sources = [str(write(table, tmp_path / f"{k}.parquet")) for k, table in enumerate(kinds)]
    score(sources, tmp_path / "out", model_repository)
    names = ["part-00000-00000", "part-00002-00000", "part-00003-00000", "part-00005-00000"]
    assert parts(tmp_path / "out") == [f"{name}.parquet" for name in names]
    noted = [json.loads(line) for line in (tmp_path / "out" / MANIFEST).read_text().splitlines()[1:]]
    assert [(part["file"], part["files"]) for part in noted] == [(0, 2), (2, 1), (3, 2), (5, 1)]
    with pytest.raises(ColumnsDifferError, match=r"2\.parquet has different columns .* has note"):
        score(sources, tmp_path / "out.parquet", model_repository)


def test_large_files_keep_their_own_parts_between_small_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "SMALL_BYTES", 1_000)
    for name, rows in (("1", 1), ("2", 1), ("3", 100), ("4", 1), ("5", 100), ("6", 1), ("7", 1), ("8", 1)):
        (tmp_path / f"{name}.csv").write_text("\n".join(["ram", *["2800"] * rows, ""]) + "\n" * rows * 10)
    found = files.find([str(tmp_path)]).files
    assert plan.plan(found, split_texts=False) == [
        Shard(0, files=2),
        Shard(2),
        Shard(3),
        Shard(4),
        Shard(5, files=3),
    ]
    monkeypatch.setattr(blocks, "SHARING_FILES", 2)
    assert plan.plan(found, split_texts=False)[-2:] == [Shard(5, files=2), Shard(7)]


def spoil(path: Path, how: str) -> None:
    match how:
        case "row":
            path.write_text(f"{HEADER}\n{ROW}\n{BAD}\n")
        case "cells":
            path.write_text(f"{HEADER}\n{ROW}\n{ROW},1\n")
        case "quote":
            path.write_text(f'{HEADER},a\n{ROW},"open\n')
        case "bytes":
            path.write_bytes(f"{HEADER}\n{ROW}\n".encode() + b"\xff" + f"{ROW}\n".encode())
        case "columns":
            path.write_text("ram\n2800\n")
        case "empty":
            path.write_bytes(b"")


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ("row", BadRowError, r"17\.csv, row 2: battery_power must be"),
        ("cells", BrokenRowError, r"17\.csv, row 2: expected 20 cells, found 21"),
        ("quote", BrokenRowError, r"17\.csv, row 1: a quote is not closed"),
        ("bytes", BrokenRowError, r"17\.csv, row 2: not valid UTF-8: byte 0xff"),
        ("columns", MissingColumnError, r"17\.csv lacks 19 columns"),
        ("empty", UnreadableTableError, r"17\.csv cannot be read: the file is empty"),
    ],
)
def test_what_is_wrong_names_the_first_file_that_is(tmp_path, model_repository, how, error, message):
    for number in range(40):
        path = tmp_path / f"{number:02d}.csv"
        path.write_text(f"{HEADER}\n{ROW}\n{ROW}\n")
        if number in {17, 18, 30}:
            spoil(path, how if number == 17 else "empty")
    for target in ("out", "out.csv"):
        with pytest.raises(error, match=message):
            score([str(tmp_path / "*.csv")], tmp_path / target, model_repository)
    assert not (tmp_path / "out.csv").exists()
    assert parts(tmp_path / "out") == []


@pytest.mark.parametrize("form", ["csv.gz", "parquet", "arrow", "feather"])
def test_a_small_file_that_is_cut_short_is_named(tmp_path, model_repository, form):
    for number in range(5):
        source = write(phones(), tmp_path / f"{number}.{form}")
    (tmp_path / f"3.{form}").write_bytes(source.read_bytes()[:-20])
    if form != "arrow":  # whose stream may end without a mark of its end
        with pytest.raises(UnreadableTableError, match=rf"3\.{form.replace('.', '.')} cannot be read: "):
            score([str(tmp_path / f"*.{form}")], tmp_path / "out", model_repository)
    (tmp_path / f"3.{form}").write_bytes(source.read_bytes()[:20])
    with pytest.raises(UnreadableTableError, match=rf"3\.{form} cannot be read: "):
        score([str(tmp_path / f"*.{form}")], tmp_path / "out", model_repository)


def test_a_column_to_keep_that_a_small_file_lacks_is_said_with_its_name(tmp_path, model_repository):
    sources = [
        str(write(phones(note=1) if k != 2 else phones(), tmp_path / f"{k}.parquet")) for k in range(4)
    ]
    with pytest.raises(UnknownColumnError, match=r"2\.parquet lacks note"):
        score(sources, tmp_path / "out", model_repository, options=Options(columns=("note",)))


def test_a_small_file_that_arrow_cannot_judge_is_named(tmp_path, model_repository):
    for number in range(5):
        places = pa.array([0, 7 if number == 3 else 0], pa.int8())
        power = pa.DictionaryArray.from_arrays(places, pa.array([900.0]), safe=False)
        write(phones().set_column(0, "battery_power", power), tmp_path / f"{number}.arrow")
    with pytest.raises(UnreadableTableError, match=r"3\.arrow cannot be read: .*out of bounds: 7"):
        score([str(tmp_path)], tmp_path.with_name("judged"), model_repository)


def test_a_small_file_whose_text_csv_cannot_store_is_named(tmp_path, model_repository):
    for number in range(5):
        table = phones(note="a" if number != 3 else b"\xff")
        text = pa.Array.from_buffers(pa.string(), 2, table["note"].chunk(0).buffers())
        write(table.set_column(20, "note", text), tmp_path / f"{number}.parquet")
    with pytest.raises(ColumnTypeError, match=r"3\.parquet: the column note has type string, with bytes"):
        score([str(tmp_path)], tmp_path.with_name("stored.csv"), model_repository)


@pytest.mark.parametrize("change", ["grown", "gone"])
def test_a_small_file_that_changes_before_it_is_read_is_noticed(tmp_path, monkeypatch, change):
    for number in range(3):
        write(phones(), tmp_path / f"{number}.csv")
    found = files.find([str(tmp_path)]).files
    reading = small_files.read(found, Shard(0, files=3))
    if change == "grown":
        (tmp_path / "1.csv").write_text(f"{HEADER}\n" * 3)
        expected, message = SourceChangedError, r"1\.csv changed after the job had started"
    else:
        (tmp_path / "1.csv").unlink()
        expected, message = TableNotFoundError, r"1\.csv: no such file"
    assert [member.file for member in next(reading).members] == [0]
    with pytest.raises(expected, match=message):
        next(reading)


def test_rejects_name_the_file_and_the_row_in_it(tmp_path, model_repository):
    (tmp_path / "in").mkdir()
    for number in range(30):
        rows = [BAD if number % 3 == k else ROW for k in range(number % 5)]
        (tmp_path / "in" / f"{number:02d}.csv").write_text("\n".join([HEADER, *rows]))
    for target in ("out", "out.csv", "out.parquet"):
        score([str(tmp_path / "in")], tmp_path / target, model_repository, options=Options("reject"))
        found = [(Path(row["file"]).name, row["row"]) for row in read(tmp_path / f"{target}.rejected")]
        assert found == [
            (f"{number:02d}.csv", number % 3 + 1) for number in range(30) if number % 3 < number % 5
        ]


@pytest.mark.parametrize("form", FORMATS)
def test_a_shared_part_that_is_gone_is_made_again(tmp_path, model_repository, monkeypatch, form):
    monkeypatch.setattr(blocks, "SHARING_FILES", 12)
    monkeypatch.setattr(blocks, "PART_ROWS", 7)
    if form == "csv":
        monkeypatch.setattr(blocks, "PART_BYTES", 2_500)
    for number in range(30):
        table = phones(note=1) if number % 10 == 9 else phones(2, other="x")
        write(table, tmp_path / f"{number:02d}.{form}")
    score([str(tmp_path / f"*.{form}")], tmp_path / "out", model_repository)
    whole = digests(tmp_path / "out")
    assert 6 <= len(whole) < 20
    for name in [*whole][::2]:
        (tmp_path / "out" / name).unlink()
    summary = score([str(tmp_path / f"*.{form}")], tmp_path / "out", model_repository)
    assert digests(tmp_path / "out") == whole
    assert summary.rows == 60


def test_a_folder_that_an_older_version_began_is_said_to_have_other_parts(tmp_path, model_repository):
    for number in range(3):
        write(phones(), tmp_path / f"{number}.csv")
    score([str(tmp_path / "*.csv")], tmp_path / "out", model_repository)
    begun, *noted = [json.loads(line) for line in (tmp_path / "out" / MANIFEST).read_text().splitlines()]
    begun["size of parts"] = begun["size of parts"][:4]
    older = [{name: value for name, value in part.items() if name != "files"} for part in noted]
    (tmp_path / "out" / MANIFEST).write_text("".join(json.dumps(line) + "\n" for line in (begun, *older)))
    with pytest.raises(JobDiffersError, match="of another job, with a different size of parts: use another"):
        score([str(tmp_path / "*.csv")], tmp_path / "out", model_repository)


def test_many_files_are_opened_at_the_same_time(tmp_path, monkeypatch):
    """An object store takes a round trip for each."""
    for number in range(64):
        write(phones(), tmp_path / f"{number:02d}.csv")
    found = files.find([str(tmp_path)]).files
    together = threading.Barrier(16, timeout=30)
    opened = InputFile.open

    def slowly(self):
        together.wait()
        return opened(self)

    monkeypatch.setattr(InputFile, "open", slowly)
    monkeypatch.setattr(small_files, "_FETCHED_TOGETHER", 1)
    (block,) = small_files.read(found, Shard(0, files=64))
    assert [member.file for member in block.members] == list(range(64))


def test_a_small_file_that_expands_is_read_block_by_block(tmp_path, model_repository, monkeypatch):
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 10_000)
    for number in range(3):
        rows = [ROW] * (2_000 if number == 1 else 2)
        (tmp_path / f"{number}.csv.gz").write_bytes(gzip.compress("\n".join([HEADER, *rows]).encode()))
    found = files.find([str(tmp_path)]).files
    read_blocks = list(small_files.read(found, Shard(0, files=3)))
    assert max(len(block.content.text) for block in read_blocks) <= 10_000
    assert [len(block.members) for block in read_blocks] == [1] * len(read_blocks)
    assert {block.part for block in read_blocks} == {0}
    (tmp_path / "1.csv.gz").write_bytes(gzip.compress("\n".join([HEADER, *[ROW] * 999, BAD, ROW]).encode()))
    with pytest.raises(BadRowError, match=r"1\.csv\.gz, row 1000: battery_power"):
        score([str(tmp_path)], tmp_path.with_name("expanded"), model_repository)


def test_a_header_that_was_met_before_is_read_as_the_name_of_its_file_says(tmp_path, model_repository):
    (tmp_path / "a.csv").write_text(f"{HEADER}\n{ROW}\n")
    (tmp_path / "b.tsv").write_text(f"{HEADER}\n{ROW}\n")
    with pytest.raises(MissingColumnError, match=r"b\.tsv lacks 20 columns"):
        score([str(tmp_path)], tmp_path.with_suffix(".parquet"), model_repository)
