"""One answer to the last bit, whatever way the rows come and the answers go."""

import gzip
import itertools
import zlib
from typing import Any

import httpx
import numpy as np
import orjson
import pytest
from corpus import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pricerange.phone import FEATURE_NAMES, FEATURES
from pricerange.triton_config import triton_config

PATH = "/v2/models/phone_price_range/infer"
HEADER_LENGTH = "Inference-Header-Content-Length"
COMPRESS = {"identity": bytes, "gzip": gzip.compress, "deflate": zlib.compress}
DECOMPRESS = {"identity": bytes, "gzip": gzip.decompress, "deflate": zlib.decompress}


def message(rows: np.ndarray, **of_input: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "features", "datatype": "FP32", "shape": list(rows.shape), **of_input}]}


def as_binary(rows: np.ndarray, **more: Any) -> tuple[bytes, dict[str, str]]:
    head = orjson.dumps(message(rows, parameters={"binary_data_size": rows.nbytes}) | more)
    return head + rows.astype("<f4").tobytes(), {HEADER_LENGTH: str(len(head))}


def as_json(rows: np.ndarray, nested: bool, **more: Any) -> tuple[bytes, dict[str, str]]:
    data = rows.tolist() if nested else rows.ravel().tolist()
    return orjson.dumps(message(rows, data=data) | more), {}


def ask(
    client: httpx.Client,
    body: bytes,
    headers: dict[str, str],
    encoding: str = "identity",
    accepted: str = "identity",
) -> tuple[bytes, bytes]:
    """Return the two tensors' bytes."""
    headers = {**headers, "Content-Encoding": encoding, "Accept-Encoding": accepted}
    with client.stream("POST", PATH, content=COMPRESS[encoding](body), headers=headers) as response:
        content = b"".join(response.iter_raw())
    assert response.status_code == 200, content
    assert response.headers.get("content-encoding", "identity") == accepted
    content = DECOMPRESS[accepted](content)
    length = int(response.headers.get(HEADER_LENGTH, len(content)))
    tensors = []
    for output in orjson.loads(content[:length])["outputs"]:
        dtype = {"FP32": "<f4", "INT64": "<i8"}[output["datatype"]]
        if "data" in output:
            tensors.append(np.array(output["data"], dtype).tobytes())
        else:
            start = length + sum(map(len, tensors))
            tensors.append(content[start : start + output["parameters"]["binary_data_size"]])
    probabilities, price_range = tensors
    return probabilities, price_range


def of_predict(client: httpx.Client, rows: np.ndarray) -> tuple[bytes, bytes]:
    phones = [dict(zip(FEATURE_NAMES, row, strict=True)) for row in rows.tolist()]
    answers = [client.post("/predict", json=phone).raise_for_status().json() for phone in phones]
    probabilities = np.array([answer["probabilities"] for answer in answers], "<f4")
    return probabilities.tobytes(), np.array([answer["price_range"] for answer in answers], "<i8").tobytes()


def values_of(feature: Any) -> st.SearchStrategy[float]:
    if feature.kind == "number":
        return st.floats(feature.low, feature.high, width=32)
    return st.integers(int(feature.low), int(feature.high)).map(float)


ROWS = st.lists(st.tuples(*map(values_of, FEATURES)), min_size=1, max_size=4).map(
    lambda rows: np.array(rows, np.float32)
)


@settings(
    max_examples=examples(40),
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=ROWS)
def test_json_nested_flat_binary_gzip_and_predict_agree_to_the_last_bit(
    client: httpx.Client, rows: np.ndarray
) -> None:
    expected = of_predict(client, rows)
    for binary_out in (True, False):
        parameters = {"binary_data_output": binary_out}
        bodies = [
            as_json(rows, nested=True, parameters=parameters),
            as_json(rows, nested=False, parameters=parameters),
            as_binary(rows, parameters=parameters),
        ]
        for (body, headers), encoding in itertools.product(bodies, COMPRESS):
            assert ask(client, body, headers, encoding, encoding) == expected


