"""Columns that are handed through (`?columns=`): ids survive as they are, in every form, within bounds."""

import csv
import datetime
import decimal
import io
import json

import httpx
import pyarrow as pa
import pytest
from live_server import Server
from phone_tables import ARROW, CSV, JSON, NDJSON, WRITE, as_arrow, as_csv, as_json, as_ndjson
from pyarrow import ipc

from pricerange.phone import FEATURE_NAMES, FEATURES

PHONE = {feature.name: feature.example for feature in FEATURES}
FORMS = list(WRITE)
ANSWER = ["price_range", "label", *(f"probability_{k}" for k in range(4)), "in_range", "outside", "error"]


def ask(client: httpx.Client, form: str, body: bytes, columns: str, accept: str = "*/*", **params: str):
    headers = {"Content-Type": form, "Accept": accept}
    return client.post("/predict/batch", content=body, headers=headers, params={"columns": columns, **params})


def table(**columns: pa.Array) -> pa.Table:
    count = len(next(iter(columns.values())))
    return pa.table({name: [float(value)] * count for name, value in PHONE.items()} | columns)


def refusal(response: httpx.Response) -> str:
    assert response.status_code == 422, response.text
    return response.json()["detail"]


@pytest.mark.parametrize("accept", FORMS)
@pytest.mark.parametrize("form", FORMS)
def test_ids_stand_before_the_answers_in_every_form(client: httpx.Client, form: str, accept: str) -> None:
    phones = [PHONE | {"id": f"é,{number}\n\"'", "sku": f"{number:08}"} for number in range(1_200)]
    phones = phones[: 1_000 if form == JSON else None]
    response = ask(client, form, WRITE[form](phones), "sku,id", accept).raise_for_status()
    plain = [{name: phone[name] for name in FEATURE_NAMES} for phone in phones]
    bare = client.post(
        "/predict/batch", content=WRITE[form](plain), headers={"Content-Type": form, "Accept": accept}
    ).raise_for_status()
    if accept == CSV:
        rows = list(csv.DictReader(io.StringIO(response.text, newline="")))
        names, before = list(rows[0]), list(csv.DictReader(io.StringIO(bare.text, newline="")))
    elif accept == ARROW:
        read = ipc.open_stream(response.content).read_all()
        names, rows = read.schema.names, read.to_pylist()
        before = ipc.open_stream(bare.content).read_all().to_pylist()
    elif accept == NDJSON:
        rows, before = ([json.loads(line) for line in one.text.splitlines()] for one in (response, bare))
        names = list(rows[0])
    else:
        rows, before = response.json()["predictions"], bare.json()["predictions"]
        names = list(rows[0])
    assert names[:2] == ["sku", "id"]
    assert [(row.pop("sku"), row.pop("id")) for row in rows] == [(p["sku"], p["id"]) for p in phones]
    assert rows == before


def test_csv_keeps_the_text_of_its_cells(client: httpx.Client) -> None:
    header, line = as_csv([PHONE]).decode().splitlines()
    cells = ["007", "1.50", " x ", '"a,b"', '"say ""hi"""', "", '"two\nlines"', "é", "NaN", "1e5"]
    body = "\n".join([f"id,{header}", *(f"{cell},{line}" for cell in cells), ""]).encode()
    lines = ask(client, CSV, body, "id").raise_for_status().text
    assert [lines.startswith(f"id,{','.join(ANSWER)}\n007,")] == [True]
    for cell in cells:
        assert f"\n{cell},3,very high," in lines


def test_a_feature_may_be_kept_as_its_text(client: httpx.Client) -> None:
    table = as_csv([PHONE]).replace(b"2800", b"2800.0")
    row = next(csv.DictReader(io.StringIO(ask(client, CSV, table, "ram,wifi").raise_for_status().text)))
    assert (row["ram"], row["wifi"]) == ("2800.0", "1")
    phone = json.dumps(PHONE).encode().replace(b"2800", b"2.80e3")
    for form, body in ((JSON, b'{"phones":[%b]}' % phone), (NDJSON, phone)):
        assert b'{"ram":2.80e3,' in ask(client, form, body, "ram").raise_for_status().content


VALUES = [
    "7",
    "1.50",
    "1e2",
    "12345678901234567890123",
    '"a\\u00e9\\n"',
    "null",
    "true",
    '{"a": [1, 2]}',
    "[]",
]


