"""Many phones as JSON, CSV and Arrow: the same answers in every form, and what is said of bad rows."""

import csv
import gzip
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest
from arrow_columns import COLUMNS as ARROW_COLUMNS
from corpus import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live_server import NO_TLS, Server
from phone_tables import ARROW, CSV, JSON, NDJSON, WRITE, as_arrow, as_csv, as_json
from pyarrow import ipc

from pricerange.phone import FEATURE_NAMES, FEATURES, LABELS, refusal

PROBABILITIES = [f"probability_{k}" for k in range(4)]
COLUMNS = ["price_range", "label", *PROBABILITIES, "in_range", "outside", "error"]
PHONE = {feature.name: feature.example for feature in FEATURES}
FEATURE = {feature.name: feature for feature in FEATURES}


@pytest.fixture(scope="session")
def phones(phones_csv: Path) -> list[dict[str, float]]:
    with phones_csv.open(newline="") as file:
        rows = [{name: float(row[name]) for name in FEATURE_NAMES} for row in csv.DictReader(file)]
    return rows[:1000]


def read(response: httpx.Response) -> list[dict[str, object]]:
    """Return the rows of an answer in any form: price_range, label, probabilities as bytes, and the rest."""
    form = response.raise_for_status().headers["content-type"]
    if form == JSON:
        return list(map(of_json, response.json()["predictions"]))
    if form == NDJSON:
        return list(map(of_json, map(json.loads, response.text.splitlines())))
    if form == CSV:
        reader = csv.DictReader(io.StringIO(response.text, newline=""))
        assert reader.fieldnames == COLUMNS
        rows = [{name: text or None for name, text in row.items()} for row in reader]
    else:
        assert form == ARROW
        table = ipc.open_stream(response.content).read_all()
        assert table.schema.names == COLUMNS
        rows = table.to_pylist()
    for row in rows:
        row["price_range"] = None if row["price_range"] is None else int(row["price_range"])
        probabilities = [row.pop(name) for name in PROBABILITIES]
        row["probabilities"] = bits(None if None in probabilities else probabilities)
        row["outside"] = (row["outside"] or "") if row["in_range"] is not None else None
        row["in_range"] = {"true": True, "false": False}.get(row["in_range"], row["in_range"])
    return rows


def of_json(row: dict[str, Any]) -> dict[str, object]:
    """Return a row of JSON as one of a table."""
    found = row.pop("applicability") or {"in_range": None}
    outside = (
        None if found["in_range"] is None else "|".join(each["feature"] for each in found.get("outside", ()))
    )
    told = {"in_range": found["in_range"], "outside": outside}
    return {"error": None, **row, **told, "probabilities": bits(row["probabilities"])}


def bits(probabilities: list[float] | None) -> bytes | None:
    return None if probabilities is None else np.array(probabilities, np.float32).tobytes()


def ask(client: httpx.Client, form: str, body: bytes, on_bad_row: str | None = None, **headers: str):
    params = {"on_bad_row": on_bad_row} if on_bad_row else {}
    headers = {"Content-Type": form, **headers}
    return client.post("/predict/batch", params=params, content=body, headers=headers)


def problem(response: httpx.Response, status: int = 422) -> tuple[str, list[str]]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    found = response.json()
    return found["detail"], [error["pointer"] for error in found["errors"]]


# the same answers


@pytest.mark.parametrize("accept", [JSON, CSV, NDJSON, ARROW])
@pytest.mark.parametrize("form", [JSON, CSV, NDJSON, ARROW])
def test_every_form_in_and_out_answers_as_predict_does(
    client: httpx.Client, phones: list[dict[str, float]], form: str, accept: str
) -> None:
    one_by_one = [client.post("/predict", json=phone).json() for phone in phones[:100]]
    response = ask(client, form, WRITE[form](phones), Accept=accept)
    assert response.headers["content-type"] == accept
    answers = read(response)
    assert len(answers) == len(phones)
    assert answers[:100] == [
        {
            "price_range": answer["price_range"],
            "label": LABELS[answer["price_range"]],
            "probabilities": bits(answer["probabilities"]),
            "in_range": answer["applicability"]["in_range"],
            "outside": "|".join(each["feature"] for each in answer["applicability"].get("outside", ())),
            "error": None,
        }
        for answer in one_by_one
    ]
    assert answers == read(ask(client, JSON, as_json(phones)))


