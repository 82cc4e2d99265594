"""What a bad request is told, and that it harms nobody."""

import json
import math
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import schemathesis
from corpus import examples
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from live_server import NO_TLS, Server
from phone_tables import ARROW, CSV, NDJSON, PHONES, as_arrow, as_csv, as_ndjson
from schemathesis import GenerationMode

from pricerange.phone import FEATURE_NAMES

JSON = {"Content-Type": "application/json"}


def assert_problem(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["status"] == status
    assert problem["type"].startswith("urn:pricerange:problem:")
    assert problem["error"] == problem["detail"]
    assert problem["request_id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    return problem


@pytest.mark.parametrize(
    ("change", "pointer", "words"),
    [
        pytest.param({"ram": "4096"}, "/ram", 'got the string "4096"', id="text-for-a-number"),
        pytest.param({"ram": 4}, "/ram", "between 128 and 131072 MB, got 4", id="ram-in-gb"),
        pytest.param({"mobile_wt": 0.14}, "/mobile_wt", "between 16 and 2000 g, got 0.14", id="weight-in-kg"),
        pytest.param({"n_cores": 4.5}, "/n_cores", "a whole number", id="fraction-of-a-core"),
        pytest.param({"blue": 2}, "/blue", "0 or 1", id="two-for-yes"),
        pytest.param({"ram": None}, "/ram", "got null", id="null"),
        pytest.param({"ram": [1]}, "/ram", "got a list", id="list"),
        pytest.param({"ram": True}, "/ram", "got true", id="true-for-a-number"),
        pytest.param({"ram": math.nan}, "/ram", "got NaN", id="nan"),
        pytest.param({"ram": -math.inf}, "/ram", "got -infinity", id="infinity"),
        pytest.param({"rma": 1}, "/rma", "did you mean ram?", id="unknown-field"),
        pytest.param({"a/b~c": 1}, "/a~1b~0c", "is not a known field", id="pointer-escapes"),
    ],
)
def test_predict_names_field_rule_and_place(
    client: httpx.Client, phone: dict[str, float], change: dict[str, object], pointer: str, words: str
) -> None:
    response = client.post("/predict", content=json.dumps({**phone, **change}), headers=JSON)
    problem = assert_problem(response, 422)
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert words in problem["detail"]


def test_predict_names_every_missing_field(client: httpx.Client) -> None:
    problem = assert_problem(client.post("/predict", json={}), 422)
    assert [error["pointer"] for error in problem["errors"]] == [f"/{name}" for name in FEATURE_NAMES]


def test_batch_points_into_the_bad_phone(client: httpx.Client, phone: dict[str, float]) -> None:
    phones = [phone, {**phone, "ram": "much"}, phone]
    problem = assert_problem(client.post("/predict/batch", json={"phones": phones}), 422)
    assert [error["pointer"] for error in problem["errors"]] == ["/phones/1/ram"]


def test_a_batch_is_told_what_is_wrong_with_its_first_bad_phone(
    client: httpx.Client, phone: dict[str, float]
) -> None:
    problem = assert_problem(client.post("/predict/batch", json={"phones": [phone, {}, {}]}), 422)
    assert [error["pointer"] for error in problem["errors"]] == [
        f"/phones/1/{name}" for name in FEATURE_NAMES
    ]


def test_a_long_list_of_errors_is_cut_and_counted(client: httpx.Client, phone: dict[str, float]) -> None:
    unknown = {f"field {number}": number for number in range(150)}
    problem = assert_problem(client.post("/predict", json=phone | unknown), 422)
    assert len(problem["errors"]) == 100
    assert problem["detail"].endswith("and 149 more")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        pytest.param("/predict/batch", {"phones": [{}] * 250_000}, 413, id="empty-phones"),
        pytest.param(
            "/predict/batch", {"phones": [{str(n): 1 for n in range(80_000)}]}, 422, id="unknown-fields"
        ),
        pytest.param("/predict", {str(n): 1 for n in range(6_000)}, 422, id="unknown-fields-alone"),
    ],
)
def test_a_body_of_many_errors_costs_neither_seconds_nor_gigabytes(
    start: Callable[..., Server], model_repository: Path, path: str, body: object, status: int
) -> None:
    server = start(model_repository).wait_until_ready()
    content = json.dumps(body, separators=(",", ":"))
    assert len(content) < 1_048_576
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    # far above what it takes, far below the minute and the gigabytes of naming each error
    assert_problem(
        httpx.post(f"{server.url}{path}", content=content, headers=JSON, timeout=10, verify=NO_TLS), status
    )
    assert process.memory_info().rss - before < 200e6


