"""What a bad V2 request is told: 400 and the reason in `error`, never a 200 with wrong numbers or a 500."""

import gzip
import json
import math
import socket
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from corpus import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live_server import NO_TLS, Server

from pricerange.phone import FEATURE_NAMES

MODEL = "/v2/models/phone_price_range"
PATH = f"{MODEL}/infer"
HEADER_LENGTH = "Inference-Header-Content-Length"
RAM = FEATURE_NAMES.index("ram")


def assert_refused(response: httpx.Response, status: int, words: str, pointer: str | None = None) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert words in problem["error"]
    assert problem["error"] == problem["detail"]
    if pointer is not None:
        assert [entry["pointer"] for entry in problem["errors"]] == [pointer]
    assert "Traceback" not in response.text


def post(client: httpx.Client, message: object, tail: bytes = b"", **headers: str) -> httpx.Response:
    head = json.dumps(message).encode()
    length = {HEADER_LENGTH: str(len(head))} if tail else {}
    return client.post(PATH, content=head + tail, headers={**length, **headers})


def features(**change: Any) -> dict[str, Any]:
    """One good phone as flat JSON, changed."""
    phone = [1520, 0, 2.2, 1, 5, 1, 32, 0.8, 141, 8, 12, 1080, 1440, 2800, 15, 7, 14, 1, 1, 1]
    tensor = {"name": "features", "datatype": "FP32", "shape": [1, 20], "data": phone, **change}
    return {key: value for key, value in tensor.items() if value is not ...}


GOOD: list[float] = features()["data"]


def with_ram(value: object) -> list[object]:
    return [*GOOD[:RAM], value, *GOOD[RAM + 1 :]]


@pytest.mark.parametrize(
    ("inputs", "words", "pointer"),
    [
        pytest.param([], "one for each of the 20 features, found 0", "/inputs", id="none"),
        pytest.param(
            [features(name="x")], "input: expected features, found 'x'", "/inputs/0/name", id="name"
        ),
        pytest.param(
            [features(), features()],
            "one for each of the 20 features, found 2: features, features",
            "/inputs",
            id="duplicate",
        ),
        pytest.param(
            [features(datatype="FP64")],
            "datatype of features: expected FP32, found 'FP64'",
            "/inputs/0/datatype",
            id="datatype",
        ),
        pytest.param(
            [features(datatype="BYTES", data=["a"] * 20)],
            "FP32, found 'BYTES'",
            "/inputs/0/datatype",
            id="bytes",
        ),
        pytest.param([features(datatype=...)], "Field required", "/inputs/0/datatype", id="no-datatype"),
        pytest.param([features(shape=...)], "Field required", "/inputs/0/shape", id="no-shape"),
        pytest.param(
            [features(shape=[20])], "expected [n, 20], found [20]", "/inputs/0/shape", id="no-batch"
        ),
        pytest.param([features(shape=[20, 1])], "found [20, 1]", "/inputs/0/shape", id="transposed"),
        pytest.param([features(shape=[1, 1, 20])], "found [1, 1, 20]", "/inputs/0/shape", id="three-axes"),
        pytest.param([features(shape=[-1, 20])], "found [-1, 20]", "/inputs/0/shape", id="negative-rows"),
        pytest.param([features(shape=[1.5, 20])], "valid integer", "/inputs/0/shape/0", id="half-a-row"),
        pytest.param([features(shape=[True, 20])], "valid integer", "/inputs/0/shape/0", id="true-rows"),
        pytest.param([features(shape="1,20")], "valid list", "/inputs/0/shape", id="text-for-shape"),
        pytest.param(
            [features(data=GOOD[:19])],
            "expected 20 numbers for the shape [1, 20], found 19",
            "/inputs/0/data",
            id="19-numbers",
        ),
        pytest.param(
            [features(data=[GOOD[:19]])], "row 1: expected 20 numbers", "/inputs/0/data/0", id="short-row"
        ),
        pytest.param(
            [features(shape=[2, 20], data=[GOOD[:19], [*GOOD, 1]])],
            "found 19",
            "/inputs/0/data/0",
            id="uneven",
        ),
        pytest.param(
            [features(shape=[2, 20], data=[GOOD, 7])],
            "row 2: expected 20 numbers",
            "/inputs/0/data/1",
            id="no-row",
        ),
        pytest.param(
            [features(data="x" * 20)],
            "a list of numbers, found a string",
            "/inputs/0/data",
            id="text-for-data",
        ),
        pytest.param(
            [features(data=...)], "data or binary_data_size, found neither", "/inputs/0", id="no-data"
        ),
        pytest.param(
            [features(parameters={"shared_memory_region": "r"}, data=...)],
            "neither",
            "/inputs/0",
            id="shared-memory",
        ),
        pytest.param(
            [features(parameters={"binary_data_size": -80}, data=...)],
            "greater than or equal to 0",
            "/inputs/0/parameters/binary_data_size",
            id="negative-size",
        ),
        pytest.param(
            [features(data=with_ram("2800"))],
            "row 1: ram: expected a JSON number, found a string",
            f"/inputs/0/data/{RAM}",
            id="text",
        ),
        pytest.param(
            [features(data=[with_ram(None)])],
            "ram: expected a JSON number, found null",
            f"/inputs/0/data/0/{RAM}",
            id="null",
        ),
        pytest.param(
            [features(data=with_ram(True))], "number, found true", f"/inputs/0/data/{RAM}", id="true"
        ),
        pytest.param(
            [features(data=[with_ram(False)])], "found false", f"/inputs/0/data/0/{RAM}", id="false"
        ),
        pytest.param([features(data=with_ram([1]))], "found a list", f"/inputs/0/data/{RAM}", id="list"),
        pytest.param(
            [features(data=[with_ram({})])], "found an object", f"/inputs/0/data/0/{RAM}", id="object"
        ),
        pytest.param(
            [features(shape=[3, 20], data=[GOOD, GOOD, with_ram(4)])],
            "row 3: ram must be a whole number between 128 and 131072 MB, got 4",
            f"/inputs/0/data/2/{RAM}",
            id="ram-in-gb-nested",
        ),
        pytest.param(
            [features(shape=[3, 20], data=GOOD + GOOD + with_ram(4))],
            "row 3: ram must be a whole number between 128 and 131072 MB, got 4",
            f"/inputs/0/data/{40 + RAM}",
            id="ram-in-gb-flat",
        ),
        pytest.param(
            [features(data=with_ram(2800.001))], "a whole number", f"/inputs/0/data/{RAM}", id="fraction"
        ),
    ],
)
def test_a_bad_input_is_refused_with_its_place(
    client: httpx.Client, inputs: list[object], words: str, pointer: str
) -> None:
    assert_refused(post(client, {"inputs": inputs}), 400, words, pointer)


