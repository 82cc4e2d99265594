"""Reading labelled phones: from which files, what is ignored, what is refused, and in what words."""

import gzip
import hashlib
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet
from rich.console import Console

from pricerange import synthetic
from pricerange.errors import PriceRangeError
from pricerange.phone import FEATURE_NAMES
from pricerange.tables.csv.dialect import Dialect
from pricerange.tables.errors import (
    BadRowError,
    BrokenRowError,
    DialectError,
    DuplicateColumnError,
    MissingColumnError,
    NoInputError,
    RepeatedInputError,
    TableNotFoundError,
)
from pricerange.tables.source import blocks
from pricerange.tables.source.files import Reading
from training import data
from training.errors import DataSourceError, DuplicateRowError, EmptyTableError, InvalidLabelError

HEADER = [*FEATURE_NAMES, "price_range"]
TEXT = synthetic.as_csv(*synthetic.phones(5)).encode()


@pytest.fixture
def cells() -> list[list[str]]:
    """A table of 5 good phones as its cells, header first."""
    return [line.split(",") for line in synthetic.as_csv(*synthetic.phones(5)).splitlines()]


def write(folder: Path, cells: list[list[str]], name: str = "phones.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(",".join(row) for row in cells) + "\n")
    return path


def load(*sources: Path | str) -> data.LabelledPhones:
    return data.load(list(map(str, sources)))


def said(*sources: Path | str) -> str:
    """Return what is said while sources are read."""
    console = Console(file=io.StringIO(), width=80)
    data.load(list(map(str, sources)), console=console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def refusal(error: type[PriceRangeError], *sources: Path) -> str:
    with pytest.raises(error) as raised:
        load(*sources)
    assert str(sources[-1]) in str(raised.value)
    return str(raised.value)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# which files


def test_reads_features_in_the_order_of_the_table_whatever_the_file_has(tmp_path: Path) -> None:
    features, price_range = synthetic.phones(20)
    straight = tmp_path / "straight.csv"
    straight.write_text(synthetic.as_csv(features, price_range))
    table = csv.read_csv(straight)
    turned = tmp_path / "turned.parquet"
    parquet.write_table(table.select(table.column_names[::-1]), turned)

    for path in (straight, turned):
        phones = load(path)
        np.testing.assert_array_equal(phones.features, features.astype(np.float32))
        np.testing.assert_array_equal(phones.price_range, price_range)
        assert phones.features.dtype == np.float32
        assert phones.price_range.dtype == np.int64


def test_names_the_file_without_its_folder_and_by_its_checksum(
    tmp_path: Path, cells: list[list[str]]
) -> None:
    path = write(tmp_path, cells)
    for source in (str(path), f"file://{path}", str(tmp_path), str(tmp_path / "*.csv")):
        phones = load(source)
        assert phones.source == "phones.csv"
        assert phones.sha256 == digest(path)


@pytest.mark.parametrize("small", [True, False], ids=["small files", "large files"])
def test_several_files_are_one_table_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: bool
) -> None:
    if not small:
        monkeypatch.setattr(blocks, "SMALL_BYTES", 0)
    features, price_range = synthetic.phones(60)
    folder = tmp_path / "phones"
    (folder / "more").mkdir(parents=True)
    names = ["a.csv", "b.parquet", "more/c.csv.gz"]
    for place, name in enumerate(names):
        rows = slice(20 * place, 20 * place + 20)
        text = synthetic.as_csv(features[rows], price_range[rows])
        if name.endswith(".parquet"):
            parquet.write_table(csv.read_csv(io.BytesIO(text.encode())), folder / name)
        else:
            packed = gzip.compress if name.endswith(".gz") else bytes
            (folder / name).write_bytes(packed(text.encode()))
    paths = [folder / name for name in names]
    # as `sha256sum FILE... | cut -d ' ' -f 1 | sha256sum` has it
    listed = "".join(f"{digest(path)}\n" for path in paths).encode()
    for sources in ([folder], paths, [folder / "*.*", folder / "more"]):
        phones = load(*sources)
        np.testing.assert_array_equal(phones.features, features.astype(np.float32))
        np.testing.assert_array_equal(phones.price_range, price_range)
        assert phones.source == "3 files in phones"
        assert phones.sha256 == hashlib.sha256(listed).hexdigest()
    turned = load(*paths[::-1])
    assert turned.sha256 != phones.sha256
    np.testing.assert_array_equal(turned.price_range[-20:], price_range[:20])


def test_files_of_folders_that_share_none_are_in_several(tmp_path: Path, cells: list[list[str]]) -> None:
    with TemporaryDirectory(dir="/dev/shm") as other:
        paths = [write(tmp_path, cells[:3], "a.csv"), write(Path(other), [cells[0], *cells[3:]], "b.csv")]
        assert load(*paths).source == "2 files in several folders"


@pytest.mark.parametrize("wanted", ["synthetic:", "synthetic:0", "synthetic:-5", "synthetic:many"])
def test_refuses_a_number_of_synthetic_phones_that_is_none(wanted: str) -> None:
    with pytest.raises(DataSourceError, match=wanted):
        load(wanted)


def test_refuses_files_beside_synthetic_phones(tmp_path: Path, cells: list[list[str]]) -> None:
    for sources in (["synthetic", write(tmp_path, cells)], ["synthetic:20", "synthetic:30"]):
        with pytest.raises(DataSourceError, match="no other data beside it"):
            load(*sources)


def test_synthetic_phones_are_those_of_the_file_with_their_checksum(tmp_path: Path) -> None:
    generated = load("synthetic:300")
    path = tmp_path / "phones.csv"
    path.write_text(synthetic.as_csv(*synthetic.phones(300)))
    read = load(path)
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


@pytest.mark.parametrize(
    ("sources", "error"),
    [
        pytest.param(["none.csv"], TableNotFoundError, id="a file"),
        pytest.param(["*.parquet"], NoInputError, id="a glob"),
        pytest.param(["phones.csv", "phones.csv"], RepeatedInputError, id="twice"),
    ],
)
def test_refuses_files_that_are_not_there_or_twice(
    tmp_path: Path, cells: list[list[str]], sources: list[str], error: type[PriceRangeError]
) -> None:
    write(tmp_path, cells)
    refusal(error, *(tmp_path / source for source in sources))


# which columns


def test_other_columns_are_ignored_and_named_once(tmp_path: Path, cells: list[list[str]]) -> None:
    table = [["id", *cells[0], "", "a\x1b[1m"], *(["7", *row, "x", "y"] for row in cells[1:])]
    first = write(tmp_path, table[:3], "1.csv")
    second = write(tmp_path, [["sku", *table[0]], *(["s", *row] for row in table[3:])], "2.csv")
    assert said(first, second) == "ignored: id, '', 'a\\x1b[1m', sku\n"
    np.testing.assert_array_equal(load(first, second).features, load(write(tmp_path, cells)).features)
    assert said(write(tmp_path, cells)) == ""


def test_of_many_ignored_columns_the_first_are_named(tmp_path: Path, cells: list[list[str]]) -> None:
    names = [f"c{number}" for number in range(1_500)]
    table = [[*cells[0], *names], *([*row, *["1"] * 1_500] for row in cells[1:])]
    expected = f"ignored: {', '.join(names[:10])} and 1,490 more\n"
    assert said(write(tmp_path, table)) == expected


def test_files_that_are_no_tables_are_named(tmp_path: Path, cells: list[list[str]]) -> None:
    write(tmp_path, cells)
    (tmp_path / "README.md").touch()
    assert said(tmp_path).startswith("ignored, since their names are not those of tables: ")


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        pytest.param("ram", None, MissingColumnError, "lacks the column ram", id="a feature"),
        pytest.param("price_range", None, MissingColumnError, "lacks the column price_range", id="the label"),
        pytest.param(
            "ram", "rams", MissingColumnError, "lacks the column ram (found 'rams')", id="misspelled"
        ),
        pytest.param(
            "price_range",
            "price_rnge",
            MissingColumnError,
            "lacks the column price_range (found 'price_rnge')",
            id="the label, misspelled",
        ),
        pytest.param(None, "ram", DuplicateColumnError, "more than one column named ram", id="twice"),
        pytest.param(
            None,
            "price_range",
            DuplicateColumnError,
            "more than one column named price_range",
            id="two labels",
        ),
    ],
)
def test_refuses_wrong_columns(
    tmp_path: Path,
    cells: list[list[str]],
    old: str | None,
    new: str | None,
    error: type[PriceRangeError],
    message: str,
) -> None:
    write(tmp_path, cells, "a.csv")
    if old is None:
        cells = [[*row, "1"] for row in cells]
        cells[0][-1] = str(new)
    elif new is None:
        place = HEADER.index(old)
        cells = [row[:place] + row[place + 1 :] for row in cells]
    else:
        cells[0][HEADER.index(old)] = new
    path = write(tmp_path, cells, "b.csv")
    assert message in refusal(error, path)
    assert message in refusal(error, tmp_path / "a.csv", path)