@pytest.mark.parametrize("form", [JSON, CSV, NDJSON, ARROW])
@pytest.mark.parametrize("accept", ["*/*", "text/html, application/xml;q=0.9", "same"])
def test_an_answer_has_the_form_of_its_question(client: httpx.Client, form: str, accept: str) -> None:
    accept = accept if accept != "same" else f"image/png, {form};q=0.5, {JSON}"
    assert ask(client, form, WRITE[form]([PHONE]), Accept=accept).headers["content-type"] == form


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        pytest.param("text/csv;q=0, application/json", JSON, id="refused"),
        pytest.param("text/csv;q=0, */*", JSON, id="refused among all"),
        pytest.param("application/json, text/csv;q=0.1", CSV, id="liked less"),
        pytest.param("application/json, text/*;q=0.1", CSV, id="its kind"),
        pytest.param("application/json, text/plain, */*", CSV, id="all"),
        pytest.param(f"application/json;q=0.1, {ARROW};q=0.9", ARROW, id="the better of others"),
        pytest.param(f"{ARROW}, application/json", ARROW, id="the first of equals"),
        pytest.param("application/*;q=0.5", JSON, id="another kind"),
        pytest.param("application/json;header=present;q=0, text/html", CSV, id="none"),
        pytest.param("application/json;q=x, text/csv;q=0", CSV, id="no weight"),
    ],
)
def test_the_form_of_the_answer_is_what_the_client_accepts(
    client: httpx.Client, accept: str, form: str
) -> None:
    assert ask(client, CSV, as_csv([PHONE]), Accept=accept).headers["content-type"] == form


def test_probabilities_are_written_alike_in_json_and_csv(
    client: httpx.Client, phones: list[dict[str, float]]
) -> None:
    in_csv = [line.split(",")[2:6] for line in ask(client, CSV, as_csv(phones)).text.splitlines()[1:]]
    in_json = json.loads(ask(client, JSON, as_json(phones)).text, parse_float=str)["predictions"]
    assert in_csv == [row["probabilities"] for row in in_json]


def test_schema_of_arrow_answers_is_the_same_in_both_modes(client: httpx.Client) -> None:
    schemas = [
        ipc.open_stream(ask(client, ARROW, as_arrow([PHONE]), mode).content).schema
        for mode in ("fail", "null")
    ]
    assert schemas[0] == schemas[1]
    assert [str(field.type) for field in schemas[0]] == [
        "int64",
        "string",
        *["float"] * 4,
        "bool",
        "string",
        "string",
    ]


@pytest.mark.parametrize("form", [CSV, ARROW])
def test_other_columns_and_another_order_do_not_matter(client: httpx.Client, form: str) -> None:
    other = {"id": 'a,\n"b"', **dict(reversed(PHONE.items())), "price_range": "none", "tail": "é"}
    answers = read(ask(client, form, WRITE[form]([other] * 3)))
    assert answers == read(ask(client, form, WRITE[form]([PHONE] * 3)))


@pytest.mark.parametrize("form", [CSV, ARROW])
def test_a_table_without_rows_has_no_answers(client: httpx.Client, form: str) -> None:
    schema = pa.schema([(name, pa.float64()) for name in FEATURE_NAMES])
    empty = as_csv([PHONE]).splitlines()[0] if form == CSV else as_arrow(schema.empty_table())
    assert read(ask(client, form, empty)) == []


@settings(
    max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    form=st.sampled_from([CSV, NDJSON, ARROW]),
    cuts=st.lists(st.floats(0, 1), max_size=8),
    bad=st.integers(0, 999),
    mode=st.sampled_from(["fail", "null"]),
)
def test_however_a_body_is_cut_the_answer_is_the_same(
    client: httpx.Client, phones: list[dict[str, float]], form: str, cuts: list[float], bad: int, mode: str
) -> None:
    rows = [*phones[:bad], phones[bad] | {"ram": 1.0}, *phones[bad + 1 :]]
    body = WRITE[form](rows)
    ends = sorted(int(cut * len(body)) for cut in cuts)
    parts = [body[begin:end] for begin, end in zip([0, *ends], [*ends, len(body)], strict=True)]
    whole, in_parts = ask(client, form, body, mode), ask(client, form, iter(parts), mode)
    assert in_parts.status_code == whole.status_code == (422 if mode == "fail" else 200)
    if mode == "fail":
        assert problem(in_parts) == problem(whole)
        assert problem(whole)[1] == [f"/{bad}/ram"]
    else:
        assert in_parts.content == whole.content
        assert [row["error"] is not None for row in read(whole)].index(True) == bad