def test_openapi_documents_how_an_inference_may_be_refused(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    refusals = paths["/v2/models/{model_name}/infer"]["post"]["responses"].keys()
    assert refusals >= {"400", "404", "408", "413", "415", "503", "504"}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf], ids=str)
def test_bare_nan_in_json_is_400_and_not_200_with_null_probabilities(
    client: httpx.Client, value: float
) -> None:
    response = post(client, {"inputs": [features(data=with_ram(value))]})
    assert_refused(response, 400, "NaN and Infinity are not valid JSON")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e38], ids=str)
def test_nan_in_binary_is_400_and_not_200_with_nan_probabilities(client: httpx.Client, value: float) -> None:
    tail = np.array(with_ram(value), "<f4").tobytes()
    inputs = [features(data=..., parameters={"binary_data_size": 80})]
    assert_refused(post(client, {"inputs": inputs}, tail), 400, "row 1: ram must be", "/inputs/0")


@pytest.mark.parametrize("nested", [True, False], ids=["nested", "flat"])
def test_1e39_is_400_and_not_200_with_nan_probabilities(client: httpx.Client, nested: bool) -> None:
    data = with_ram(1e39)
    response = post(client, {"inputs": [features(data=[data] if nested else data)]})
    assert_refused(response, 400, "row 1: ram must be")


@pytest.mark.parametrize("rows", [0, 1, 3, 1000])
@pytest.mark.parametrize("form", ["nested", "flat", "binary"])
def test_a_wrong_row_count_is_400_and_not_500_with_a_traceback(
    client: httpx.Client, rows: int, form: str
) -> None:
    shape = [2, 20]
    if form == "binary":
        tail = np.array([GOOD] * rows, "<f4").tobytes()
        inputs = [features(shape=shape, data=..., parameters={"binary_data_size": 160})]
        words = "expected 160 bytes, found"
        assert_refused(post(client, {"inputs": inputs}, tail), 400, words)
    else:
        data = [GOOD] * rows if form == "nested" else GOOD * rows
        assert_refused(
            post(client, {"inputs": [features(shape=shape, data=data)]}), 400, "for the shape [2, 20]"
        )


