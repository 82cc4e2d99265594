"""What a dry run says of a folder that holds a bit of everything, and that it writes nothing."""

import gzip
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from pricerange.phone import FEATURES
from pricerange.tables.expanded import BLOCK_BYTES
from scoring.job.job import OnBadRow
from scoring.order import Options
from scoring.score import look, score

PHONES = pa.table({feature.name: [feature.example] * 5 for feature in FEATURES})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Good tables, bad rows, missing columns, a title above the header, another form, another file."""
    place = tmp_path / "in"
    place.mkdir()
    good = PHONES.append_column("id", pa.array(["a", "b", "c", "d", "e"]))
    arrow_csv.write_csv(good, place / "good.csv")
    (place / "good2.csv").write_bytes((place / "good.csv").read_bytes())
    (place / "packed.csv.gz").write_bytes(gzip.compress((place / "good.csv").read_bytes()))
    parquet.write_table(PHONES.append_column("label", pa.array(["x"] * 5)), place / "labelled.parquet")
    ram = pa.array([2800.0, 1.0, 2800.0, 2800.0, None])
    parquet.write_table(
        PHONES.set_column(PHONES.schema.get_field_index("ram"), "ram", ram), place / "bad.parquet"
    )
    arrow_csv.write_csv(PHONES.drop_columns(["wifi"]), place / "few.csv")
    (place / "title.csv").write_bytes(b"Phones 2024\n" + (place / "good.csv").read_bytes())
    parquet.write_table(PHONES, place / "other.csv")
    (place / "notes.txt").write_text("hello")
    return place


def told(
    folder: Path, models: Path, on_bad_row: OnBadRow = "fail", columns: tuple[str, ...] | None = None
) -> str:
    target = folder.parent / "out"
    before = sorted(folder.parent.rglob("*"))
    said = look([str(folder)], target, models, options=Options(on_bad_row, columns))
    assert sorted(folder.parent.rglob("*")) == before
    return said.replace(f"{folder.parent}/", "")


def test_a_folder_of_everything_is_told_file_by_file(folder: Path, model_repository: Path) -> None:
    lines = told(folder, model_repository).splitlines()
    assert lines[0].startswith("8 files, ")
    assert lines[0].endswith(" rows")
    of_two = lines.index("csv: in/good.csv, in/good2.csv")
    assert lines[of_two + 1 : of_two + 3] == ["  features: 20 of 20", "  kept beside them: id"]
    assert "csv, gzip: in/packed.csv.gz" in lines
    assert (
        lines[lines.index("parquet: in/labelled.parquet") + 2] == "  kept beside them: label as input_label"
    )
    assert lines[lines.index("csv: in/few.csv") + 1] == "  features: 19 of 20; missing: wifi"
    text = "\n".join(lines)
    assert "in/bad.parquet, row 2: ram must be a whole number between 128 and 131072 MB, got 1" in text
    assert "in/bad.parquet, row 5: ram must be" in text
    assert "the table lacks the column wifi" in text
    assert "in/title.csv" in text
    assert "it is Parquet" in text
    assert "the job would end with the first of these" in text
    assert lines[-1].startswith("would be written: out, a folder of parquet parts")


@pytest.mark.parametrize(
    ("on_bad_row", "words"),
    [("reject", "bad rows would go to out.rejected"), ("null", "with the reason in a column error")],
)
def test_what_becomes_of_bad_rows_is_told(
    folder: Path, model_repository: Path, on_bad_row: OnBadRow, words: str
) -> None:
    assert words in told(folder, model_repository, on_bad_row)


def test_what_columns_leaves_out_is_told(folder: Path, model_repository: Path) -> None:
    said = told(folder, model_repository, columns=("id", "ram"))
    assert "  kept beside them: id\n  left out by --columns: battery_power, " in said


def test_what_a_dry_run_finds_good_is_scored(folder: Path, model_repository: Path) -> None:
    good = [str(folder / "good.csv"), str(folder / "packed.csv.gz")]
    target = folder.parent / "out"
    said = look(good, target, model_repository)
    assert "rows looked at: 10, 0 of them no valid phones" in said
    assert "would end" not in said
    assert score(good, target, model_repository).rows == 10


def test_a_dry_run_reads_what_the_job_reads_and_looks_for_the_columns_to_keep(
    tmp_path: Path, model_repository: Path
) -> None:
    long = pa.array(["x" * (BLOCK_BYTES + 1)] * 5)
    table = PHONES.append_column("id", pa.array(["a"] * 5)).append_column("long", long)
    (tmp_path / "in").mkdir()
    parquet.write_table(table, tmp_path / "in" / "long.parquet", use_dictionary=False)
    said = told(tmp_path / "in", model_repository, columns=("id",))
    assert "rows looked at: 5, 0 of them no valid phones" in said
    assert "and 1 more columns" in said.partition("left out by --columns: ")[2]
    assert "would end" not in said
    said = told(tmp_path / "in", model_repository, "null", columns=("id", "sku"))
    assert (
        "  in/long.parquet lacks sku, which is among the columns to keep\n"
        "  the job would end with the first of these, whatever --on-bad-row says\n"
    ) in said


@pytest.mark.parametrize("on_bad_row", ["reject", "null"])
def test_what_ends_a_job_whatever_becomes_of_bad_rows_is_told_apart_from_them(
    folder: Path, model_repository: Path, on_bad_row: OnBadRow
) -> None:
    lines = told(folder, model_repository, on_bad_row).splitlines()
    end = lines.index("  the job would end with the first of these, whatever --on-bad-row says")
    assert any("it is Parquet" in line for line in lines[:end])
    assert any("in/bad.parquet, row 2" in line for line in lines[end:])


def test_columns_that_are_missing_above_no_rows_end_a_job_as_a_dry_run_says(
    tmp_path: Path, model_repository: Path
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "head.csv").write_text("ram\n")
    assert "head.csv: the table lacks 19 columns" in told(tmp_path / "in", model_repository)
    assert "lacks" not in told(tmp_path / "in", model_repository, "null")
