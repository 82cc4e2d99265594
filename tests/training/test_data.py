"""Reading labelled phones: what is refused, and in what words."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from pricerange import synthetic
from pricerange.errors import PriceRangeError
from pricerange.phone import FEATURE_NAMES
from pricerange.tables.errors import TableNotFoundError
from training import data
from training.errors import (
    ColumnsError,
    DataSourceError,
    DuplicateRowError,
    EmptyTableError,
    InvalidLabelError,
    InvalidPhoneError,
)

HEADER = [*FEATURE_NAMES, "price_range"]


@pytest.fixture
def cells() -> list[list[str]]:
    """A table of 5 good phones as its cells, header first."""
    return [line.split(",") for line in synthetic.as_csv(*synthetic.phones(5)).splitlines()]


def write(folder: Path, cells: list[list[str]]) -> Path:
    path = folder / "phones.csv"
    path.write_text("\n".join(",".join(row) for row in cells) + "\n")
    return path


def refusal(path: Path, error: type[PriceRangeError]) -> str:
    with pytest.raises(error) as raised:
        data.read(path)
    assert str(path) in str(raised.value)
    return str(raised.value)


def test_reads_features_in_the_order_of_the_table_whatever_the_file_has(tmp_path: Path) -> None:
    features, price_range = synthetic.phones(20)
    straight = tmp_path / "straight.csv"
    straight.write_text(synthetic.as_csv(features, price_range))
    table = csv.read_csv(straight)
    turned = tmp_path / "turned.parquet"
    parquet.write_table(table.select(table.column_names[::-1]), turned)

    for path in (straight, turned):
        phones = data.read(path)
        np.testing.assert_array_equal(phones.features, features.astype(np.float32))
        np.testing.assert_array_equal(phones.price_range, price_range)
        assert phones.features.dtype == np.float32
        assert phones.price_range.dtype == np.int64


def test_names_the_file_without_its_folder_and_by_its_checksum(
    tmp_path: Path, cells: list[list[str]]
) -> None:
    path = write(tmp_path, cells)
    phones = data.read(path)
    assert phones.source == "phones.csv"
    assert phones.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param("ram", None, "lacks the column 'ram'", id="missing feature"),
        pytest.param("price_range", None, "lacks the column 'price_range'", id="missing label"),
        pytest.param(None, "colour", "has the unexpected column 'colour'", id="extra"),
        pytest.param("ram", "RAM", "lacks the column 'ram' and has the unexpected column 'RAM'", id="wrong"),
        pytest.param(None, "", "has the unexpected column '' (without a name)", id="no name"),
        pytest.param(None, "ram", "has the unexpected column 'ram'", id="twice"),
    ],
)
def test_refuses_wrong_columns(
    tmp_path: Path, cells: list[list[str]], old: str | None, new: str | None, said: str
) -> None:
    if old is None:
        cells = [[*row, "1"] for row in cells]
        cells[0][-1] = str(new)
    elif new is None:
        place = HEADER.index(old)
        cells = [row[:place] + row[place + 1 :] for row in cells]
    else:
        cells[0][HEADER.index(old)] = new
    assert said in refusal(write(tmp_path, cells), ColumnsError)


@pytest.mark.parametrize(
    ("column", "cell", "error"),
    [
        pytest.param("ram", "much", InvalidPhoneError, id="text"),
        pytest.param("sc_w", "", InvalidPhoneError, id="missing value"),
        pytest.param("ram", "4", InvalidPhoneError, id="wrong unit"),
        pytest.param("wifi", "2", InvalidPhoneError, id="neither yes nor no"),
        pytest.param("n_cores", "2.5", InvalidPhoneError, id="not whole"),
        pytest.param("price_range", "4", InvalidLabelError, id="label too high"),
        pytest.param("price_range", "-1", InvalidLabelError, id="label too low"),
        pytest.param("price_range", "1.5", InvalidLabelError, id="label not whole"),
        pytest.param("price_range", "high", InvalidLabelError, id="label as text"),
        pytest.param("price_range", "", InvalidLabelError, id="label missing"),
    ],
)
def test_refuses_a_wrong_cell_with_its_row_line_and_column(
    tmp_path: Path, cells: list[list[str]], column: str, cell: str, error: type[PriceRangeError]
) -> None:
    cells[3][HEADER.index(column)] = cell
    message = refusal(write(tmp_path, cells), error)
    assert f"row 3 (line 4): {column} must be " in message


def test_refuses_a_wrong_label_in_a_typed_column(tmp_path: Path) -> None:
    features, price_range = synthetic.phones(4)
    columns = {name: features[:, place] for place, name in enumerate(FEATURE_NAMES)}
    path = tmp_path / "phones.parquet"
    parquet.write_table(pa.table({**columns, "price_range": price_range + 10}), path)
    assert "row 1 (line 2): price_range must be " in refusal(path, InvalidLabelError)


def test_refuses_a_phone_that_stands_there_twice_even_with_another_label(
    tmp_path: Path, cells: list[list[str]]
) -> None:
    cells.append([*cells[2][:-1], "0"])
    message = refusal(write(tmp_path, cells), DuplicateRowError)
    assert "row 6 (line 7)" in message
    assert "row 2 (line 3)" in message


def test_refuses_a_table_without_rows(tmp_path: Path, cells: list[list[str]]) -> None:
    refusal(write(tmp_path, cells[:1]), EmptyTableError)


def test_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    refusal(tmp_path / "phones.csv", TableNotFoundError)


@pytest.mark.parametrize("wanted", ["synthetic:", "synthetic:0", "synthetic:-5", "synthetic:many"])
def test_refuses_a_number_of_synthetic_phones_that_is_none(wanted: str) -> None:
    with pytest.raises(DataSourceError, match=wanted):
        data.load(wanted)


def test_synthetic_phones_are_those_of_the_file_with_their_checksum(tmp_path: Path) -> None:
    generated = data.load("synthetic:300")
    path = tmp_path / "phones.csv"
    path.write_text(synthetic.as_csv(*synthetic.phones(300)))
    read = data.read(path)
    np.testing.assert_array_equal(generated.features, read.features)
    np.testing.assert_array_equal(generated.price_range, read.price_range)
    assert generated.sha256 == read.sha256
    assert generated.source == "synthetic:300"


def test_synthetic_price_ranges_follow_their_rule_but_for_the_noise() -> None:
    features, price_range = synthetic.phones(20_000)
    by_rule = np.searchsorted(synthetic.THRESHOLDS, synthetic.score(features))
    assert 0.97 < np.mean(by_rule == price_range) < 1
    assert np.abs(by_rule - price_range).max() == 1
    np.testing.assert_allclose(np.bincount(price_range) / 20_000, 0.25, atol=0.02)