def test_one_bad_request_of_many_takes_no_neighbour_down(client: httpx.Client, server: Server) -> None:
    """All on their way before the first answer: they share the model's runs."""
    inputs = {"inputs": [features()]}, {"inputs": [features(data=with_ram(1))]}
    answers = all_at_once(server, [json.dumps(inputs[number == 7]).encode() for number in range(16)])
    assert [status == 400 for status in answers] == [number == 7 for number in range(16)]
    assert set(answers) == {200, 400}


def all_at_once(server: Server, bodies: list[bytes]) -> list[int]:
    """Send each body on a connection of its own, all of them before any answer is read."""
    url = httpx.URL(server.url)
    connections = [socket.create_connection((url.host, url.port or 80), timeout=10) for _ in bodies]
    for connection, body in zip(connections, bodies, strict=True):
        head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
    statuses = [int(connection.recv(65_536).split(b" ")[1]) for connection in connections]
    for connection in connections:
        connection.close()
    return statuses


@pytest.mark.parametrize(
    ("size", "tail", "words"),
    [
        pytest.param(80, 79, "after the JSON object: expected 80 bytes, found 79", id="truncated"),
        pytest.param(80, 81, "after the JSON object: expected 80 bytes, found 81", id="extra-bytes"),
        pytest.param(
            79, 79, "binary_data_size: expected 80 bytes for the shape [1, 20], found 79", id="size"
        ),
        pytest.param(10**18, 80, "binary_data_size: expected 80 bytes", id="huge-size"),
    ],
)
def test_binary_data_of_another_length_is_refused(
    client: httpx.Client, size: int, tail: int, words: str
) -> None:
    inputs = [features(data=..., parameters={"binary_data_size": size})]
    assert_refused(post(client, {"inputs": inputs}, bytes(tail)), 400, words)


def test_data_and_binary_data_at_once_are_refused(client: httpx.Client) -> None:
    inputs = [features(parameters={"binary_data_size": 80})]
    assert_refused(post(client, {"inputs": inputs}, bytes(80)), 400, "data or binary_data_size, found both")


def test_bytes_after_json_data_are_refused(client: httpx.Client) -> None:
    assert_refused(post(client, {"inputs": [features()]}, b"more"), 400, "expected 0 bytes, found 4")


@pytest.mark.parametrize("length", ["-1", "1e2", "", "0x10", "100000", "9" * 5_000, "\u00b2", "1, 2"])
def test_a_bad_header_length_is_refused(client: httpx.Client, length: str) -> None:
    response = client.post(PATH, content=b"{}", headers={HEADER_LENGTH: length.encode("latin-1")})
    assert_refused(response, 400, f"the header {HEADER_LENGTH} must be a whole number up to")


def test_a_header_length_that_cuts_the_json_is_refused(client: httpx.Client) -> None:
    response = post(client, {"inputs": [features()]}, **{HEADER_LENGTH: "30"})
    assert_refused(response, 400, "the body: expected a JSON object, found unexpected end of data")


def test_a_raw_tensor_of_no_whole_rows_is_refused(client: httpx.Client) -> None:
    response = client.post(PATH, content=bytes(81), headers={HEADER_LENGTH: "0"})
    assert_refused(response, 400, "expected 80 bytes per row, found 81 bytes")