# which rows


@pytest.mark.parametrize(
    ("column", "cell", "error"),
    [
        pytest.param("ram", "much", BadRowError, id="text"),
        pytest.param("sc_w", "", BadRowError, id="missing value"),
        pytest.param("ram", "4", BadRowError, id="wrong unit"),
        pytest.param("wifi", "2", BadRowError, id="neither yes nor no"),
        pytest.param("n_cores", "2.5", BadRowError, id="not whole"),
        pytest.param("price_range", "4", InvalidLabelError, id="label too high"),
        pytest.param("price_range", "-1", InvalidLabelError, id="label too low"),
        pytest.param("price_range", "1.5", InvalidLabelError, id="label not whole"),
        pytest.param("price_range", "high", InvalidLabelError, id="label as text"),
        pytest.param("price_range", "", InvalidLabelError, id="label missing"),
    ],
)
def test_refuses_a_wrong_cell_with_its_file_row_and_column(
    tmp_path: Path, cells: list[list[str]], column: str, cell: str, error: type[PriceRangeError]
) -> None:
    write(tmp_path, [cells[0]], "a.csv")
    cells[3][HEADER.index(column)] = cell
    path = write(tmp_path, cells, "b.csv")
    assert f"b.csv, row 3: {column} must be " in refusal(error, path)
    assert f"b.csv, row 3: {column} must be " in refusal(error, tmp_path / "a.csv", path)