@pytest.mark.parametrize("charset", ["", "; charset=utf-8", '; charset="UTF-8"; header=present'])
def test_csv_may_have_a_mark_quotes_blank_lines_and_crlf(client: httpx.Client, charset: str) -> None:
    lines = as_csv([PHONE] * 2).decode().splitlines()
    quoted = [",".join(f'"{cell}"' for cell in line.split(",")) for line in lines]
    body = "\r\n".join([quoted[0], "", quoted[1], "", "", lines[2]]).encode()
    answers = read(ask(client, CSV + charset, b"\xef\xbb\xbf\r\n" + body))
    assert answers == read(ask(client, JSON, as_json([PHONE] * 2)))


@pytest.mark.parametrize(
    "kind",
    [
        pa.float32(),
        pa.decimal128(12, 4),
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.dictionary(pa.int8(), pa.float64()),
        pa.dictionary(pa.int16(), pa.string()),
    ],
    ids=str,
)
@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_arrow_columns_may_be_stored_in_any_way(
    client: httpx.Client, kind: pa.DataType, compression: str | None
) -> None:
    phones = [PHONE | {"ram": ram} for ram in (512.0, 1024.0, 2048.0, 4096.0)] * 100
    columns = {name: pa.array([phone[name] for phone in phones], pa.float64()) for name in FEATURE_NAMES}
    stored = kind.value_type if pa.types.is_dictionary(kind) else kind
    columns["ram"] = pa.array([phone["ram"] for phone in phones]).cast(
        pa.decimal128(12, 4) if pa.types.is_decimal(stored) else pa.int32()
    )
    columns["ram"] = columns["ram"].cast(stored)
    if pa.types.is_dictionary(kind):
        columns["ram"] = columns["ram"].dictionary_encode().cast(kind)
    columns["wifi"] = columns["wifi"].cast(pa.bool_())
    body = as_arrow(pa.table(columns), rows=30, compression=compression)
    assert read(ask(client, ARROW, body)) == read(ask(client, JSON, as_json(phones)))


def test_arrow_dictionaries_may_change_from_batch_to_batch(client: httpx.Client) -> None:
    phones = [PHONE | {"ram": 128.0 + number} for number in range(60)]
    schema = pa.schema(
        [(name, pa.dictionary(pa.int8(), pa.float64()) if name == "ram" else pa.float64()) for name in PHONE]
    )
    for deltas in (False, True):
        sink = io.BytesIO()
        options = ipc.IpcWriteOptions(emit_dictionary_deltas=deltas)
        with ipc.new_stream(sink, schema, options=options) as writer:
            for end in (20, 40, 60):
                begin = 0 if deltas else end - 20
                known = pa.array([phone["ram"] for phone in phones[begin:end]])
                places = pa.array(range(end - 20 - begin, end - begin), pa.int8())
                ram = pa.DictionaryArray.from_arrays(places, known)
                columns = [ram if name == "ram" else pa.array([float(PHONE[name])] * 20) for name in PHONE]
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
        assert read(ask(client, ARROW, sink.getvalue())) == read(ask(client, JSON, as_json(phones)))


@pytest.mark.parametrize("name", ["ram", "wifi"])
@pytest.mark.parametrize("column", ARROW_COLUMNS, ids=lambda column: str(column.type))
def test_arrow_columns_of_any_type_are_answered_never_with_a_5xx(
    client: httpx.Client, column: pa.Array, name: str
) -> None:
    rows = {other: pa.array([value] * 3) for other, value in PHONE.items()}
    response = ask(client, ARROW, as_arrow(pa.table(rows | {name: column})), "null")
    if response.status_code == 200:
        assert len(read(response)) == 3
    else:
        problem(response)


# bad rows