@pytest.mark.parametrize("form", [JSON, NDJSON])
def test_json_keeps_values_as_they_are(client: httpx.Client, form: str) -> None:
    phone = json.dumps(PHONE)[:-1]
    phones = [f'{phone}, "id" : {value} }}' for value in VALUES]
    body = "\n".join(phones) if form == NDJSON else f'{{"phones":[{",".join(phones)}]}}'
    text = ask(client, form, body.encode(), "id").raise_for_status().text
    for value in VALUES:
        assert f'{{"id":{value},"price_range":3,' in text
    in_csv = ask(client, form, body.encode(), "id", CSV).raise_for_status().text
    ids = [row["id"] for row in csv.DictReader(io.StringIO(in_csv, newline=""))]
    assert ids == [*VALUES[:4], "aé\n", "", "true", '{"a": [1, 2]}', "[]"]
    in_arrow = ipc.open_stream(ask(client, form, body.encode(), "id", ARROW).content).read_all()
    assert in_arrow["id"].to_pylist() == [text or None for text in ids]


COLUMNS = [
    pa.array([1, None, 2**63], pa.uint64()),
    pa.array([0.1, None, -1e30], pa.float32()),
    pa.array([0.1, None, 1e300]),
    pa.array([True, None, False]),
    pa.array(["a", None, 'b"'], pa.large_string()),
    pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("-2.25")]),
    pa.array([datetime.date(2008, 8, 8), None, datetime.date(1969, 1, 1)]),
    pa.array([0, None, 1], pa.timestamp("us", "UTC")),
    pa.array(["x", None, "x"]).dictionary_encode(),
    pa.array([3, None, 3]).dictionary_encode(),
    pa.nulls(3),
]


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: str(column.type))
def test_arrow_keeps_types_and_values(client: httpx.Client, column: pa.Array) -> None:
    body = as_arrow(table(id=column), rows=2)
    kept = ipc.open_stream(ask(client, ARROW, body, "id").raise_for_status().content).read_all()
    assert kept.schema.field("id").type == column.type
    assert kept["id"].to_pylist() == column.to_pylist()
    rows = ask(client, ARROW, body, "id", JSON).raise_for_status().json()["predictions"]
    value = column[0].as_py()
    if isinstance(value, bool | int | str):
        assert [row["id"] for row in rows] == column.to_pylist()
    elif str(column.type) == "float":
        assert [row["id"] for row in rows] == [0.1, None, -1e30]
    assert ask(client, ARROW, body, "id", CSV).status_code == 200


@pytest.mark.parametrize(
    "column",
    [
        pa.array([[1]] * 3),
        pa.array(["a"] * 3, pa.string_view()),
        pa.array([b"a"] * 3),
        pa.RunEndEncodedArray.from_arrays([3], ["a"]),
        pa.array([{"a": 1}] * 3),
    ],
    ids=lambda column: str(column.type),
)
def test_arrow_columns_that_cannot_be_kept_are_named(client: httpx.Client, column: pa.Array) -> None:
    detail = refusal(ask(client, ARROW, as_arrow(table(id=column)), "id"))
    assert detail.startswith(f"the column id of {column.type} cannot be kept")
    assert client.post(
        "/predict/batch", content=as_arrow(table(id=column)), headers={"Content-Type": ARROW}
    ).is_success


@pytest.mark.parametrize("form", FORMS)
def test_a_column_that_is_missing_is_named_beside_those_that_are_there(
    client: httpx.Client, form: str
) -> None:
    body = WRITE[form]([PHONE | {"key": 1}])
    detail = refusal(ask(client, form, body, "id"))
    assert "id" in detail
    assert "key" in detail
    assert "columns" in detail


@pytest.mark.parametrize("form", [CSV, ARROW])
def test_a_column_that_is_there_twice_is_refused(client: httpx.Client, form: str) -> None:
    if form == CSV:
        body = b"id,id," + as_csv([PHONE]).replace(b"\n1520", b"\n1,2,1520")
    else:
        body = as_arrow(pa.table([pa.array([1])] * 2 + [pa.array([1.0])] * 20, ["id", "id", *FEATURE_NAMES]))
    assert "more than one column named id" in refusal(ask(client, form, body, "id"))


