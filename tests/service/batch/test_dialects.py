"""CSV as spreadsheets of other countries write it, over HTTP: the same answers; what was guessed is said."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator

import httpx
import pyarrow as pa
import pytest
from phone_tables import ARROW, CSV, as_arrow, as_csv

from pricerange.phone import FEATURES
from pricerange.tables.csv.dialect import AS_FOUND
from pricerange.tables.errors import MissingColumnError
from service.batch.bodies.csv_body import csv_blocks

PHONE = {feature.name: feature.example for feature in FEATURES}
PHONES = [PHONE | {"ram": 400 + 700 * k, "clock_speed": 0.5 + 0.1 * k} for k in range(4)]
NAMES = {"ram": "RAM", "battery_power": "Battery Power"}
JSON = "application/json"


def post(
    client: httpx.Client, body: bytes, query: dict[str, str] | None = None, form: str = CSV, **headers: str
):
    return client.post(
        "/predict/batch", params=query, content=body, headers={"Content-Type": form, **headers}
    )


def dialected(delimiter: str, decimal: str, thousands: str, empty: int = 0) -> bytes:
    """Write the phones with like names, and empty lines behind them."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerow([NAMES.get(name, name) for name in ["id", *PHONE]])
    for number, phone in enumerate(PHONES):
        texts = [f"{value:,}".translate({44: thousands, 46: decimal}) for value in phone.values()]
        writer.writerow([f"a,b;{number}", *texts])
    return file.getvalue().encode() + (delimiter * len(PHONE) + "\r\n").encode() * empty


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(("decimal", "thousands"), [(".", ""), (",", "."), (".", "'"), (".", ",")])
@pytest.mark.parametrize("accept", [CSV, JSON])
def test_a_dialect_has_the_answers_of_the_plain_table(
    client: httpx.Client, delimiter: str, decimal: str, thousands: str, accept: str
) -> None:
    if decimal == delimiter:
        delimiter = ";"
    query = {"decimal": decimal, "columns": "id"} | ({"thousands": thousands} if thousands else {})
    plain = [{"id": f"a,b;{number}"} | phone for number, phone in enumerate(PHONES)]
    expected = post(client, as_csv(plain), {"columns": "id"}, Accept=accept)
    assert "X-Table-Read-As" not in expected.headers
    body = dialected(delimiter, decimal, thousands, empty=3)
    response = post(client, body, query, Accept=accept)
    assert (response.status_code, response.content) == (200, expected.content)
    said = {";": "columns are separated by semicolons; ", "\t": "columns are separated by tabs; "}
    said["|"] = "columns are separated by pipes; "
    assert response.headers["X-Table-Read-As"] == (
        f"{said.get(delimiter, '')}Battery Power is read as battery_power; RAM is read as ram; "
        "empty lines at the end are skipped"
    )
    response = post(client, body, query | {"delimiter": delimiter}, Accept=accept)
    assert response.content == expected.content
    assert not response.headers["X-Table-Read-As"].startswith("columns")


def test_tabs_may_be_said_by_the_media_type(client: httpx.Client) -> None:
    response = post(client, dialected("\t", ".", ""), form="text/tab-separated-values; charset=utf-8")
    assert response.headers["Content-Type"] == CSV
    assert response.content == post(client, as_csv(PHONES)).content


def test_columns_of_arrow_have_names_that_are_nearly_right_too(client: httpx.Client) -> None:
    table = pa.Table.from_pylist(PHONES)
    renamed = table.rename_columns([NAMES.get(name, name) for name in PHONE])
    expected, found = (post(client, as_arrow(rows), form=ARROW) for rows in (table, renamed))
    assert found.content == expected.content
    assert found.headers["X-Table-Read-As"] == "Battery Power is read as battery_power; RAM is read as ram"


def test_a_long_answer_says_what_was_guessed_as_well(client: httpx.Client) -> None:
    response = post(client, as_csv(PHONES * 10_000).replace(b"ram", b"Ram", 1))
    assert len(response.content) > 1 << 20
    assert response.headers["X-Table-Read-As"] == "Ram is read as ram"


def test_nulls_are_nothing_and_a_decimal_comma_is_refused_with_what_to_do(client: httpx.Client) -> None:
    body = as_csv([PHONE | {"ram": " NA "}])
    detail = post(client, body, {"null_values": "?,NA"}).json()["detail"]
    assert detail == "row 1: ram must be a whole number between 128 and 131072 MB, got null"
    detail = post(client, dialected(";", ",", "")).json()["detail"]
    assert 'got the string "0,5" (decimal commas are read with `--decimal ,`, over HTTP with' in detail


@pytest.mark.parametrize(
    ("query", "form", "words"),
    [
        ({"decimal": ","}, JSON, "decimal: expected a body of text/csv, got one of application/json"),
        ({"null_values": "NA"}, ARROW, "null_values: expected a body of text/csv"),
        ({"decimal": ";"}, CSV, "decimal: expected a point or a comma, got ';'"),
        ({"decimal": ""}, CSV, "decimal: expected a character"),
        ({"decimal": ",", "thousands": ","}, CSV, "thousands: expected another mark than the decimal one"),
        ({"delimiter": ":"}, CSV, "delimiter: expected one of"),
        ({"decimal": ","}, CSV, "decimal: expected another mark than what separates columns, commas"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(
    client: httpx.Client, query: dict[str, str], form: str, words: str
) -> None:
    body = as_csv(PHONES) if form == CSV else b"{}"
    response = post(client, body, query, form)
    assert response.status_code == 422
    assert words in response.json()["detail"]


def test_a_header_is_refused_before_the_empty_lines_behind_it_have_come() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"a,b\n" + b",\n" * 100_000
        raise AssertionError

    async def read() -> None:
        async for _ in csv_blocks(parts(), None, AS_FOUND, []):
            raise AssertionError

    with pytest.raises(MissingColumnError):
        asyncio.run(read())


def test_a_delimiter_that_is_asked_for_holds(client: httpx.Client) -> None:
    response = post(client, as_csv(PHONES), {"delimiter": "tab"})
    assert response.status_code == 422
    assert "the table lacks 20 columns" in response.json()["detail"]