BAD = [
    pytest.param({"ram": 4}, refusal(FEATURE["ram"], 4), id="outside the limits"),
    pytest.param({"n_cores": 2.5}, refusal(FEATURE["n_cores"], 2.5), id="not whole"),
    pytest.param({"ram": None}, refusal(FEATURE["ram"], None), id="nothing"),
    pytest.param({"ram": math.nan}, None, id="NaN"),
    pytest.param({"ram": 1e39}, refusal(FEATURE["ram"], 1e39), id="beyond float32"),
    pytest.param({"ram": "much"}, refusal(FEATURE["ram"], "much"), id="text"),
    pytest.param(
        {"ram": 4, "wifi": 2}, f"{refusal(FEATURE['ram'], 4)}; {refusal(FEATURE['wifi'], 2)}", id="two values"
    ),
]


@pytest.mark.parametrize(("change", "reason"), BAD)
@pytest.mark.parametrize("form", [JSON, CSV, NDJSON, ARROW])
def test_a_bad_row_is_named_or_answered_with_its_reason(
    client: httpx.Client, form: str, change: dict[str, object], reason: str | None
) -> None:
    if form == ARROW and "much" in change.values():
        rows = [{name: str(value) for name, value in (PHONE | bad).items()} for bad in ({}, {}, change, {})]
    else:
        rows = [PHONE, PHONE, PHONE | change, PHONE]
    detail, pointers = problem(ask(client, form, WRITE[form](rows), "fail"))
    place = "/phones/2/" if form == JSON else "/2/"
    assert pointers == [f"{place}{name}" for name in change]
    answers = read(ask(client, form, WRITE[form](rows), "null"))
    [good] = read(ask(client, form, WRITE[form](rows[:1])))
    assert answers[:2] == [good, good]
    assert answers[3] == good
    error = answers[2].pop("error")
    assert set(answers[2].values()) == {None}
    if reason is not None:
        assert error == reason
    first = str(error).split("; ")[0]
    assert detail.startswith(f"line 3: {first}" if form == NDJSON else f"row 3: {first}")


def test_json_rows_say_null_for_their_error_where_bad_rows_are_answered(client: httpx.Client) -> None:
    rows = ask(client, JSON, as_json([PHONE, {}]), "null").json()["predictions"]
    assert [list(row) for row in rows] == [
        ["price_range", "label", "probabilities", "applicability", "error"]
    ] * 2
    assert rows[0]["error"] is None
    assert rows[1]["error"].endswith("; and 16 more")
    [row] = ask(client, JSON, as_json([PHONE]), "fail").json()["predictions"]
    assert list(row) == ["price_range", "label", "probabilities", "applicability"]


@pytest.mark.parametrize("form", [JSON, CSV, NDJSON, ARROW])
def test_a_batch_of_bad_rows_alone_has_reasons_alone(client: httpx.Client, form: str) -> None:
    answers = read(ask(client, form, WRITE[form]([PHONE | {"ram": 1}] * 900), "null"))
    assert [row["error"] for row in answers] == [refusal(FEATURE["ram"], 1)] * 900


@pytest.mark.parametrize("form", [CSV, NDJSON, ARROW])
def test_a_bad_row_deep_in_a_body_is_named_by_its_number(client: httpx.Client, form: str) -> None:
    rows = [PHONE] * 70_000
    rows[69_999] = PHONE | {"ram": 1}
    detail, pointers = problem(ask(client, form, WRITE[form](rows)))
    row = "line" if form == NDJSON else "row"
    assert (detail, pointers) == (f"{row} 70000: {refusal(FEATURE['ram'], 1)}", ["/69999/ram"])


# broken structures


HEADER, LINE = as_csv([PHONE]).splitlines()
FULL = b"\n".join([HEADER, *[LINE] * 3, b""])