@pytest.mark.parametrize("form", [JSON, NDJSON])
def test_json_takes_the_named_fields_and_no_other(client: httpx.Client, form: str) -> None:
    body = WRITE[form]([PHONE | {"id": 1, "sku": 2}])
    assert '"sku" is not a known field' in refusal(ask(client, form, body, "id"))
    assert ask(client, form, body, "sku,id").is_success


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("accept", FORMS)
def test_a_name_of_the_answer_gets_input_in_front(client: httpx.Client, form: str, accept: str) -> None:
    body = WRITE[form]([PHONE | {"label": "x", "input_label": "y"}])
    answer = ask(client, form, body, "label,input_label", accept).raise_for_status()
    if accept == ARROW:
        [row] = ipc.open_stream(answer.content).read_all().to_pylist()
    elif accept == CSV:
        [row] = csv.DictReader(io.StringIO(answer.text))
    else:
        row = json.loads(answer.text)
        row = row["predictions"][0] if accept == JSON else row
    assert list(row)[:2] == ["input_input_label", "input_label"]
    assert (row["input_input_label"], row["input_label"], row["label"]) == ("x", "y", "very high")


@pytest.mark.parametrize("accept", FORMS)
@pytest.mark.parametrize("form", FORMS)
def test_the_id_of_a_bad_row_survives(client: httpx.Client, form: str, accept: str) -> None:
    body = WRITE[form]([PHONE | {"id": "a"}, PHONE | {"id": "b", "ram": 1}])
    answer = ask(client, form, body, "id", accept, on_bad_row="null").raise_for_status()
    if accept == ARROW:
        rows = ipc.open_stream(answer.content).read_all().to_pylist()
    elif accept == CSV:
        rows = list(csv.DictReader(io.StringIO(answer.text)))
    elif accept == NDJSON:
        rows = [json.loads(line) for line in answer.text.splitlines()]
    else:
        rows = answer.json()["predictions"]
    assert [row["id"] for row in rows] == ["a", "b"]
    assert rows[1]["error"].startswith("ram must be")
    assert not rows[1]["price_range"]


def test_a_document_with_values_that_are_not_json_keeps_the_ids_it_can(client: httpx.Client) -> None:
    body = as_json([PHONE | {"id": 7}, PHONE | {"id": 8, "ram": 0}, 5]).replace(b'"ram": 0', b'"ram": NaN')
    rows = ask(client, JSON, body, "id", on_bad_row="null").raise_for_status().json()["predictions"]
    assert [row["id"] for row in rows] == [7, None, None]
    assert [row["error"] is None for row in rows] == [True, False, False]
    lines = as_ndjson([PHONE | {"id": 7}]) + b"5\n{\n" + b'{"id": 9}'
    rows = ask(client, NDJSON, lines, "id", on_bad_row="null").raise_for_status().text.splitlines()
    assert [json.loads(row)["id"] for row in rows] == [7, None, None, 9]


@pytest.mark.parametrize("form", [JSON, NDJSON])
def test_text_that_is_not_utf_8_is_no_field(client: httpx.Client, form: str) -> None:
    body = WRITE[form]([PHONE | {"id": "?"}]).replace(b"?", b"\xff")
    assert ask(client, form, body, "id").status_code == 422


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ("", "none empty"),
        ("id,", "none empty"),
        ("id,id", "names 'id' more than once"),
        ('a"b', "none empty or with a quote"),
        ("a\nb", "control character"),
        (",".join(f"c{k}" for k in range(51)), "names 51 columns, expected at most 50"),
    ],
)
def test_names_that_cannot_be_are_refused(client: httpx.Client, columns: str, words: str) -> None:
    assert words in refusal(ask(client, CSV, as_csv([PHONE]), columns))


@pytest.mark.parametrize("form", [CSV, ARROW])
def test_a_table_without_rows_has_the_columns_too(client: httpx.Client, form: str) -> None:
    empty = table(id=pa.array([], pa.int16()))
    body = as_arrow(empty) if form == ARROW else ",".join(empty.schema.names).encode()
    answer = ask(client, form, body, "id").raise_for_status()
    names = ipc.open_stream(answer.content).schema.names if form == ARROW else answer.text.strip().split(",")
    assert names == ["id", *ANSWER]


def test_what_is_kept_is_bounded_by_the_bytes_that_were_sent(client: httpx.Client, server: Server) -> None:
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int8()), ["9" * 3_000])
    columns = {name: pa.array([float(PHONE[name])] * 100_000) for name in FEATURE_NAMES}
    body = as_arrow(pa.table(columns | {"id": long}), rows=50_000, compression="zstd")
    for accept in (CSV, JSON, ARROW):
        assert "less compressed" in refusal(ask(client, ARROW, body, "id", accept))
    longer = pa.DictionaryArray.from_arrays(pa.array([0] * 1_000, pa.int8()), ["9" * 1_000_000])
    assert "bytes in a block, at most" in refusal(
        ask(client, ARROW, as_arrow(table(id=longer), rows=1_000), "id", JSON)
    )
