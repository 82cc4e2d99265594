"""Triton's own clients, unchanged: every call that applies, in both flavours."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from live_server import Server
from tritonclient.utils import InferenceServerException

from pricerange.phone import LABELS

NAME = "phone_price_range"

Call = Callable[..., Any]


@pytest.fixture(params=["http", "http.aio"])
def call(request: pytest.FixtureRequest, server: Server) -> Call:
    """Call a method of a client by its name."""
    address = httpx.URL(server.url).netloc.decode()

    def of_http(method: str, *arguments: Any, **named: Any) -> Any:
        with triton.InferenceServerClient(address) as client:
            return getattr(client, method)(*arguments, **named)

    async def of_aio(method: str, *arguments: Any, **named: Any) -> Any:
        async with triton_aio.InferenceServerClient(address) as client:
            result: Awaitable[Any] = getattr(client, method)(*arguments, **named)
            return await result

    return of_http if request.param == "http" else lambda *args, **named: asyncio.run(of_aio(*args, **named))


def features(rows: np.ndarray, binary: bool = True) -> list[triton.InferInput]:
    tensor = triton.InferInput("features", list(rows.shape), "FP32")
    return [tensor.set_data_from_numpy(rows, binary_data=binary)]


def test_health(call: Call) -> None:
    assert call("is_server_live")
    assert call("is_server_ready")
    assert call("is_model_ready", NAME)
    assert call("is_model_ready", NAME, "1")
    assert not call("is_model_ready", NAME, "2")
    assert not call("is_model_ready", "another")


def test_server_metadata_lists_the_extensions_that_work(call: Call) -> None:
    metadata = call("get_server_metadata")
    assert metadata["name"] == "pricerange"
    assert metadata["extensions"] == [
        "binary_tensor_data",
        "model_configuration",
        "model_repository",
        "statistics",
    ]


@pytest.mark.parametrize("version", ["", "1"])
def test_model_metadata(call: Call, version: str) -> None:
    assert call("get_model_metadata", NAME, version) == {
        "name": NAME,
        "versions": ["1"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "features", "datatype": "FP32", "shape": [-1, 20]}],
        "outputs": [
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, 4]},
            {"name": "price_range", "datatype": "INT64", "shape": [-1, 1]},
            {"name": "in_range", "datatype": "BOOL", "shape": [-1]},
            {"name": "prediction_set", "datatype": "BOOL", "shape": [-1, 4]},
            {"name": "unknown", "datatype": "BOOL", "shape": [-1, 20]},
        ],
    }


@pytest.mark.parametrize("version", ["", "1"])
def test_model_config_tells_the_limit_of_rows(call: Call, version: str) -> None:
    config = call("get_model_config", NAME, version)
    assert config["name"] == NAME
    assert config["max_batch_size"] == 1000
    assert config["input"] == [{"name": "features", "data_type": "TYPE_FP32", "dims": [20]}]


@pytest.mark.parametrize("of", [(), (NAME,), (NAME, "1")], ids=["all", "model", "version"])
def test_statistics_rise_by_what_was_asked(call: Call, rows: np.ndarray, of: tuple[str, ...]) -> None:
    [before] = call("get_inference_statistics", *of)["model_stats"]
    call("infer", NAME, features(rows[:7]))
    with pytest.raises(InferenceServerException):
        call("infer", NAME, features(rows[:7] - 1e6))
    [after] = call("get_inference_statistics", *of)["model_stats"]
    assert (after["name"], after["version"]) == (NAME, "1")
    assert after["inference_count"] - before["inference_count"] == 7
    assert after["execution_count"] - before["execution_count"] == 1
    for kind in ("success", "fail", "compute_infer"):
        assert after["inference_stats"][kind]["count"] - before["inference_stats"][kind]["count"] == 1
        assert after["inference_stats"][kind]["ns"] > before["inference_stats"][kind]["ns"]


def test_repository_index(call: Call) -> None:
    [entry] = call("get_model_repository_index")
    assert entry == {"name": NAME, "version": "1", "state": "READY", "reason": ""}


@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
@pytest.mark.parametrize("binary_out", [None, True, False], ids=["default-out", "binary-out", "json-out"])
@pytest.mark.parametrize("binary_in", [True, False], ids=["binary-in", "json-in"])
@pytest.mark.parametrize("version", ["", "1"])
def test_infer_answers_as_the_predictor_to_the_last_bit(
    call: Call,
    rows: np.ndarray,
    expected: Any,
    version: str,
    binary_in: bool,
    binary_out: bool | None,
    compression: str | None,
) -> None:
    asked = ("price_range", "probabilities")
    result = call(
        "infer",
        NAME,
        features(rows, binary_in),
        version,
        outputs=None
        if binary_out is None
        else [triton.InferRequestedOutput(name, binary_data=binary_out) for name in asked],
        request_id="seventh",
        request_compression_algorithm=compression,
        response_compression_algorithm=compression,
    )
    response = result.get_response()
    assert (response["model_name"], response["model_version"], response["id"]) == (NAME, "1", "seventh")
    names = [output["name"] for output in response["outputs"]]
    assert names == (["probabilities", "price_range"] if binary_out is None else list(asked))
    assert result.as_numpy("probabilities").tobytes() == expected.probabilities.tobytes()
    assert np.array_equal(result.as_numpy("price_range")[:, 0], expected.price_range)


def test_infer_sends_the_outputs_asked_for_and_no_others(call: Call, rows: np.ndarray, expected: Any) -> None:
    outputs = [triton.InferRequestedOutput("price_range")]
    result = call("infer", NAME, features(rows), outputs=outputs)
    assert np.array_equal(result.as_numpy("price_range")[:, 0], expected.price_range)
    assert result.as_numpy("probabilities") is None


def test_one_output_may_be_json_beside_a_binary_one(call: Call, rows: np.ndarray, expected: Any) -> None:
    outputs = [
        triton.InferRequestedOutput("probabilities", binary_data=False),
        triton.InferRequestedOutput("price_range", binary_data=True),
    ]
    result = call("infer", NAME, features(rows), outputs=outputs)
    assert "data" in result.get_output("probabilities")
    assert "data" not in result.get_output("price_range")
    assert np.array_equal(result.as_numpy("probabilities"), expected.probabilities)
    assert np.array_equal(result.as_numpy("price_range")[:, 0], expected.price_range)


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_no_rows_have_empty_answers(call: Call, rows: np.ndarray, binary: bool) -> None:
    outputs = [triton.InferRequestedOutput(name, binary) for name in ("probabilities", "price_range")]
    result = call("infer", NAME, features(rows[:0], binary), outputs=outputs)
    assert result.as_numpy("probabilities").shape == (0, len(LABELS))
    assert result.as_numpy("price_range").shape == (0, 1)


def test_parameters_that_only_hint_are_let_through(call: Call, rows: np.ndarray, expected: Any) -> None:
    result = call(
        "infer",
        NAME,
        features(rows),
        sequence_id=3,
        sequence_start=True,
        priority=1,
        timeout=1_000_000,
        parameters={"colour": "red"},
    )
    assert np.array_equal(result.as_numpy("price_range")[:, 0], expected.price_range)


def test_async_infer_of_the_http_client(
    triton_client: triton.InferenceServerClient, rows: np.ndarray, expected: Any
) -> None:
    pending = [triton_client.async_infer(NAME, features(rows[i : i + 1])) for i in range(20)]
    answers = [one.get_result().as_numpy("price_range") for one in pending]
    assert np.array_equal(np.concatenate(answers)[:, 0], expected.price_range[:20])


def test_the_client_raises_with_our_words(call: Call, rows: np.ndarray) -> None:
    bad = rows.copy()
    bad[3, 13] = 4
    with pytest.raises(InferenceServerException) as refused:
        call("infer", NAME, features(bad))
    assert refused.value.status() == "400"
    assert refused.value.message() == "row 4: ram must be a whole number between 128 and 131072 MB, got 4"
    with pytest.raises(InferenceServerException, match="the model 'another' is not served here"):
        call("infer", "another", features(rows))
    with pytest.raises(InferenceServerException, match="the version '9' is not served here"):
        call("infer", NAME, features(rows), "9")


def test_classification_is_refused_since_the_extension_is_not_there(call: Call, rows: np.ndarray) -> None:
    outputs = [triton.InferRequestedOutput("probabilities", class_count=2)]
    with pytest.raises(InferenceServerException, match="classification"):
        call("infer", NAME, features(rows), outputs=outputs)
