import csv
import datetime
import decimal
import json
import math

import numpy as np
import pyarrow as pa
import pytest
from arrow_columns import COLUMNS
from batches import batches
from corpus import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from pydantic import ValidationError

from pricerange.phone import FEATURE_NAMES, FEATURES, Feature, Phone, features_of, problems, refusal
from pricerange.tables import table
from pricerange.tables.cells import numbers
from pricerange.tables.errors import BrokenBlockError, DuplicateColumnError, MissingColumnError
from pricerange.tables.names import feature_places

EXAMPLE = {feature.name: feature.example for feature in FEATURES}
FEATURE = {feature.name: feature for feature in FEATURES}


def batch_of(**columns: object) -> pa.RecordBatch:
    """Return one phone, the example, with other columns in place of its own."""
    arrays = {name: pa.array([value]) for name, value in EXAMPLE.items()} | columns
    return pa.RecordBatch.from_pydict(arrays)


def reasons(verdict: table.Verdict) -> list[tuple[int, str]]:
    """Return each row that is no phone, and why; asked for one by one it is the same as for many."""
    rows = np.flatnonzero(~verdict.valid).tolist()
    found = [(row, reason.detail) for row, reason in zip(rows, verdict.explained(rows), strict=True)]
    assert found == [(row, verdict.detail(row)) for row in rows]
    return found


# which columns


def test_columns_are_found_by_name_in_any_order_and_others_ignored():
    columns = {name: pa.array([value]) for name, value in reversed(EXAMPLE.items())}
    batch = pa.RecordBatch.from_pydict({"shop": pa.array(["x"]), **columns, "price_range": pa.array([7])})
    checked = table.judge(batch)
    assert checked.rows.dtype == np.float32
    assert checked.rows.flags.c_contiguous
    np.testing.assert_array_equal(checked.rows, [np.float32(list(EXAMPLE.values()))])


def test_missing_columns_are_named_with_what_they_may_be_called():
    batch = batch_of().rename_columns(
        [{"ram": "RAMM", "wifi": "Wi-Fy", "fc": "x"}.get(name, name) for name in FEATURE_NAMES]
    )
    with pytest.raises(MissingColumnError) as refused:
        table.judge(batch)
    assert str(refused.value) == "the table lacks 3 columns: fc, ram (found 'RAMM'), wifi (found 'Wi-Fy')"


def test_names_of_very_many_columns_are_not_compared():
    with pytest.raises(MissingColumnError) as refused:
        feature_places([*FEATURE_NAMES[:-1], "Wi-Fy", *map(str, range(100))])
    assert str(refused.value) == "the table lacks the column wifi"


def test_a_feature_in_two_columns_is_refused():
    batch = batch_of()
    twice = pa.RecordBatch.from_arrays([*batch.columns, batch["ram"]], [*batch.schema.names, "ram"])
    with pytest.raises(DuplicateColumnError, match="more than one column named ram"):
        table.judge(twice)