def test_an_error_does_not_outlive_its_answer(start: Callable[..., Server], model_repository: Path) -> None:
    """What a body is made into is much larger than the body: it may not wait for a full collection."""
    server = start(model_repository).wait_until_ready()
    content = b'{"phones": [{%b "x": 1}]}' % b"".join(b'"%d": 1, ' % n for n in range(70_000))
    process = psutil.Process(server.process.pid)
    memory = []
    for _ in range(6):
        assert_problem(
            httpx.post(f"{server.url}/predict/batch", content=content, headers=JSON, verify=NO_TLS), 422
        )
        memory.append(process.memory_info().rss)
    assert memory[-1] - memory[1] < 15e6, memory


def test_a_length_of_many_digits_is_read(server: Server, phone: dict[str, float]) -> None:
    body = json.dumps(phone).encode()
    for length, status in ((b"0" * 5_000 + str(len(body)).encode(), b"200"), (b"9" * 18, b"413")):
        head = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: " + length
        assert raw(server, head + b"\r\n\r\n" + body).split(b" ")[1] == status


def raw(server: Server, request: bytes) -> bytes:
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port or 80), timeout=10) as connection:
        connection.sendall(request)
        return connection.recv(65_536)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="truncated"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[1, 2]", id="list"),
        pytest.param(b'"phone"', id="text"),
        pytest.param(b"[" * 60_000, id="deep"),
        pytest.param(b'{"ram":' * 8_000, id="deep-objects"),
        pytest.param(b'{"ram": 1e400}', id="overflow"),
        pytest.param(b'{"ram": 1' + b"0" * 5000 + b"}", id="long-number"),
        pytest.param(b"\xff\xfe{\x00}\x00", id="utf-16"),
        pytest.param(b'{"\xff": 1}', id="broken-utf-8"),
        pytest.param(b'{"\\ud800": 1}', id="lone-surrogate"),
    ],
)
@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_a_body_that_is_no_phone_is_refused(client: httpx.Client, path: str, body: bytes) -> None:
    problem = assert_problem(client.post(path, content=body, headers=JSON), 422)
    assert problem["errors"]


def test_too_many_phones_are_refused_with_the_limit(client: httpx.Client, phone: dict[str, float]) -> None:
    problem = assert_problem(client.post("/predict/batch", json={"phones": [phone] * 1001}), 413)
    assert "at most 1000 phones" in problem["detail"]


@pytest.mark.parametrize("chunked", [False, True], ids=["length-announced", "chunked"])
def test_a_body_over_the_limit_is_refused(client: httpx.Client, chunked: bool) -> None:
    megabyte = b" " * 1_048_576
    content = iter([megabyte, b"{}"]) if chunked else megabyte + b"{}"
    problem = assert_problem(client.post("/predict/batch", content=content, headers=JSON), 413)
    assert "1048576 bytes" in problem["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Content-Type": "text/plain"}, id="text"),
        pytest.param({"Content-Type": "application/x-www-form-urlencoded"}, id="form"),
        pytest.param({"Content-Type": "application/json; charset=utf-16"}, id="utf-16"),
        pytest.param({**JSON, "Content-Encoding": "br"}, id="br"),
    ],
)
def test_other_media_types_are_refused(client: httpx.Client, headers: dict[str, str]) -> None:
    assert_problem(client.post("/predict", content=b"{}", headers=headers), 415)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/nowhere", 404, id="unknown-path"),
        pytest.param("GET", "/predict", 405, id="known-path-other-method"),
        pytest.param("BREW", "/predict", 405, id="unknown-method"),
    ],
)
def test_the_router_refuses_in_the_same_words(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    try:
        response = client.request(method, path)
    except httpx.RemoteProtocolError:
        pytest.fail("the connection was cut")
    if method != "BREW":  # refused by the HTTP parser before the application sees it
        assert_problem(response, status)
    else:
        assert response.status_code in (400, 405)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=8), values, max_size=4),
    max_leaves=10,
)
ALMOST_PHONES = st.dictionaries(
    st.sampled_from(FEATURE_NAMES) | st.text(max_size=8), JSON_VALUES, max_size=25
)


@settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
@given(
    body=JSON_VALUES | ALMOST_PHONES | st.fixed_dictionaries({"phones": st.lists(ALMOST_PHONES, max_size=3)})
)
def test_any_json_is_answered_never_with_a_5xx(client: httpx.Client, body: object) -> None:
    for path in ("/predict", "/predict/batch"):
        response = client.post(path, content=json.dumps(body), headers=JSON)
        if response.status_code != 200:
            assert_problem(response, 422)


def test_memory_stays_flat_under_large_bodies(client: httpx.Client, server: Server) -> None:
    process = psutil.Process(server.process.pid)
    body = b"[" + b"1," * 5_000_000 + b"1]"
    before = process.memory_info().rss
    for path in ("/predict", "/predict/batch"):
        for _ in range(3):
            assert_problem(client.post(path, content=body, headers=JSON), 413)
    assert process.memory_info().rss - before < 8 * 1024 * 1024


# a document tells no more of them than that they are text and bytes
schemathesis.openapi.media_type(CSV, PHONES.map(as_csv))
schemathesis.openapi.media_type(
    "text/tab-separated-values", PHONES.map(lambda phones: as_csv(phones).replace(b",", b"\t"))
)
schemathesis.openapi.media_type(NDJSON, PHONES.map(as_ndjson))
schemathesis.openapi.media_type(ARROW, PHONES.map(as_arrow))
NULL = ("null", ["null"])


OF_CSV = {"delimiter", "decimal", "thousands", "null_values"}
AVERAGING = ("/predict", "/predict/explain", "/predict/batch")


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_what_the_openapi_document_says_holds(server: Server, mode: GenerationMode) -> None:
    document = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    operations = [result.ok() for result in document.get_all_operations()]
    assert {operation.path for operation in operations} > {"/predict", "/predict/batch", "/model", "/readyz"}
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and not len(operation.body):
            continue  # nothing to get wrong without a body

        @settings(
            max_examples=examples(12), deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def holds(case: schemathesis.Case) -> None:
            # there a bad row is no error
            assume(mode is GenerationMode.POSITIVE or (case.query or {}).get("on_bad_row") not in NULL)
            query = case.query or {}
            # names of columns of the body, which no schema can hold
            assume("columns" not in query)
            # nor that these are for bodies of CSV, and go together
            if mode is GenerationMode.POSITIVE:
                case.query = {name: value for name, value in query.items() if name not in OF_CSV}
                # nor that a parameter allows nulls
                if case.path in AVERAGING and "null" in json.dumps(case.body, default=str):
                    case.query["unknown"] = "average"
            else:
                assume(not query.keys() & OF_CSV)
            case.call_and_validate()

        holds()


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", "utf8", "us-ascii", '"utf-8"'])
def test_other_names_of_a_charset_are_known(
    client: httpx.Client, phone: dict[str, float], charset: str
) -> None:
    headers = {"Content-Type": f"application/json; charset={charset}"}
    assert client.post("/predict", content=json.dumps(phone), headers=headers).status_code == 200


def test_a_byte_order_mark_is_named(client: httpx.Client, phone: dict[str, float]) -> None:
    content = b"\xef\xbb\xbf" + json.dumps(phone).encode()
    refused = client.post("/predict", content=content, headers={"Content-Type": "application/json"})
    assert refused.status_code == 422
    assert "byte order mark" in refused.json()["detail"]
