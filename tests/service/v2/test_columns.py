"""A table sent column by column, as MLServer's PandasCodec does, is answered as the rows are, bit for bit."""

from typing import Any

import httpx
import numpy as np
import orjson
import pytest

from pricerange.phone import FEATURE_NAMES, FEATURES

PATH = "/v2/models/phone_price_range/infer"
HEADER_LENGTH = "Inference-Header-Content-Length"
WHOLE = {feature.name for feature in FEATURES if feature.kind != "number"}


def columns(rows: np.ndarray, flat_shape: bool = False) -> list[dict[str, Any]]:
    """The inputs as PandasCodec makes them of a data frame: integers where they are whole."""
    shape = [len(rows)] if flat_shape else [len(rows), 1]
    return [
        {
            "name": name,
            "datatype": "INT64" if name in WHOLE else "FP64",
            "shape": shape,
            "parameters": {"content_type": "np"},
            "data": [int(value) if name in WHOLE else value for value in rows[:, column].tolist()],
        }
        for column, name in enumerate(FEATURE_NAMES)
    ]


def as_message(inputs: list[dict[str, Any]]) -> bytes:
    return orjson.dumps({"parameters": {"content_type": "pd"}, "inputs": inputs})


def as_bytes(rows: np.ndarray, whole: str, number: str) -> tuple[bytes, dict[str, str]]:
    types = {"FP32": "<f4", "FP64": "<f8", "INT64": "<i8", "UINT16": "<u2", "INT32": "<i4"}
    inputs, parts = [], []
    for column, name in enumerate(FEATURE_NAMES):
        datatype = whole if name in WHOLE else number
        parts.append(rows[:, column].astype(types[datatype]).tobytes())
        parameters = {"binary_data_size": len(parts[-1])}
        tensor = {"name": name, "datatype": datatype, "shape": [len(rows)], "parameters": parameters}
        inputs.append(tensor)
    head = as_message(inputs)
    return b"".join([head, *parts]), {HEADER_LENGTH: str(len(head))}


def answers(client: httpx.Client, body: bytes, headers: dict[str, str] | None = None) -> Any:
    response = client.post(PATH, content=body, headers=headers or {})
    assert response.status_code == 200, response.text
    return response.json()["outputs"]


@pytest.fixture
def by_rows(client: httpx.Client, rows: np.ndarray) -> Any:
    tensor = {"name": "features", "datatype": "FP32", "shape": list(rows.shape), "data": rows.tolist()}
    return answers(client, orjson.dumps({"inputs": [tensor]}))


@pytest.mark.parametrize("flat_shape", [True, False], ids=["[n]", "[n, 1]"])
@pytest.mark.parametrize("reverse", [True, False], ids=["from the last", "in order"])
def test_columns_of_json_are_answered_as_rows_are(
    client: httpx.Client, rows: np.ndarray, by_rows: Any, flat_shape: bool, reverse: bool
) -> None:
    inputs = columns(rows, flat_shape)
    assert answers(client, as_message(inputs[::-1] if reverse else inputs)) == by_rows


def test_columns_of_nested_json_are_answered_as_rows_are(
    client: httpx.Client, rows: np.ndarray, by_rows: Any
) -> None:
    inputs = [{**column, "data": [[value] for value in column["data"]]} for column in columns(rows)]
    assert answers(client, as_message(inputs)) == by_rows


@pytest.mark.parametrize(
    ("whole", "number"), [("FP32", "FP32"), ("INT64", "FP64"), ("UINT16", "FP32"), ("INT32", "FP64")]
)
def test_columns_of_bytes_are_answered_as_rows_are(
    client: httpx.Client, rows: np.ndarray, by_rows: Any, whole: str, number: str
) -> None:
    body, headers = as_bytes(rows, whole, number)
    assert answers(client, body, headers) == by_rows


def refused(client: httpx.Client, inputs: list[dict[str, Any]]) -> dict[str, Any]:
    response = client.post(PATH, content=as_message(inputs))
    assert response.status_code == 400
    problem: dict[str, Any] = response.json()
    return problem


@pytest.mark.parametrize(
    ("change", "detail", "pointer"),
    [
        pytest.param({"name": "colour"}, "one named features of the shape [n, 20], or", "/inputs", id="name"),
        pytest.param({"name": "blue"}, "one named features of the shape [n, 20], or", "/inputs", id="twice"),
        pytest.param({"datatype": "BYTES"}, "datatype of ram", "/inputs/13/datatype", id="type"),
        pytest.param({"shape": [4]}, "shape of ram: expected [3] or [3, 1]", "/inputs/13/shape", id="shape"),
        pytest.param({"shape": [3, 2]}, "shape of ram", "/inputs/13/shape", id="two columns"),
        pytest.param({"data": [256, 512]}, "3 numbers for the shape", "/inputs/13/data", id="short"),
        pytest.param({"data": [256, 512, 1]}, "row 3: ram must be", "/inputs/13/data/2", id="out of limits"),
        pytest.param({"data": [256, True, 512]}, "row 2: ram", "/inputs/13/data/1", id="true"),
        pytest.param({"data": [[256], [512], ["x"]]}, "row 3: ram", "/inputs/13/data/2", id="text"),
        pytest.param({"data": [[256], 512, 300]}, "row 1: ram", "/inputs/13/data/0", id="half nested"),
        pytest.param({"data": "512"}, "a list of numbers", "/inputs/13/data", id="no list"),
        pytest.param({"data": None}, "ram: expected either data or", "/inputs/13", id="nothing"),
        pytest.param({"parameters": {"binary_data_size": 3}}, "found both", "/inputs/13", id="both"),
    ],
)
def test_a_column_that_is_none_is_named(
    client: httpx.Client, rows: np.ndarray, change: dict[str, Any], detail: str, pointer: str
) -> None:
    inputs = columns(rows[:3])
    inputs[FEATURE_NAMES.index("ram")] |= change
    problem = refused(client, inputs)
    assert detail in problem["detail"]
    assert problem["errors"][0]["pointer"] == pointer


def test_the_wrong_number_of_inputs_is_told_what_is_expected(client: httpx.Client, rows: np.ndarray) -> None:
    for count in (0, 2, 19):
        detail = refused(client, columns(rows[:1])[:count])["detail"]
        assert "one named features of the shape [n, 20], or one for each of the 20 features" in detail


@pytest.mark.parametrize("change", [-1, 1])
def test_bytes_of_columns_that_are_too_few_or_too_many_are_refused(
    client: httpx.Client, rows: np.ndarray, change: int
) -> None:
    body, headers = as_bytes(rows[:5], "INT64", "FP64")
    response = client.post(PATH, content=body[:change] if change < 0 else body + b"x", headers=headers)
    assert response.status_code == 400
    assert response.json()["detail"] == f"after the JSON object: expected 800 bytes, found {800 + change}"


def test_as_many_rows_come_in_columns_as_in_rows(client: httpx.Client, rows: np.ndarray) -> None:
    response = client.post(PATH, content=as_message(columns(np.tile(rows, (4, 1)))))
    assert response.status_code == 413