# which cells


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", 5.0),
        ("5.25", 5.25),
        ("05", 5.0),
        ("5.", 5.0),
        (".5", 0.5),
        ("+5", 5.0),
        ("-0", 0.0),
        ("1e1", 10.0),
        ("1E+1", 10.0),
        ("50e-1", 5.0),
        (" 5", 5.0),
        ("5\t ", 5.0),
        ("1e-400", 0.0),
        ("0.1", 0.1),
        ("", None),
        (" ", None),
        ("1e400", math.inf),
        ("0x10", "0x10"),
        ("1_0", "1_0"),
        ("1,5", "1,5"),
        ("1 5", "1 5"),
        ("\u0661", "\u0661"),
        ("5\xa0", "5\xa0"),
        ("inf", "inf"),
        ("-Infinity", "-Infinity"),
        ("nan", "nan"),
        ("NaN", "NaN"),
        ("true", "true"),
        ("abc", "abc"),
        ("5 megapixel", "5 megapixel"),
        ("5e", "5e"),
        ("--5", "--5"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("neighbour", ["7", "no number"])
def test_csv_text_is_a_number_or_a_problem(tmp_path, text, number, neighbour):
    path = tmp_path / "phones.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(FEATURE_NAMES)
        writer.writerows((EXAMPLE | {"fc": cell}).values() for cell in (text, neighbour))
    (batch,) = batches(path)
    checked = table.judge(batch)
    if isinstance(number, float) and math.isfinite(number):
        assert checked.valid[0]
        assert checked.rows[0, FEATURE_NAMES.index("fc")] == np.float32(number)
    else:
        assert not checked.valid[0]
        assert reasons(checked)[0] == (0, refusal(FEATURE["fc"], number))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("true", 1),
        ("False", 0),
        (" TRUE ", 1),
        ("1", 1),
        ("0.0", 0),
        ("yes", 1),
        (" No", 0),
        ("y", None),
        ("2", None),
        ("0.5", None),
    ],
)
def test_text_of_truth_is_a_value_of_a_yes_no_feature(text, number):
    checked = table.judge(batch_of(wifi=pa.array([text])))
    assert checked.valid[0] == (number is not None)
    assert checked.rows[0, FEATURE_NAMES.index("wifi")] == (number or 0)


def test_a_text_deep_in_a_csv_is_a_problem_of_its_row_alone(tmp_path):
    rows = [EXAMPLE] * 40_000
    rows[35_000] = EXAMPLE | {"ram": "4 GB", "talk_time": ""}
    path = tmp_path / "phones.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, FEATURE_NAMES)
        writer.writeheader()
        writer.writerows(rows)
    found = []
    start = 0
    for batch in batches(path):
        found += [(start + row, detail) for row, detail in reasons(table.judge(batch))]
        start += batch.num_rows
    details = f"{refusal(FEATURE['ram'], '4 GB')}; {refusal(FEATURE['talk_time'], None)}"
    assert (start, found) == (40_000, [(35_000, details)])


def stored(values: list[int | None], kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return pa.array(values).cast(kind.value_type).dictionary_encode().cast(kind)
    return pa.array(values, pa.int16()).cast(kind)


@pytest.mark.parametrize(
    "kind",
    [
        pa.int16(),
        pa.uint64(),
        pa.float16(),
        pa.float32(),
        pa.float64(),
        pa.decimal128(9, 4),
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.dictionary(pa.int8(), pa.int64()),
        pa.dictionary(pa.int8(), pa.string()),
    ],
    ids=str,
)
def test_a_number_may_be_stored_in_any_type(kind):
    good = stored([8, 8], kind)
    assert table.judge(batch_of(n_cores=good.slice(1))).valid.tolist() == [True]
    empty = stored([8, None], kind)
    assert reasons(table.judge(batch_of(n_cores=empty.slice(1)))) == [(0, refusal(FEATURE["n_cores"], None))]


@pytest.mark.parametrize("feature", ["ram", "clock_speed"])
@pytest.mark.parametrize(
    ("kind", "bits"), [("u2", 0x7D01), ("u4", 0x7FA00001), ("u8", 0x7FF4000000000001)], ids=["f2", "f4", "f8"]
)
def test_a_signalling_nan_is_no_number_like_any_other(kind, bits, feature):
    values = pa.array(np.array([bits], kind).view(kind.replace("u", "f")))
    assert reasons(table.judge(batch_of(**{feature: values}))) == [(0, refusal(FEATURE[feature], math.nan))]


RUNS = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3, 5], pa.int16()), pa.array(["1", "true", None]))
VIEWS = pa.array(["0", "1", "x"], pa.string_view())


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        pytest.param(RUNS, [1, 1, 1, math.nan, math.nan], id="runs"),
        pytest.param(RUNS.slice(1, 3), [1, 1, math.nan], id="a part of runs"),
        pytest.param(RUNS.slice(5), [], id="no runs"),
        pytest.param(
            pa.DictionaryArray.from_arrays(pa.array([4, None, 2]), RUNS),
            [math.nan, math.nan, 1],
            id="into runs",
        ),
        pytest.param(
            pa.DictionaryArray.from_arrays(pa.array([1, None, 0, 2]), VIEWS),
            [1, math.nan, 0, math.nan],
            id="to views",
        ),
        pytest.param(
            pa.DictionaryArray.from_arrays(pa.nulls(2, pa.int8()), VIEWS), [math.nan] * 2, id="to nothing"
        ),
        pytest.param(
            pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0, None], pa.int8())),
            [1, 0, math.nan],
            id="bool8",
        ),
        pytest.param(pa.array([], pa.string_view()), [], id="no views"),
    ],
)
def test_a_way_to_store_numbers_does_not_change_them(column, expected):
    np.testing.assert_array_equal(numbers(FEATURE["wifi"], column), expected)


