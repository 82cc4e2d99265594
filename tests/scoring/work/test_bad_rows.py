"""Every input format and every way with bad rows: nothing is lost, nothing is there twice, order is kept."""

import math
import shutil
from contextlib import nullcontext

import pyarrow as pa
import pytest
from corpus import examples, few
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from scoring_tables import EXAMPLE, FORMATS, TABLES, read, rejects_of, write

from pricerange.errors import ColumnTypeError
from pricerange.phone import FEATURE_NAMES, FEATURES, refusal
from pricerange.tables.errors import BadRowError, MissingColumnError, UnreadableTableError
from scoring.order import Options
from scoring.score import score

RAM, FC, WIFI = (FEATURES[FEATURE_NAMES.index(name)] for name in ("ram", "fc", "wifi"))
# a change of the example, and the reason if it is a bad one, by what a typed column holds
TEXT = {
    "good": ({}, None),
    "other good": ({"ram": "4096"}, None),
    "text in a number": ({"ram": "4 GB"}, (RAM, "4 GB", "ram: text")),
    "null": ({"ram": ""}, (RAM, None, "ram: null")),
    "NaN": ({"fc": "nan"}, (FC, "nan", "fc: text")),
    "out of limits": ({"ram": "4"}, (RAM, 4, "ram: out of limits")),
    "not whole": ({"ram": "2800.5"}, (RAM, 2800.5, "ram: not whole")),
    "neither yes nor no": ({"wifi": "2"}, (WIFI, 2, "wifi: out of limits")),
}
NUMBERS = {
    "good": ({}, None),
    "other good": ({"ram": 4096.0}, None),
    "null": ({"ram": None}, (RAM, None, "ram: null")),
    "NaN": ({"fc": math.nan}, (FC, math.nan, "fc: NaN")),
    "out of limits": ({"ram": 4.0}, (RAM, 4.0, "ram: out of limits")),
    "infinite": ({"fc": math.inf}, (FC, math.inf, "fc: out of limits")),
    "not whole": ({"ram": 2800.5}, (RAM, 2800.5, "ram: not whole")),
}

JSON = {kind: change for kind, change in NUMBERS.items() if kind not in {"NaN", "infinite"}}
"""JSON has neither, and text is no number in it."""


def table_of(kinds: list[str], changes: dict[str, tuple[dict[str, object], object]]) -> pa.Table:
    example = {name: str(value) if changes is TEXT else float(value) for name, value in EXAMPLE.items()}
    rows = [example | changes[kind][0] | {"place": place} for place, kind in enumerate(kinds)]
    return pa.Table.from_pylist(rows)


@pytest.mark.parametrize("target", few(2, ["out.parquet", "out.csv", "out.jsonl", "out"]))
@pytest.mark.parametrize("on_bad_row", ["fail", "reject", "null"])
@pytest.mark.parametrize("form", FORMATS)
@settings(
    max_examples=examples(6),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn=st.data())
def test_every_row_is_answered_or_has_its_reason_once_and_in_order(
    tmp_path_factory, model_repository, small_parts, form, on_bad_row, target, drawn
):
    if form in TABLES:
        changes = TEXT if form.startswith("csv") or drawn.draw(st.booleans()) else NUMBERS
    else:
        changes = JSON
    kinds = drawn.draw(st.lists(st.sampled_from([*changes, "good", "good"]), min_size=1, max_size=60))
    folder = tmp_path_factory.mktemp("job")
    source, out = write(table_of(kinds, changes), folder / f"in.{form}"), folder / target
    bad = {place: changes[kind][1] for place, kind in enumerate(kinds) if changes[kind][1]}
    reasons = {place: refusal(feature, value) for place, (feature, value, _) in bad.items()}

    if on_bad_row == "fail" and bad:
        first = min(bad)
        with pytest.raises(BadRowError) as refused:
            score([str(source)], out, model_repository, options=Options(on_bad_row))
        assert str(refused.value) == f"{source}, row {first + 1}: {reasons[first]}"
        # what is there is whole: parts of a folder, before the bad row's
        assert [int(row["place"]) for row in read(out)] == [*range(len(read(out)))]
        assert not list(folder.rglob(".*"))
        return

    summary = score([str(source)], out, model_repository, options=Options(on_bad_row))
    answered, rejected = read(out), read(rejects_of(out))
    places = [int(row["place"]) for row in answered]
    unanswered = {int(row["place"]): row for row in answered if row["price_range"] is None}
    if on_bad_row == "null":
        assert places == [*range(len(kinds))]
        assert {place: row["error"] for place, row in unanswered.items()} == reasons
        assert all(row["probability_3"] is None and row["label"] is None for row in unanswered.values())
        assert not any(row["error"] for row in answered if int(row["place"]) not in bad)
        assert rejected == []
    else:
        assert places == [place for place in range(len(kinds)) if place not in bad]
        assert not unanswered
        assert [int(row["place"]) for row in rejected] == [*bad]
        assert [(row["file"], row["row"], row["reason"]) for row in rejected] == [
            (str(source), place + 1, reason) for place, reason in reasons.items()
        ]
    assert (summary.rows, summary.rejected) == (len(kinds), len(bad))
    assert sum(summary.price_ranges.values()) == len(kinds) - len(bad)
    counted = [cause for _, _, cause in bad.values()]
    assert summary.reasons == {cause: counted.count(cause) for cause in counted}
    shutil.rmtree(folder)