@pytest.mark.parametrize("mode", ["fail", "null"])
@pytest.mark.parametrize(
    ("body", "words", "pointer"),
    [
        pytest.param(b"", "expected a header with the column names", "", id="empty"),
        pytest.param(b"\n\r\n", "expected a header with the column names", "", id="blank"),
        pytest.param(FULL + LINE[:-2] + b"\n", "row 4: expected 20 cells, found 19", "/3", id="cell too few"),
        pytest.param(FULL + LINE + b",1", "row 4: expected 20 cells, found 21", "/3", id="cell too many"),
        pytest.param(FULL + LINE[:-1] + b'"1\n', "row 4: a quote is not closed", "/3", id="open quote"),
        pytest.param(
            FULL + b'"' + LINE * 5_000, "row 4: the row is longer than 98304 bytes", "/3", id="long row"
        ),
        pytest.param(FULL + b"\xe9" + LINE, "row 4: not valid UTF-8: byte 0xe9", "/3", id="Latin-1"),
        pytest.param(FULL.decode().encode("utf-16"), "not text/csv, but text in UTF-16", "", id="UTF-16"),
        pytest.param(
            FULL.replace(b"ram", b"RAMM"), "lacks the column ram (found 'RAMM')", "", id="no column"
        ),
        pytest.param(
            FULL.replace(b"ram", b"fc"), "the table lacks the column ram", "", id="no column, another twice"
        ),
        pytest.param(
            b"ram," + HEADER + b"\n1," + LINE, "more than one column named ram", "", id="a column twice"
        ),
        pytest.param(b"," * 2_000, "the header has 2001 cells", "", id="many columns"),
        pytest.param(b"x" * 200_000, "the header is longer than 98304 bytes", "", id="long header"),
        pytest.param(b'"' + FULL, "the header: a quote is not closed", "", id="open quote in the header"),
        pytest.param(FULL.replace(b",", b":"), "the table lacks 20 columns", "", id="colons"),
        pytest.param(FULL.replace(b"ram", b"RAM,Ram"), "may be ram: 'RAM', 'Ram'", "", id="two like ram"),
        pytest.param(
            FULL.replace(b"\n", b"\r") + b"1\n", "row 4: expected 20 cells, found 1", "/3", id="CR alone"
        ),
        pytest.param(FULL + b'"' + LINE, "row 4: a quote is not closed", "/3", id="open quote at first"),
    ],
)
def test_csv_with_a_broken_structure_is_refused_in_both_modes(
    client: httpx.Client, mode: str, body: bytes, words: str, pointer: str
) -> None:
    detail, pointers = problem(ask(client, CSV, body, mode))
    assert words in detail
    assert pointers == [pointer]


STREAM = as_arrow([PHONE] * 600)
WIDE = as_arrow([PHONE | {f"column {number}": 1 for number in range(1_000)}])


@pytest.mark.parametrize("mode", ["fail", "null"])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(b"", "it has no schema", id="empty"),
        pytest.param(FULL, "a message must begin with ff ff ff ff", id="CSV"),
        pytest.param(STREAM[:5], "it ends within a prefix", id="cut in a prefix"),
        pytest.param(STREAM[:50], "it ends within a message", id="cut in the schema"),
        pytest.param(STREAM[:-500], "it ends within a message", id="cut in a batch"),
        pytest.param(STREAM + b"x", "there is data after the end", id="more after the end"),
        pytest.param(STREAM * 2, "there is data after the end", id="two streams"),
        pytest.param(
            STREAM[:8] + b"\xff" * 99 + STREAM[107:], "a message's metadata is malformed", id="noise"
        ),
        pytest.param(b"\xff" * 7 + b"\x7f", "metadata has 2147483647 bytes", id="huge metadata"),
        pytest.param(STREAM.replace(b"ram", b"rap"), "lacks the column ram", id="no ram"),
        pytest.param(WIDE, "the schema has 1020 columns, expected at most 1000", id="many columns"),
    ],
)
def test_arrow_with_a_broken_structure_is_refused_in_both_modes(
    client: httpx.Client, mode: str, body: bytes, words: str
) -> None:
    detail, pointers = problem(ask(client, ARROW, body, mode))
    assert words in detail
    assert pointers == [""]


def test_a_stream_may_end_without_its_mark_since_http_tells_how_long_it_is(client: httpx.Client) -> None:
    assert STREAM.endswith(b"\xff\xff\xff\xff\0\0\0\0")
    whole, unmarked = (ask(client, ARROW, body, "fail") for body in (STREAM, STREAM[:-8]))
    assert (unmarked.status_code, unmarked.content) == (200, whole.content)