@pytest.mark.parametrize(
    ("outputs", "words", "pointer"),
    [
        pytest.param([{"name": "price"}], "or unknown, found 'price'", "/outputs/0/name", id="unknown"),
        pytest.param(
            [{"name": "price_range"}] * 2,
            "price_range once, found it more than once",
            "/outputs/1",
            id="twice",
        ),
        pytest.param([{}], "Field required", "/outputs/0/name", id="no-name"),
        pytest.param([{"name": "price_range"}] * 9, "at most 8 items", "/outputs", id="nine"),
        pytest.param(
            [{"name": "price_range", "parameters": {"binary_data": "yes"}}],
            "valid boolean",
            "/outputs/0/parameters/binary_data",
            id="text-for-binary",
        ),
        pytest.param(
            [{"name": "probabilities", "parameters": {"classification": 2}}],
            "none of the unsupported extensions, found classification",
            "/outputs/0/parameters/classification",
            id="classification",
        ),
        pytest.param(
            [{"name": "probabilities", "parameters": {"shared_memory_region": "r"}}],
            "none of the unsupported extensions, found shared_memory_region",
            "/outputs/0/parameters/shared_memory_region",
            id="shared-memory",
        ),
    ],
)
def test_bad_outputs_are_refused(
    client: httpx.Client, outputs: list[object], words: str, pointer: str
) -> None:
    response = post(client, {"inputs": [features()], "outputs": outputs})
    assert_refused(response, 400, words, pointer)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="truncated"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[1, 2]", id="list"),
        pytest.param(b"[" * 60_000, id="deep"),
        pytest.param(b'{"inputs": 1e400}', id="overflow"),
        pytest.param(b'{"inputs": [{"data": [1' + b"0" * 5000 + b"]}]}", id="long-number"),
        pytest.param(b"\xff\xfe{\x00}\x00", id="utf-16"),
        pytest.param(b'{"id": "\\ud800"}', id="lone-surrogate"),
        pytest.param(b'{"inputs": [' + b"{}," * 200_000 + b"{}]}", id="many-inputs"),
        pytest.param(b'{"inputs": [{"shape": [' + b"{}," * 200_000 + b"{}]}]}", id="many-axes"),
    ],
)
def test_a_body_that_is_no_message_is_refused(client: httpx.Client, body: bytes) -> None:
    assert_refused(client.post(PATH, content=body), 400, "")


@pytest.mark.parametrize("body", [b"{", b"null", b"[" * 60_000, b"\xff", b'{"ready": 1}'])
def test_a_bad_question_to_the_index_is_refused(client: httpx.Client, body: bytes) -> None:
    assert_refused(client.post("/v2/repository/index", content=body), 400, "")


def test_more_rows_than_the_limit_are_413(client: httpx.Client) -> None:
    words = "at most 1000 phones"
    for shape in ([1001, 20], [10**18, 20]):
        assert_refused(post(client, {"inputs": [features(shape=shape)]}), 413, words)
    raw = client.post(PATH, content=bytes(1001 * 80), headers={HEADER_LENGTH: "0"})
    assert_refused(raw, 413, words)


def test_a_long_list_of_bad_values_is_cut_and_counted(client: httpx.Client) -> None:
    response = post(client, {"inputs": [features(shape=[300, 20], data=with_ram(1) * 300)]})
    assert response.status_code == 400
    assert len(response.json()["errors"]) == 100
    assert response.json()["error"].endswith("and 299 more")


@pytest.mark.parametrize(
    ("encoding", "body", "status", "words"),
    [
        pytest.param("br", b"{}", 415, "gzip, deflate, zstd or none, found br", id="br"),
        pytest.param("gzip, gzip", b"{}", 415, "found gzip, gzip", id="twice"),
        pytest.param("gzip", b"{}", 400, "the body: expected gzip data, found", id="no-gzip"),
        pytest.param("gzip", gzip.compress(b"{}")[:-1], 400, "found truncated data", id="truncated"),
        pytest.param("gzip", gzip.compress(b"{}") + b"x", 400, "found extra data after its end", id="more"),
        pytest.param("deflate", gzip.compress(b"{}"), 400, "the body: expected deflate data", id="other"),
        pytest.param("deflate", b"", 400, "found truncated data", id="nothing"),
    ],
)
def test_a_body_in_another_encoding_is_refused(
    client: httpx.Client, encoding: str, body: bytes, status: int, words: str
) -> None:
    response = client.post(PATH, content=body, headers={"Content-Encoding": encoding})
    assert_refused(response, status, words)


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress], ids=["gzip", "deflate"])
def test_a_body_that_inflates_beyond_the_limit_is_413_and_costs_no_memory(
    start: Callable[..., Server], model_repository: Path, compress: Callable[[bytes], bytes]
) -> None:
    server = start(model_repository).wait_until_ready()
    body = compress(bytes(500_000_000))
    assert len(body) < 1_048_576
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    encoding = {"Content-Encoding": "gzip" if compress is gzip.compress else "deflate"}
    for _ in range(3):
        response = httpx.post(f"{server.url}{PATH}", content=body, headers=encoding, verify=NO_TLS)
        assert_refused(response, 413, "larger than 1048576 bytes")
    assert process.memory_info().rss - before < 16e6


