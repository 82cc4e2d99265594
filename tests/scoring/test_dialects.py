"""CSV as spreadsheets of other countries write it, scored: the same answers, and what was guessed is said."""

import csv
import json
from itertools import product
from pathlib import Path

import pyarrow as pa
import pytest
from corpus import few
from pyarrow import parquet
from scoring_tables import EXAMPLE, digests, read, write

from pricerange.phone import FEATURE_NAMES
from pricerange.tables.csv.dialect import Dialect
from pricerange.tables.errors import (
    BadRowError,
    BrokenRowError,
    DialectError,
    DuplicateColumnError,
    UnreadableTableError,
)
from pricerange.tables.source import blocks, files, plan
from pricerange.tables.source.files import Reading
from scoring.errors import JobDiffersError, UnknownColumnError
from scoring.job.manifest import NAME as MANIFEST
from scoring.order import Options
from scoring.score import look, score

ANSWERS = ["price_range", "label", *(f"probability_{k}" for k in range(4)), "in_range", "outside"]
NAMES = {"ram": "RAM", "battery_power": "Battery Power"}
EUROPEAN = Dialect("", ",", ".", ("NA", "-"))
OPTIONS = Options(reading=Reading(dialect=EUROPEAN))
COMMAS = Reading(dialect=Dialect("", ","))
ROWS = 300


def rows_of(count: int = ROWS) -> list[dict[str, object]]:
    return [
        {**EXAMPLE, "ram": 300 + 13 * k, "clock_speed": 0.5 + k / 128, "note": f'a;"{k}",b'}
        for k in range(count)
    ]