def test_refuses_a_wrong_label_in_a_typed_column(tmp_path: Path) -> None:
    features, price_range = synthetic.phones(4)
    columns = {name: features[:, place] for place, name in enumerate(FEATURE_NAMES)}
    path = tmp_path / "phones.parquet"
    parquet.write_table(pa.table({**columns, "price_range": price_range + 10}), path)
    assert "row 1: price_range must be " in refusal(InvalidLabelError, path)


def test_a_long_label_is_quoted_by_its_beginning(tmp_path: Path) -> None:
    features, _ = synthetic.phones(4)
    columns = {name: features[:, place] for place, name in enumerate(FEATURE_NAMES)}
    labels = pa.array(["x" * 1_001] * 4, pa.string_view())
    path = tmp_path / "phones.arrow"
    with pa.ipc.new_file(path, (table := pa.table({**columns, "price_range": labels})).schema) as writer:
        writer.write_table(table)
    message = refusal(InvalidLabelError, path)
    assert "row 1: price_range must be a whole number between 0 and 3, got the string" in message
    assert len(message) < len(str(path)) + 150


def test_refuses_a_phone_that_stands_there_twice_even_with_another_label(
    tmp_path: Path, cells: list[list[str]]
) -> None:
    cells.append([*cells[2][:-1], "0"])
    message = refusal(DuplicateRowError, write(tmp_path, cells))
    assert message.endswith(
        "phones.csv, row 6: all features are identical to those of row 2; each phone must occur only once"
    )


def test_refuses_a_phone_that_stands_in_two_files(tmp_path: Path, cells: list[list[str]]) -> None:
    first, none, third = (
        write(tmp_path, [cells[0], *rows], f"{place}.csv")
        for place, rows in enumerate([cells[1:3], [], [cells[3], cells[2]]])
    )
    message = refusal(DuplicateRowError, first, none, third)
    assert message.startswith(f"{third}, row 2: all features are identical to those of {first}, row 2; ")


def test_refuses_a_table_without_rows(tmp_path: Path, cells: list[list[str]]) -> None:
    for name in ("a.csv", "b.csv"):
        write(tmp_path, cells[:1], name)
    with pytest.raises(EmptyTableError, match=r"a\.csv: found columns but no rows"):
        load(tmp_path / "a.csv")
    with pytest.raises(EmptyTableError, match=r"2 files in .*: found columns but no rows"):
        load(tmp_path)


def test_refuses_a_broken_row_with_its_number(tmp_path: Path, cells: list[list[str]]) -> None:
    cells[4] = cells[4][:-1]
    assert "row 4: expected 21 cells, found 20" in refusal(BrokenRowError, write(tmp_path, cells))


# how they are written


def test_a_european_table_is_read_to_the_last_bit_and_what_was_guessed_is_said(
    tmp_path: Path, cells: list[list[str]]
) -> None:
    plain = load(write(tmp_path, cells))
    header = [name.replace("ram", "RAM").replace("price_range", "Price Range") for name in cells[0]]
    rows = [[cell.replace(".", ",") for cell in row] for row in cells[1:]]
    for name in ("a.csv", "b.csv"):
        text = "\n".join(";".join(row) for row in [header, *(rows[:3] if name == "a.csv" else rows[3:])])
        (tmp_path / name).write_text(text + "\n" + ";" * 20 + "\n")
    reading = Reading(dialect=Dialect(decimal=","))
    console = Console(file=io.StringIO(), width=80)
    european = data.load([str(tmp_path / "a.csv"), str(tmp_path / "b.csv")], reading, console)
    assert european.features.tobytes() == plain.features.tobytes()
    assert european.price_range.tolist() == plain.price_range.tolist()
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        f"{tmp_path}/a.csv and 1 more file: columns are separated by semicolons; RAM is read as ram; "
        "Price Range is read as price_range",
        f"{tmp_path}/a.csv and 1 more file: empty lines at the end are skipped",
    ]


def test_a_dialect_that_no_file_has_is_refused(tmp_path: Path) -> None:
    parquet.write_table(csv.read_csv(io.BytesIO(TEXT)), tmp_path / "a.parquet")
    with pytest.raises(DialectError, match="the dialect of CSV: expected files of CSV, got "):
        data.load([str(tmp_path / "a.parquet")], Reading(dialect=Dialect(decimal=",")))


def test_what_was_guessed_is_said_also_where_a_row_is_bad(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(TEXT.replace(b",", b";").replace(b".", b","))
    said = Console(file=io.StringIO(), width=200)
    with pytest.raises(BadRowError):
        data.load([str(tmp_path / "a.csv")], console=said)
    assert "a.csv: columns are separated by semicolons\n" in said.file.getvalue()
