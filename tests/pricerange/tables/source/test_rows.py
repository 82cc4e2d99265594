"""Rows of files: in order, with the columns that are asked for, and errors that name file and row."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from scoring_tables import EXAMPLE, FORMATS, write

from pricerange.errors import PriceRangeError
from pricerange.phone import FEATURE_NAMES
from pricerange.tables.csv import file as csv_file
from pricerange.tables.errors import (
    BrokenRowError,
    DuplicateColumnError,
    MissingColumnError,
    UnreadableTableError,
)
from pricerange.tables.json import file as json_file
from pricerange.tables.names import feature_places
from pricerange.tables.source import blocks, files
from pricerange.tables.source.rows import Judged, judged

HEADER = ",".join([*EXAMPLE, "id"])
ROW = ",".join(map(str, EXAMPLE.values()))


def phones(first: int, rows: int) -> pa.Table:
    columns = {name: pa.array([float(value)] * rows) for name, value in EXAMPLE.items()}
    ids = list(range(first, first + rows))
    return pa.table({"note": ["x"] * rows, **columns, "ram": [1000.0 + each for each in ids], "id": ids})


def read(*sources: Path) -> list[Judged]:
    return list(judged(files.find(list(map(str, sources))).files, lambda file, names: ["id"]))


def ids(found: list[Judged]) -> list[int]:
    return [int(each) for block in found for each in block.columns[0].to_pylist()]


@pytest.mark.parametrize("small", [True, False], ids=["small files", "large files"])
@pytest.mark.parametrize("form", FORMATS)
def test_rows_come_in_order_with_their_numbers_and_the_columns_asked_for(tmp_path, monkeypatch, form, small):
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 4)
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 500)
    monkeypatch.setattr(json_file, "BLOCK_BYTES", 1_000)
    if not small:
        monkeypatch.setattr(blocks, "SMALL_BYTES", 0)
    for number in range(3):
        write(phones(10 * number, 10 * (number != 1)), tmp_path / f"{number}.{form}")
    found = read(tmp_path)
    assert ids(found) == [*range(10), *range(20, 30)]
    rows = np.concatenate([block.verdict.rows for block in found])
    np.testing.assert_array_equal(rows[:, FEATURE_NAMES.index("ram")], 1000 + np.array(ids(found)))
    told = {(Path(block.file.name).name, block.row): len(block.verdict.rows) for block in found}
    assert max(told.values()) < 10
    for number in range(3):
        numbers = [
            row + k for (name, row), rows in told.items() if name[0] == str(number) for k in range(rows)
        ]
        assert numbers == list(range(1, 1 + 10 * (number != 1)))
    # of a file without rows, that it has none
    # of NDJSON a file without lines has nothing to tell
    assert ((f"1.{form}", 1) in told) == ("json" not in form)


@pytest.mark.parametrize("small", [True, False], ids=["small files", "large files"])
@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        pytest.param(f"{HEADER}\n{ROW},1\n{ROW}\n", BrokenRowError, "row 2: expected 21 cells", id="short"),
        pytest.param(f'{HEADER}\n{ROW},1\n{ROW},"2\n', BrokenRowError, "row 2: a quote is not", id="quote"),
        pytest.param(f"{HEADER},ram\n{ROW},1,2\n", DuplicateColumnError, "more than one column", id="twice"),
        pytest.param(
            f"{HEADER.replace('ram', 'RAM-x')}\n", MissingColumnError, "lacks the column ram", id="lacks"
        ),
        pytest.param("", UnreadableTableError, "the file is empty", id="empty"),
        pytest.param(
            "\n".join([HEADER, *[f"{ROW},1"] * 50, f"{ROW},\x00\udcff"]),
            BrokenRowError,
            "row 51: not valid UTF-8: byte 0xff",
            id="Latin-1",
        ),
    ],
)
def test_what_is_wrong_names_the_file_and_the_row(tmp_path, monkeypatch, content, error, message, small):
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 500)
    if not small:
        monkeypatch.setattr(blocks, "SMALL_BYTES", 0)
    (tmp_path / "0.csv").write_text(f"{HEADER}\n{ROW},1\n{ROW},2\n")
    (tmp_path / "1.csv").write_text(content, errors="surrogateescape")
    with pytest.raises(error, match=message) as refused:
        read(tmp_path / "0.csv", tmp_path / "1.csv")
    assert str(refused.value).startswith(str(tmp_path / "1.csv"))


def test_a_column_that_nobody_asks_for_is_not_read(tmp_path):
    long = phones(0, 1).append_column("page", pa.array(["x" * (1 << 23)]))
    parquet.write_table(long, tmp_path / "a.parquet", use_dictionary=False, compression="none")
    assert ids(read(tmp_path / "a.parquet")) == [0]


def test_who_asks_is_given_the_columns_of_each_file_and_may_end_the_reading(tmp_path):
    told = []

    class NoError(PriceRangeError):
        pass

    def ask(file, names):
        told.append((Path(file.name).name, list(names)))
        if file.name.endswith("b.csv"):
            raise NoError
        return []

    write(phones(0, 1), tmp_path / "a.csv")
    write(phones(0, 1).drop_columns(["note"]), tmp_path / "b.csv")
    with pytest.raises(NoError):
        list(judged(files.find([str(tmp_path)]).files, ask))
    assert told == [("a.csv", ["note", *EXAMPLE, "id"]), ("b.csv", [*EXAMPLE, "id"])]


@pytest.mark.parametrize("small", [True, False], ids=["small files", "large files"])
def test_lines_of_which_none_has_a_field_are_not_passed_over(tmp_path, monkeypatch, small):
    if not small:
        monkeypatch.setattr(blocks, "SMALL_BYTES", 0)
    write(phones(0, 3), tmp_path / "a.ndjson")
    (tmp_path / "b.ndjson").write_text("[1]\n{}\n")
    with pytest.raises(MissingColumnError, match=r"b\.ndjson lacks 20 columns"):
        list(judged(files.find([str(tmp_path)]).files, lambda file, names: feature_places(names) and ["id"]))


@pytest.mark.parametrize("small", [True, False], ids=["small files", "large files"])
def test_a_file_without_lines_has_nothing_to_tell_in_any_folder(tmp_path, monkeypatch, small):
    if not small:
        monkeypatch.setattr(blocks, "SMALL_BYTES", 0)
    for year in (2024, 2025, 2026):
        (tmp_path / f"year={year}").mkdir()
        write(phones(year, 2 * (year != 2025)), tmp_path / f"year={year}/a.ndjson")
    assert ids(read(tmp_path)) == [2024, 2025, 2026, 2027]


def test_the_name_of_a_file_tells_how_it_is_read_whatever_stands_before_it(tmp_path):
    (tmp_path / "a.csv").write_text(f"{HEADER}\n{ROW},1\n")
    (tmp_path / "b.tsv").write_text(f"{HEADER}\n{ROW},2\n")
    with pytest.raises(MissingColumnError, match=r"b\.tsv lacks 20 columns"):
        list(judged(files.find([str(tmp_path)]).files, lambda file, names: []))