@pytest.mark.parametrize("name", ["ram", "wifi"])
@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: str(column.type))
def test_a_column_of_any_type_has_numbers_or_problems(column, name):
    rows = {other: pa.array([value] * 3) for other, value in EXAMPLE.items()}
    checked = table.judge(pa.RecordBatch.from_pydict(rows | {name: column}))
    begin = f"{name} must be {FEATURE[name].rule}, got "
    assert [detail[: len(begin)] for _, detail in reasons(checked)] == [begin] * (~checked.valid).sum()


def test_a_long_text_that_many_views_may_share_is_refused():
    with pytest.raises(BrokenBlockError, match="ram: expected at most 1000 bytes per cell, found 1"):
        table.judge(batch_of(ram=pa.array(["9" * 1_001], pa.string_view())))


def test_a_parquet_file_may_hold_what_is_neither_a_date_nor_text(tmp_path):
    dates = pa.array([1, 2]).view(pa.timestamp("us", "Mars/Phobos"))
    texts = pa.array([b"\xff1", b"1"]).view(pa.string())
    rows = {name: pa.array([value] * 2) for name, value in EXAMPLE.items()}
    parquet.write_table(pa.table(rows | {"ram": dates, "fc": texts}), tmp_path / "odd.parquet")
    (batch,) = batches(tmp_path / "odd.parquet")
    ram = refusal(FEATURE["ram"], "timestamp[us, tz=Mars/Phobos]")
    assert reasons(table.judge(batch)) == [
        (0, f"{refusal(FEATURE['fc'], chr(0xFFFD) + '1')}; {ram}"),
        (1, ram),
    ]


@pytest.mark.parametrize(
    ("column", "shown"),
    [
        pytest.param(pa.array([True]), True, id="truth value"),
        pytest.param(pa.array([300]), 300, id="outside the limits"),
        pytest.param(pa.array([2.5]), 2.5, id="not whole"),
        pytest.param(pa.array([math.nan]), math.nan, id="NaN"),
        pytest.param(pa.array([-math.inf]), -math.inf, id="infinity"),
        pytest.param(pa.array([1e300]), 1e300, id="beyond float32"),
        pytest.param(pa.nulls(1), None, id="nothing"),
        pytest.param(pa.array([[8]]), [8], id="list"),
        pytest.param(pa.array([{"n": 8}]), {"n": 8}, id="object"),
        pytest.param(pa.array([b"8"]), b"8", id="bytes"),
        pytest.param(pa.array([datetime.date(2008, 8, 8)]), "2008-08-08", id="date"),
        pytest.param(pa.array([decimal.Decimal("2.50")]), 2.5, id="decimal"),
        pytest.param(pa.array(["8 or 9"]).dictionary_encode(), "8 or 9", id="text in a dictionary"),
    ],
)
def test_a_value_of_another_kind_is_a_problem_of_its_row(column, shown):
    checked = table.judge(batch_of(n_cores=column))
    assert reasons(checked) == [(0, refusal(FEATURE["n_cores"], shown))]
    assert not checked.rows.any()