@pytest.mark.parametrize("form", TABLES)
@pytest.mark.parametrize("target", ["out.csv", "out"])
def test_all_rows_of_a_file_that_lacks_a_column_are_bad(
    tmp_path, model_repository, small_parts, form, target
):
    changes = TEXT if form.startswith("csv") else NUMBERS
    table = table_of(["good"] * 5, changes).rename_columns(
        ["RAMM" if name == "ram" else name for name in [*EXAMPLE, "place"]]
    )
    source = write(table, tmp_path / f"in.{form}")
    with pytest.raises(MissingColumnError, match=rf"in\.{form} lacks the column ram \(found 'RAMM'\)"):
        score([str(source)], tmp_path / target, model_repository)
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    shutil.rmtree(tmp_path / "out.rejected", ignore_errors=True)
    summary = score([str(source)], tmp_path / target, model_repository, options=Options("reject"))
    rejected = read(rejects_of(tmp_path / target))
    assert [(row["row"], int(row["place"])) for row in rejected] == [(place + 1, place) for place in range(5)]
    assert {row["reason"] for row in rejected} == {"the table lacks the column ram (found 'RAMM')"}
    assert read(tmp_path / target) == []
    assert summary.reasons == {"ram: missing column": 5}


@pytest.mark.parametrize("form", ["parquet", "arrow", "feather"])
def test_a_column_of_a_type_that_holds_no_numbers_makes_its_rows_bad(tmp_path, model_repository, form):
    table = table_of(["good"] * 3, NUMBERS)
    lists = pa.array([[1], [2], None])
    source = write(table.set_column(0, "battery_power", lists), tmp_path / f"in.{form}")
    options = Options("null")
    summary = score([str(source)], tmp_path / "out.parquet", model_repository, options=options)
    battery = FEATURES[0]
    assert [row["error"] for row in read(tmp_path / "out.parquet")] == [
        refusal(battery, []),
        refusal(battery, []),
        refusal(battery, None),
    ]
    assert summary.reasons == {"battery_power: wrong type": 2, "battery_power: null": 1}


def test_columns_that_are_kept_are_those_of_the_result_in_the_order_of_the_input(tmp_path, model_repository):
    table = table_of(["good", "text in a number"], TEXT).append_column("shop", pa.array(["a", "b,c"]))
    for form in TABLES:
        source = write(table, tmp_path / f"in.{form}")
        for target in ("out.csv", "out.parquet", "out.ndjson"):
            options = Options("reject", columns=("shop", "place"))
            score([str(source)], tmp_path / target, model_repository, options=options)
            (row,) = read(tmp_path / target)
            assert [*row][:3] == ["place", "shop", "price_range"]
            assert (int(row["place"]), row["shop"]) == (0, "a")
            (rejected,) = read(rejects_of(tmp_path / target))
            assert [*rejected] == ["file", "row", "reason", *FEATURE_NAMES, "place", "shop"]
            assert (rejected["ram"], rejected["shop"]) == ("4 GB", "b,c")


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", "b"]).cast(pa.string_view()),
        pa.array([b"a", b"b"]).cast(pa.binary_view()),
        pa.RunEndEncodedArray.from_arrays(pa.array([1, 2], pa.int32()), pa.array(["a", "b"])),
        pa.array(["a", "b"]).dictionary_encode(),
        pa.array([[1], []]),
        pa.nulls(2),
    ],
    ids=lambda column: str(column.type),
)
@pytest.mark.parametrize("on_bad_row", ["fail", "reject", "null"])
def test_a_bad_row_beside_a_column_of_any_type(tmp_path, model_repository, column, on_bad_row):
    table = table_of(["out of limits", "good"], NUMBERS).append_column("other", column)
    source = write(table, tmp_path / "in.arrow")
    options = Options(on_bad_row)
    if on_bad_row == "fail":
        with pytest.raises(BadRowError, match="row 1: ram must be"):
            score([str(source)], tmp_path / "out.parquet", model_repository, options=options)
        return
    score([str(source)], tmp_path / "out.parquet", model_repository, options=options)
    values = [row["other"] for row in read(tmp_path / "out.parquet")]
    values = [row["other"] for row in read(tmp_path / "out.parquet.rejected")] + values
    assert values == column.to_pylist()


def test_a_column_that_parquet_cannot_hold_is_named(tmp_path, model_repository):
    table = table_of(["good"], NUMBERS).append_column("nothing", pa.array([{}], pa.struct([])))
    source = write(table, tmp_path / "in.arrow")
    with pytest.raises(ColumnTypeError, match="the column nothing has type struct<>, which a Parquet file"):
        score([str(source)], tmp_path / "out.parquet", model_repository)


def test_text_that_is_none_is_not_written_as_csv(tmp_path, model_repository):
    broken = pa.StringArray.from_buffers(1, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff"))
    source = write(table_of(["good"], NUMBERS).append_column("shop", broken), tmp_path / "in.arrow")
    with pytest.raises(UnreadableTableError, match=r"in\.arrow cannot be read: Invalid UTF8 sequence"):
        score([str(source)], tmp_path / "out.csv", model_repository)


@pytest.mark.parametrize("target", ["out.csv", "out.parquet"])
def test_a_column_that_is_there_twice_is_kept_twice(tmp_path, model_repository, target):
    header = ",".join([*EXAMPLE, "id", "id"])
    (tmp_path / "in.csv").write_text(f"{header}\n{','.join(str(value) for value in EXAMPLE.values())},a,b\n")
    says = (
        pytest.warns(UserWarning, match=r"column 2 \('id'\) as id_2")
        if target == "out.parquet"
        else nullcontext()
    )
    with says:
        score(
            [str(tmp_path / "in.csv")], tmp_path / target, model_repository, options=Options(columns=("id",))
        )
    if target == "out.csv":
        assert (tmp_path / target).read_text().startswith("id,id,price_range")
    else:
        assert parquet.ParquetFile(tmp_path / target).schema_arrow.names[:3] == ["id", "id_2", "price_range"]