def test_numbers_are_rounded_to_float32_as_predict_does(client: httpx.Client, rows: np.ndarray) -> None:
    doubles = rows[:50].astype(np.float64)
    doubles[:, 2] = np.random.default_rng(1).uniform(0.5, 3, 50)  # more digits than a float32 has
    expected = of_predict(client, doubles)
    assert ask(client, *as_json(doubles, nested=True)) == expected
    assert ask(client, *as_json(doubles, nested=False)) == expected


def test_whole_numbers_may_be_written_as_integers(client: httpx.Client, rows: np.ndarray) -> None:
    whole = np.round(rows[:5]).astype(np.int64)
    body = orjson.dumps(message(whole, data=whole.ravel().tolist()))
    assert ask(client, body, {}) == ask(client, *as_binary(whole.astype(np.float32)))


def test_a_body_of_bytes_alone_needs_no_json(client: httpx.Client, rows: np.ndarray) -> None:
    raw = rows.astype("<f4").tobytes()
    binary = as_binary(rows, parameters={"binary_data_output": True})
    assert ask(client, raw, {HEADER_LENGTH: "0"}) == ask(client, *binary)


def test_any_content_type_is_read(client: httpx.Client, rows: np.ndarray) -> None:
    body, headers = as_binary(rows)
    expected = ask(client, body, headers)
    for content_type in ("application/json", "application/octet-stream", "text/plain"):
        assert ask(client, body, {**headers, "Content-Type": content_type}) == expected


@pytest.mark.parametrize(
    ("accepted", "many", "encoding"),
    [
        pytest.param("gzip", False, "gzip", id="asked-for-alone"),
        pytest.param("deflate", False, "deflate", id="deflate-alone"),
        pytest.param("gzip, deflate, br", False, None, id="a-library's-default-for-a-short-answer"),
        pytest.param("gzip, deflate, br", True, "gzip", id="a-library's-default-for-a-long-answer"),
        pytest.param("gzip;q=0.2, deflate;q=0.9", True, "deflate", id="by-weight"),
        pytest.param("gzip;q=0, identity", True, None, id="excluded"),
        pytest.param("gzip;q=0", True, None, id="excluded-alone"),
        pytest.param("gzip;q=much", True, None, id="no-number-for-a-weight"),
        pytest.param("br, *", True, None, id="others"),
    ],
)
def test_answers_are_compressed_only_where_that_is_wanted(
    client: httpx.Client, rows: np.ndarray, accepted: str, many: bool, encoding: str | None
) -> None:
    body, headers = as_binary(rows if many else rows[:1])
    response = client.post(PATH, content=body, headers={**headers, "Accept-Encoding": accepted})
    assert response.raise_for_status().headers.get("content-encoding") == encoding


@pytest.mark.parametrize("path", ["/v2", "/v2/models/phone_price_range"])
def test_descriptions_are_never_compressed(client: httpx.Client, path: str) -> None:
    response = client.get(path, headers={"Accept-Encoding": "gzip"}).raise_for_status()
    assert "content-encoding" not in response.headers


def test_an_id_comes_back_and_none_is_made_up(client: httpx.Client, rows: np.ndarray) -> None:
    for given_id in ({"id": 'a\u00fc"\\'}, {}):
        body, headers = as_json(rows[:1], nested=True, **given_id)
        answer = client.post(PATH, content=body, headers=headers).raise_for_status().json()
        assert {key: answer[key] for key in answer if key == "id"} == given_id


def test_absent_fields_may_be_null_and_unknown_ones_are_let_through(
    client: httpx.Client, rows: np.ndarray
) -> None:
    asked = message(rows[:1], data=rows[:1].tolist(), parameters=None, colour="red")
    asked |= {"id": None, "parameters": {"content_type": "np"}, "outputs": None, "model_name": "any"}
    assert client.post(PATH, json=asked).status_code == 200


def test_config_says_what_the_repository_says(client: httpx.Client) -> None:
    config = client.get("/v2/models/phone_price_range/config").json()
    assert config == triton_config("phone_price_range") | {"max_batch_size": 1000}


def test_the_index_lists_ready_models_where_it_is_asked_to(client: httpx.Client) -> None:
    for asked in (b"", b"{}", b'{"ready": true}'):
        [entry] = client.post("/v2/repository/index", content=asked).raise_for_status().json()
        assert entry["state"] == "READY"