def test_truth_values_are_values_of_a_yes_no_feature():
    assert table.judge(batch_of(blue=pa.array([True]), wifi=pa.array([False]))).valid.all()


def test_a_row_with_many_problems_names_the_first_four():
    batch = pa.RecordBatch.from_pydict({name: pa.array([-1]) for name in FEATURE_NAMES})
    ((_, detail),) = reasons(table.judge(batch))
    details = detail.split("; ")
    assert details[:4] == [refusal(feature, -1) for feature in FEATURES[:4]]
    assert details[4:] == ["and 16 more"]


# the same verdict and the same number as for one phone


def odd_values(feature: Feature) -> st.SearchStrategy[object]:
    around = [feature.low, feature.high, 0.0, 1.0]
    edges = [*around, *(math.nextafter(x, side) for x in around for side in (-math.inf, math.inf))]
    nearly_whole = st.integers(0, 2**17).map(float).flatmap(lambda x: st.floats(x, x + 2e-9))
    return st.one_of(
        st.sampled_from(edges),
        nearly_whole,
        st.integers(-(2**63), 2**63 - 1),
        st.floats(),
        st.booleans(),
        st.none(),
        st.sampled_from(["", "abc"]),
    )


def phone_with_any(feature: Feature) -> st.SearchStrategy[dict[str, object]]:
    """Draw the example with another value in one feature."""
    usual = st.integers(math.ceil(feature.low), math.floor(feature.high)) | st.floats(
        feature.low, feature.high
    )
    return (usual | odd_values(feature)).map(lambda value: EXAMPLE | {feature.name: value})


@settings(max_examples=examples(200))
@given(st.sampled_from(FEATURES).flatmap(phone_with_any))
def test_check_decides_as_phone_does_and_in_its_words(phone):
    checked = table.judge(
        pa.RecordBatch.from_pydict({name: pa.array([value]) for name, value in phone.items()})
    )
    try:
        expected = np.float32(features_of(Phone.model_validate(phone)))
    except ValidationError as error:
        # an empty cell holds nothing, which JSON has a word for
        details = [problem.detail.replace('the string ""', "null") for problem in problems(error)]
        assert reasons(checked) == [(0, "; ".join(details))]
    else:
        assert checked.valid.all()
        np.testing.assert_array_equal(checked.rows[0], expected)


JSON_NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)


@given(st.lists(JSON_NUMBERS | st.floats(allow_nan=False, allow_infinity=False).map(repr), min_size=1))
def test_text_becomes_the_double_that_json_text_becomes(texts):
    expected = np.array([float(json.loads(text)) for text in texts])
    fast = numbers(FEATURE["fc"], pa.array(texts))
    one_by_one = numbers(FEATURE["fc"], pa.array([*texts, "no number"]))[:-1]
    np.testing.assert_array_equal(fast, expected)
    np.testing.assert_array_equal(one_by_one, expected)


@given(st.lists(st.text(alphabet="0123456789.eE+-_x nIiaft \t", max_size=8), min_size=1))
def test_a_cell_does_not_depend_on_the_cells_beside_it(texts):
    alone = np.concatenate([numbers(FEATURE["fc"], pa.array([text])) for text in texts])
    together = numbers(FEATURE["fc"], pa.array([*texts, "no number"]))[:-1]
    finite = np.isfinite(alone)
    np.testing.assert_array_equal(finite, np.isfinite(together))
    np.testing.assert_array_equal(alone[finite], together[finite])


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()], ids=str)
def test_empty_cells_beside_numbers_in_text_hold_nothing(kind: pa.DataType) -> None:
    column = pa.array(["2048", "", None, "1e3", " ", "x"], kind)
    for cells in (column, column[:4]):
        found = numbers(FEATURE["ram"], cells)
        assert found[[0, 3]].tolist() == [2048, 1000]
        assert np.isnan(np.delete(found, [0, 3])).all()