@settings(
    max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_noise_in_a_stream_is_answered_never_with_a_5xx(client: httpx.Client, data: st.DataObject) -> None:
    phones = [PHONE | {"ram": str(ram), "fc": None} for ram in (512, 1024)]
    table = pa.Table.from_pylist(phones)
    table = table.set_column(0, table.field(0).name, table.column(0).dictionary_encode())
    body = bytearray(as_arrow(table, compression=data.draw(st.sampled_from([None, "lz4", "zstd"]))))
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=4)):
        body[place] = data.draw(st.integers(0, 255))
    response = ask(client, ARROW, bytes(body), "null")
    if response.status_code != 200:
        problem(response)


def arrow_file() -> bytes:
    sink = io.BytesIO()
    table = pa.Table.from_pylist([PHONE])
    with ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


@pytest.mark.parametrize("form", [JSON, CSV, NDJSON, ARROW])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(arrow_file(), "an Arrow IPC file (Feather): send it as", id="Arrow file"),
        pytest.param(gzip.compress(FULL), "gzip: send it with Content-Encoding: gzip", id="gzip"),
        pytest.param(b"PK\x03\x04" + FULL, "an Excel workbook (xlsx)", id="xlsx"),
        pytest.param(FULL.decode().encode("utf-16-le"), "text in UTF-16", id="UTF-16"),
    ],
)
def test_bytes_of_another_form_are_named_with_what_to_do(
    client: httpx.Client, form: str, body: bytes, words: str
) -> None:
    assert words in problem(ask(client, form, body))[0]


# what is asked for


@pytest.mark.parametrize(
    "query", ["on_bad_row=skip", "on_bad_row=", "on_bad_row=null&on_bad_row=fail", "on_bad_rows=null"]
)
def test_another_parameter_or_value_is_refused(client: httpx.Client, query: str) -> None:
    response = client.post(f"/predict/batch?{query}", json={"phones": [PHONE]})
    assert "expected the parameter on_bad_row=fail or =null" in problem(response)[0]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Content-Type": "text/plain"}, id="text"),
        pytest.param({"Content-Type": "text/csv; charset=latin-1"}, id="Latin-1"),
        pytest.param({"Content-Type": "text/csv; header=absent"}, id="no header"),
    ],
)
def test_another_media_type_is_refused(client: httpx.Client, headers: dict[str, str]) -> None:
    detail, _ = problem(client.post("/predict/batch", content=FULL, headers=headers), 415)
    assert all(form in detail for form in (JSON, CSV, NDJSON, ARROW))


def test_a_stream_over_its_limit_is_refused(start: Callable[..., Server], model_repository: Path) -> None:
    server = start(model_repository, "--max-stream-bytes", "5000", "--max-queue-rows", "7", "--max-rows", "7")
    body = FULL + (LINE + b"\n") * 200
    with httpx.Client(base_url=server.wait_until_ready().url, verify=NO_TLS) as client:
        for content in (body, iter([body])):
            detail, _ = problem(ask(client, CSV, content), 413)
            assert detail == "the body is larger than 5000 bytes (setting max_stream_bytes)"
        # a short queue takes a block in pieces
        assert len(read(ask(client, CSV, FULL + (LINE + b"\n") * 20))) == 23


def test_openapi_documents_the_forms_and_the_parameter(client: httpx.Client) -> None:
    operation = client.get("/openapi.json").json()["paths"]["/predict/batch"]["post"]
    taken = set(operation["requestBody"]["content"])
    assert taken == {JSON, CSV, "text/tab-separated-values", NDJSON, ARROW}
    assert set(operation["responses"]["200"]["content"]) == {JSON, CSV, NDJSON, ARROW}
    assert operation["responses"].keys() >= {"400", "408", "413", "415", "422", "503", "504", "507"}
    modes, columns, sets, explain, unknown, *of_csv = operation["parameters"]
    assert [parameter["name"] for parameter in of_csv] == ["delimiter", "decimal", "thousands", "null_values"]
    assert operation["responses"]["200"]["headers"].keys() == {"X-Table-Read-As", "X-Prediction-Sets"}
    assert (sets["name"], explain["name"], unknown["name"]) == ("sets", "explain", "unknown")
    assert (modes["name"], modes["schema"]["enum"]) == ("on_bad_row", ["fail", "null"])
    assert (columns["name"], columns["schema"]["type"], columns["explode"]) == ("columns", "array", False)
    assert "gzip, deflate, zstd" in operation["requestBody"]["description"]
