"""Tables of pandas, polars and Arrow: answered in kind, each row to the last bit as it is alone."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from live_server import Server

from pricerange.phone import FEATURE_NAMES, LABELS
from pricerange.synthetic import phones
from pricerange_client import Client, InvalidInputError

Ask = Callable[..., Any]
ROWS = 300
TABLE = pd.DataFrame(phones(ROWS)[0], columns=list(FEATURE_NAMES), index=range(1_000, 1_000 + ROWS)).assign(
    ram=lambda table: table["ram"].where(table.index != 1_007, 100_000),
    sku=lambda table: "S" + table["wifi"].astype(str),
)
ARROW = pa.Table.from_pandas(TABLE, preserve_index=False)
KINDS = {
    "pandas": TABLE,
    "polars": pl.from_arrow(ARROW),
    "Table": ARROW,
    "RecordBatch": ARROW.to_batches()[0],
}
ANSWERED = ["price_range", "label", *(f"probability_{k}" for k in range(4)), "in_range", "outside"]


def as_arrow(table: Any) -> pa.Table:
    if isinstance(table, pd.DataFrame):
        return pa.Table.from_pandas(table, preserve_index=False)
    if isinstance(table, pl.DataFrame):
        return table.to_arrow()
    return pa.table(table)


@pytest.fixture(scope="module")
def alone(server: Server) -> list[Any]:
    """The answers to the rows one by one."""
    with Client(server.url) as client:
        return [client.predict(row, sets=0.9) for row in TABLE[list(FEATURE_NAMES)].to_dict("records")]


@pytest.fixture
def without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where it is not installed."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_is_answered_in_kind(server: Server, ask: Ask, alone: list[Any], kind: str) -> None:
    phones = KINDS[kind]
    found = ask(server.url, "predict_batch", phones, sets=0.9, columns=["sku"], rows_a_request=128)
    assert type(found) is type(phones)
    table = as_arrow(found)
    assert table.column_names == ["sku", *ANSWERED, "prediction_set", "error"]
    assert table["sku"].to_pylist() == TABLE["sku"].to_list()
    _require_same(table.to_pylist(), alone)


def _require_same(rows: list[dict[str, Any]], alone: list[Any]) -> None:
    assert [row["price_range"] for row in rows] == [one.price_range for one in alone]
    assert [row["label"] for row in rows] == [LABELS[one.price_range] for one in alone]
    assert [row["in_range"] for row in rows] == [one.applicability.in_range for one in alone]
    assert rows[7]["outside"] == "ram"
    assert [tuple(row["prediction_set"]) for row in rows] == [one.prediction_set for one in alone]
    for place in range(4):
        found = np.array([row[f"probability_{place}"] for row in rows], np.float32)
        assert found.tobytes() == np.array([one.probabilities[place] for one in alone], np.float32).tobytes()


def test_pandas_keeps_its_index_and_needs_no_pyarrow(
    server: Server, ask: Ask, alone: list[Any], without_pyarrow: None
) -> None:
    found = ask(server.url, "predict_batch", TABLE, sets=0.9, columns=["sku"], rows_a_request=128)
    assert found.index.equals(TABLE.index)
    assert list(found.columns) == ["sku", *ANSWERED, "prediction_set", "error"]
    assert found.dtypes["probability_0"] == np.float32
    assert found.loc[1_000, "outside"] == ""
    _require_same(found.to_dict("records"), alone)


def test_ten_thousand_rows_of_pandas(server: Server, ask: Ask, alone: list[Any]) -> None:
    many = pd.concat([TABLE] * 34, ignore_index=True).iloc[:10_000]
    found = ask(server.url, "predict_batch", many)
    assert len(found) == 10_000
    assert found.index.equals(many.index)
    expected = np.resize([one.probabilities[3] for one in alone], 10_000).astype(np.float32)
    assert found["probability_3"].to_numpy().tobytes() == expected.tobytes()
    assert many.join(found).groupby("price_range").size().sum() == 10_000


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_without_rows_has_the_columns_of_answers(server: Server, ask: Ask, kind: str) -> None:
    found = ask(server.url, "predict_batch", KINDS[kind][:0])
    assert type(found) is type(KINDS[kind])
    assert as_arrow(found).column_names == [*ANSWERED, "error"]
    assert len(found) == 0


def test_tables_of_a_stream_are_answered_by_tables(server: Server, ask: Ask) -> None:
    batches = ARROW.to_batches(max_chunksize=120)
    reader = pa.RecordBatchReader.from_batches(ARROW.schema, batches)
    found = ask(server.url, "predict_batch", reader)
    assert [len(one) for one in found] == [120, 120, 60]
    assert pa.Table.from_batches(found).equals(ask(server.url, "predict_batch", ARROW))


@pytest.mark.parametrize("pyarrow", [True, False], ids=["Arrow", "CSV"])
def test_a_bad_cell_is_named_by_its_row_in_the_table(
    server: Server, ask: Ask, pyarrow: bool, request: pytest.FixtureRequest
) -> None:
    if not pyarrow:
        request.getfixturevalue("without_pyarrow")
    for wrong, words in ((4, "got 4"), ("much", 'got the string "much"')):
        spoiled = TABLE.astype({"ram": object})
        spoiled.loc[1_201, "ram"] = wrong
        with pytest.raises(InvalidInputError) as refused:
            ask(server.url, "predict_batch", spoiled, rows_a_request=100)
        [problem] = refused.value.errors
        assert problem.pointer == "/201/ram"
        assert problem.detail.startswith("row 202: ram must be a whole number between")
        assert problem.detail.endswith(words)
        found = ask(server.url, "predict_batch", spoiled, on_bad_row="null")
        assert found["price_range"].isna().to_list() == [place == 201 for place in range(ROWS)]
        assert words in found.loc[1_201, "error"]


@pytest.mark.parametrize("kind", KINDS)
def test_columns_that_a_table_lacks_are_named_before_it_is_sent(ask: Ask, kind: str) -> None:
    with pytest.raises(ValueError, match="columns: the table has no column 'colour'"):
        ask("http://127.0.0.1:1", "predict_batch", KINDS[kind], columns=["sku", "colour"])


def test_names_that_only_the_service_knows_are_left_to_it(server: Server, ask: Ask) -> None:
    spelled = TABLE.rename(columns={"ram": "RAM", "battery_power": "Battery Power"})
    assert ask(server.url, "predict_batch", spelled).equals(ask(server.url, "predict_batch", TABLE))
    with pytest.raises(InvalidInputError, match="ram"):
        ask(server.url, "predict_batch", TABLE.drop(columns="ram"))


def test_a_column_with_the_name_of_an_answers_is_kept_beside_it(server: Server, ask: Ask) -> None:
    labelled = TABLE.assign(price_range=9)
    found = ask(server.url, "predict_batch", labelled, columns=["price_range"])
    assert list(found.columns[:2]) == ["input_price_range", "price_range"]
    assert set(found["input_price_range"]) == {9}