def european(path: Path, rows: list[dict[str, object]], end: str = "", delimiter: str = ";") -> Path:
    """Write rows with decimal commas, digits in groups, and names that are nearly right."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow([NAMES.get(name, name) for name in rows[0]])
        for row in rows:
            texts = [
                f"{value:,}".translate({44: ".", 46: ","}) if isinstance(value, int | float) else value
                for value in row.values()
            ]
            writer.writerow(texts)
        file.write(end)
    return path


def answers(path: Path) -> list[dict[str, object]]:
    return [{name: row[name] for name in ANSWERS} for row in read(path)]


EMPTY = ";" * len(FEATURE_NAMES) + "\r\n"


TARGETS, DELIMITERS = ("out.csv", "out.parquet", "parts"), (";", "\t", "|")
PAIRS = sorted(
    product(TARGETS, DELIMITERS), key=lambda pair: TARGETS.index(pair[0]) != DELIMITERS.index(pair[1])
)
"""The first three have each target and each delimiter once."""


@pytest.mark.parametrize(("target", "delimiter"), few(3, (pytest.param(*pair) for pair in PAIRS)))
def test_a_dialect_has_the_answers_of_the_plain_file(
    tmp_path, model_repository, small_parts, target, delimiter, capsys
):
    plain = write(pa.Table.from_pylist(rows_of()), tmp_path / "plain.csv")
    end = EMPTY.replace(";", delimiter) * 999
    source = european(tmp_path / "in.csv", rows_of(), end, delimiter)
    score([str(plain)], tmp_path / f"plain-{target}", model_repository)
    capsys.readouterr()
    summary = score([str(source)], tmp_path / target, model_repository, options=OPTIONS)
    assert (summary.rows, summary.rejected) == (ROWS, 0)
    assert answers(tmp_path / target) == answers(tmp_path / f"plain-{target}")
    words = {";": "semicolons", "\t": "tabs", "|": "pipes"}[delimiter]
    said = f"in.csv: columns are separated by {words}; Battery Power is read as battery_power; RAM is read as"
    err = capsys.readouterr().err
    assert err.count(said) == 1
    assert err.count("in.csv: empty lines at the end are skipped\n") == 1
    found = read(tmp_path / target)
    assert [row["note"] for row in found] == [row["note"] for row in rows_of()]
    if target == "out.csv":
        with (tmp_path / target).open(newline="") as file:
            assert {row["Battery Power"] for row in csv.DictReader(file)} == {"1.520"}
    else:
        assert [row["RAM"] for row in found] == [row["ram"] for row in rows_of()]


def test_a_plain_file_says_nothing(tmp_path, model_repository, capsys):
    write(pa.Table.from_pylist(rows_of()), tmp_path / "plain.csv")
    score([str(tmp_path / "plain.csv")], tmp_path / "out.csv", model_repository)
    assert capsys.readouterr().err == ""


def test_a_job_in_a_dialect_is_resumed_with_the_same_dialect_only(tmp_path, model_repository, small_parts):
    source = european(tmp_path / "in.csv", rows_of(), EMPTY * 99)
    score([str(source)], tmp_path / "out", model_repository, options=OPTIONS)
    whole = digests(tmp_path / "out")
    parts = sorted((tmp_path / "out").glob("part-*"))
    assert len(parts) > 3
    for part in parts[2:]:
        part.unlink()
    score([str(source)], tmp_path / "out", model_repository, options=OPTIONS)
    assert digests(tmp_path / "out") == whole
    with pytest.raises(JobDiffersError, match="input"):
        score(
            [str(source)],
            tmp_path / "out",
            model_repository,
            options=Options(reading=COMMAS),
        )
    with pytest.raises(JobDiffersError, match="input"):
        score([str(source)], tmp_path / "out", model_repository)
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text().splitlines()[0])
    assert manifest["input"][0]["dialect"]["decimal"] == ","


def test_shards_among_empty_lines_have_the_rows_of_the_whole(tmp_path, small_parts):
    source = european(tmp_path / "in.csv", rows_of(60), EMPTY * 300)
    content = source.read_bytes()
    row = content.splitlines(keepends=True)[1]
    source.write_bytes(content + row * 40 + EMPTY.encode() * 300)
    (file,) = files.find([str(source)], Reading(dialect=EUROPEAN)).files
    whole = [block for shard in plan.plan([file], split_texts=False) for block in blocks.read(file, shard)]
    counts = [blocks.rows_of(block.content) for block in whole]
    assert sum(counts) == 60 + 300 + 40
    shards = plan.plan([file], split_texts=True)
    assert len(shards) > 5
    assert [block for shard in shards for block in blocks.read(file, shard)] == whole
    for shard in shards:
        before = [count for block, count in zip(whole, counts, strict=True) if block.part < shard.part]
        assert shard.first_row == 1 + sum(before)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_small_files_of_many_dialects_are_each_read_by_their_own(tmp_path, model_repository, form, capsys):
    (tmp_path / "in").mkdir()
    for number in range(12):
        rows = rows_of(3)
        if number % 3 == 0:
            european(tmp_path / "in" / f"{number:02d}.csv", rows, EMPTY * (number % 2))
        else:
            with (tmp_path / "in" / f"{number:02d}.csv").open("w", newline="") as file:
                writer = csv.writer(file, delimiter=";|"[number % 2])
                writer.writerow(rows[0])
                writer.writerows(
                    [str(cell).replace(".", ",") if key != "note" else cell for key, cell in row.items()]
                    for row in rows
                )
                file.write((";|"[number % 2] * len(FEATURE_NAMES) + "\n") * (number % 4))
    options = Options(form=form, reading=Reading(dialect=EUROPEAN))
    summary = score([str(tmp_path / "in")], tmp_path / "out", model_repository, options=options)
    assert summary.rows == 36
    write(pa.Table.from_pylist(rows_of(3)), tmp_path / "plain.csv")
    score([str(tmp_path / "plain.csv")], tmp_path / "plain", model_repository, options=Options(form=form))
    assert answers(tmp_path / "out") == answers(tmp_path / "plain") * 12
    said = capsys.readouterr().err
    assert "00.csv and 3 more files: columns are separated by semicolons; Battery Power is read as" in said
    assert "01.csv and 3 more files: columns are separated by pipes" in said
    assert "02.csv and 3 more files: columns are separated by semicolons" in said
    assert "01.csv and 7 more files: empty lines at the end are skipped" in said


@pytest.mark.parametrize("on_bad_row", ["reject", "null"])
@pytest.mark.parametrize("target", ["out.csv", "out.parquet"])
def test_bad_rows_of_a_dialect_keep_their_text_and_nulls_count_as_none(
    tmp_path, model_repository, target, on_bad_row
):
    rows = [
        row | changed for row, changed in zip(rows_of(3), [{}, {"ram": "NA "}, {"ram": "2.5"}], strict=True)
    ]
    source = european(tmp_path / "in.csv", rows)
    options = Options(on_bad_row, reading=Reading(dialect=EUROPEAN))
    summary = score([str(source)], tmp_path / target, model_repository, options=options)
    assert summary.reasons == {"ram: null": 1, "ram: text": 1}
    if on_bad_row == "reject":
        rejected = read(tmp_path / f"{target}.rejected")
        assert [(row["row"], row["RAM"]) for row in rejected] == [(2, "NA "), (3, "2.5")]
    elif target == "out.parquet":
        assert [row["RAM"] for row in read(tmp_path / target)] == [300.0, None, None]


def test_empty_lines_among_the_rows_are_bad_rows_with_their_numbers(tmp_path, model_repository):
    source = european(tmp_path / "in.csv", rows_of(2), EMPTY * 2)
    last = source.read_bytes().splitlines(keepends=True)[1]
    source.write_bytes(source.read_bytes() + last + EMPTY.encode())
    with pytest.raises(BadRowError, match=r"row 3: battery_power must be .*, got null"):
        score(
            [str(source)],
            tmp_path / "out.csv",
            model_repository,
            options=OPTIONS,
        )
    options = Options("null", reading=Reading(dialect=EUROPEAN))
    assert score([str(source)], tmp_path / "out.csv", model_repository, options=options).rows == 5


@pytest.mark.parametrize("form", ["csv", "parquet", "arrow"])
@pytest.mark.parametrize("columns", [None, ("note", "RAM")])
def test_names_that_are_nearly_right_are_found_in_every_form(
    tmp_path, model_repository, form, columns, capsys
):
    table = pa.Table.from_pylist(rows_of(20))
    source = write(table, tmp_path / f"exact.{form}")
    like = write(
        table.rename_columns([NAMES.get(name, name) for name in table.column_names]), tmp_path / f"in.{form}"
    )
    score([str(source)], tmp_path / "answers.parquet", model_repository)
    options = Options(columns=columns)
    score([str(like)], tmp_path / "out.parquet", model_repository, options=options)
    assert answers(tmp_path / "out.parquet") == answers(tmp_path / "answers.parquet")
    kept = parquet.read_schema(tmp_path / "out.parquet").names[: -len(ANSWERS)]
    in_file = [NAMES.get(name, name) for name in table.column_names]
    assert kept == [name for name in in_file if columns is None or name in columns]
    assert f"in.{form}: Battery Power is read as battery_power; RAM is read as ram" in capsys.readouterr().err
    with pytest.raises(UnknownColumnError, match="ram"):
        score([str(like)], tmp_path / "no.csv", model_repository, options=Options(columns=("ram",)))


def test_a_column_of_a_feature_s_name_in_capitals_beside_the_feature_stays_what_it_is(
    tmp_path, model_repository
):
    table = pa.Table.from_pylist([row | {"RAM": "4 GB"} for row in rows_of(3)])
    source = write(table, tmp_path / "in.csv")
    options = Options("null", columns=("RAM",))
    assert score([str(source)], tmp_path / "out.parquet", model_repository, options=options).rejected == 0
    source.write_bytes(source.read_bytes() + source.read_bytes().splitlines()[1].replace(b"300", b"x"))
    score([str(source)], tmp_path / "bad.parquet", model_repository, options=options)
    for name in ("out", "bad"):
        assert {row["RAM"] for row in read(tmp_path / f"{name}.parquet")} == {"4 GB"}


def test_two_columns_that_may_be_one_feature_are_refused(tmp_path, model_repository):
    table = pa.Table.from_pylist(rows_of(3)).rename_columns(
        [NAMES.get(name, name) if name != "note" else "Ram" for name in rows_of(1)[0]]
    )
    source = write(table, tmp_path / "in.csv")
    with pytest.raises(
        DuplicateColumnError, match=r"in\.csv has more than one column that may be ram: 'RAM', 'R"
    ):
        score([str(source)], tmp_path / "out.csv", model_repository)


def test_a_dry_run_says_what_would_be_guessed(tmp_path, model_repository):
    source = european(tmp_path / "in.csv", rows_of(3), EMPTY)
    said = look([str(source)], tmp_path / "out", model_repository, options=OPTIONS)
    assert (
        "  columns are separated by semicolons; Battery Power is read as battery_power; RAM is read as"
        in said
    )
    assert "RAM is read as ram; empty lines at the end are skipped\n" in said
    assert "  features: 20 of 20\n  kept beside them: note\n" in said
    assert "rows looked at: 3, 0 of them no valid phones" in said


def test_what_was_guessed_is_said_of_a_job_that_fails_too(tmp_path, model_repository, capsys):
    source = european(tmp_path / "in.csv", rows_of(3))
    with pytest.raises(BadRowError, match=r"got the string .*decimal commas are read with `--decimal ,`"):
        score([str(source)], tmp_path / "out.csv", model_repository)
    assert "in.csv: columns are separated by semicolons" in capsys.readouterr().err


def test_marks_that_do_not_go_with_a_file_name_it(tmp_path, model_repository):
    source = write(pa.Table.from_pylist(rows_of(3)), tmp_path / "in.csv")
    with pytest.raises(UnreadableTableError, match=r"in\.csv cannot be read: decimal: expected another mark"):
        score(
            [str(source)],
            tmp_path / "out.csv",
            model_repository,
            options=OPTIONS,
        )
    other = write(pa.Table.from_pylist(rows_of(3)), tmp_path / "in.parquet")
    with pytest.raises(DialectError, match="the dialect of CSV: expected files of CSV, got "):
        score(
            [str(other)],
            tmp_path / "out.csv",
            model_repository,
            options=OPTIONS,
        )
    options = Options(reading=Reading(dialect=Dialect(";")))
    with pytest.raises(BrokenRowError, match="expected 1 cells"):
        score([str(source)], tmp_path / "out.csv", model_repository, options=options)


def test_what_the_name_of_a_file_tells_is_guessed_of_the_files_beside_it(tmp_path, model_repository, capsys):
    for name in ("a.tsv", "b.csv", "c.tsv", "d.csv"):
        (tmp_path / name).write_text("\t".join(EXAMPLE) + "\n" + "\t".join(map(str, EXAMPLE.values())) + "\n")
    score([str(tmp_path)], tmp_path.with_suffix(".csv"), model_repository)
    (said,) = [line for line in capsys.readouterr().err.splitlines() if "tabs" in line]
    assert said.endswith("b.csv and 1 more file: columns are separated by tabs")