@pytest.mark.parametrize("action", ["", "/ready", "/config", "/stats", "/infer"])
@pytest.mark.parametrize(
    ("model", "words"),
    [
        pytest.param(
            "/v2/models/another", "the model 'another' is not served here, only phone_price_range", id="model"
        ),
        pytest.param(
            "/v2/models/another/versions/1", "the model 'another' is not served here", id="model-with-version"
        ),
        pytest.param(f"{MODEL}/versions/2", "the version '2' is not served here, only 1", id="version"),
        pytest.param(f"{MODEL}/versions/01", "the version '01' is not served here", id="version-with-zero"),
        pytest.param(f"{MODEL}/versions/{'9' * 5000}", "the version '9999", id="long-version"),
    ],
)
def test_an_unknown_model_or_version_is_404(
    client: httpx.Client, action: str, model: str, words: str
) -> None:
    method = "POST" if action == "/infer" else "GET"
    assert_refused(client.request(method, f"{model}{action}"), 404, words)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", PATH, 405, id="infer-by-get"),
        pytest.param("POST", MODEL, 405, id="metadata-by-post"),
        pytest.param("GET", "/v2/repository/index", 405, id="index-by-get"),
        pytest.param("GET", "/v2/nowhere", 404, id="unknown-path"),
        pytest.param("GET", "/v2/systemsharedmemory/status", 404, id="extension-we-lack"),
    ],
)
def test_the_router_refuses_in_the_same_words(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    assert_refused(client.request(method, path), status, "/docs lists the routes")


def test_not_ready_is_not_200_while_draining(start: Callable[..., Server], model_repository: Path) -> None:
    server = start(model_repository, "--drain-delay", "30").wait_until_ready()
    server.process.terminate()
    deadline = time.monotonic() + 10
    while httpx.get(f"{server.url}/readyz", verify=NO_TLS).status_code == 200:
        assert time.monotonic() < deadline
    for path in ("/v2/health/ready", f"{MODEL}/ready", f"{MODEL}/versions/1/ready"):
        assert_refused(httpx.get(f"{server.url}{path}", verify=NO_TLS), 503, "the service is draining")
    assert httpx.get(f"{server.url}/v2/health/live", verify=NO_TLS).json() == {"live": True}
    [entry] = httpx.post(f"{server.url}/v2/repository/index", verify=NO_TLS).json()
    assert (entry["state"], entry["reason"]) == ("UNAVAILABLE", "the service is draining")
    assert httpx.post(f"{server.url}/v2/repository/index", json={"ready": True}, verify=NO_TLS).json() == []
    answer = httpx.post(f"{server.url}{PATH}", json={"inputs": [features()]}, verify=NO_TLS)
    assert answer.status_code == 200


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=8), values, max_size=4),
    max_leaves=10,
)
ALMOST_TENSORS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("features") | JSON_VALUES,
        "datatype": st.just("FP32") | JSON_VALUES,
        "shape": st.just([1, 20]) | st.lists(st.integers(), max_size=3) | JSON_VALUES,
        "parameters": st.fixed_dictionaries({}, optional={"binary_data_size": JSON_VALUES}) | JSON_VALUES,
        "data": st.just(GOOD) | st.lists(JSON_VALUES, min_size=20, max_size=20) | JSON_VALUES,
    },
)
ALMOST_OUTPUTS = st.fixed_dictionaries({"name": st.just("price_range")}, optional={"parameters": JSON_VALUES})
ALMOST_MESSAGES = st.fixed_dictionaries(
    {"inputs": st.lists(ALMOST_TENSORS, max_size=2) | JSON_VALUES},
    optional={
        "id": JSON_VALUES,
        "parameters": JSON_VALUES,
        "outputs": st.lists(ALMOST_OUTPUTS, max_size=2) | JSON_VALUES,
    },
)


@settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
@given(body=JSON_VALUES | ALMOST_MESSAGES)
def test_any_json_is_answered_never_with_a_5xx(client: httpx.Client, body: object) -> None:
    for path in (PATH, "/v2/repository/index"):
        response = client.post(path, content=json.dumps(body))
        assert response.status_code in (200, 400, 413), response.text


@settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
@given(body=st.binary(max_size=400), length=st.none() | st.integers(-1, 400))
def test_any_bytes_are_answered_never_with_a_5xx(
    client: httpx.Client, body: bytes, length: int | None
) -> None:
    headers = {} if length is None else {HEADER_LENGTH: str(length)}
    assert client.post(PATH, content=body, headers=headers).status_code in (200, 400, 413)
