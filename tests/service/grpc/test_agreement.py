"""Every form of an input, and every output, says what the other door says, to the last bit."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
from grpc_messages import NAME, Details, Input, Output, infer, infer_request, tensors_of
from live_server import NO_TLS, Server

from pricerange import synthetic
from pricerange.phone import FEATURE_NAMES
from service.grpc.proto.open_inference_grpc_pb2 import InferTensorContents, ModelInferRequest

ROWS = synthetic.phones(40, block=4)[0].astype(np.float32)
ROWS[:5, FEATURE_NAMES.index("ram")] = 100_000  # unlike any phone of training
PHONES = [dict(zip(FEATURE_NAMES, map(float, map(str, row)), strict=True)) for row in ROWS]
WHOLE = np.ceil(ROWS)
OUTPUTS = (
    *("probabilities", "price_range", "in_range", "prediction_set", "unknown"),
    *("decision", "expected_cost"),
)
COSTS = "[[0,1,2,3],[2,0,1,2],[40,20,0,1],[60,40,20,0]]"


@pytest.fixture(scope="module")
def deciding(model_repository: Path) -> Iterator[Server]:
    server = Server(model_repository, "--grpc-port", "0", "--cost-matrix", COSTS, "--no-access-log")
    yield server.wait_until_ready()
    assert server.end() == 0
    assert not any("service.access" in line for line in server.lines)


def over_http(server: Server, rows: np.ndarray, outputs: tuple[str, ...], **asked: Any) -> httpx.Response:
    data = [None if np.isnan(value) else float(str(value)) for value in rows.ravel()]
    tensor = {"name": "features", "datatype": "FP32", "shape": rows.shape, "data": data}
    body = {"inputs": [tensor], "outputs": [{"name": name} for name in outputs], **asked}
    return httpx.post(f"{server.url}/v2/models/{NAME}/infer", json=body, verify=NO_TLS)


def tensor(rows: np.ndarray, datatype: str, **contents: Any) -> ModelInferRequest:
    sent = Input(name="features", datatype=datatype, shape=rows.shape)
    request = ModelInferRequest(model_name=NAME, inputs=[sent])
    if contents:
        request.inputs[0].contents.CopyFrom(InferTensorContents(**contents))
    else:
        request.raw_input_contents.append(rows.tobytes())
    return request


def columns(rows: np.ndarray) -> ModelInferRequest:
    request = ModelInferRequest(model_name=NAME)
    for index, name in enumerate(FEATURE_NAMES):
        request.inputs.add(name=name, datatype="FP64", shape=[len(rows), 1])
        request.raw_input_contents.append(rows[:, index].astype(np.float64).tobytes())
    return request


@pytest.mark.parametrize(
    ("rows", "request_of"),
    [
        pytest.param(ROWS, infer_request, id="FP32"),
        pytest.param(
            ROWS, lambda rows: tensor(rows, "FP32", fp32_contents=rows.ravel()), id="FP32 in contents"
        ),
        pytest.param(ROWS, lambda rows: tensor(rows.astype(np.float64), "FP64"), id="FP64"),
        pytest.param(ROWS, columns, id="columns"),
        pytest.param(WHOLE, lambda rows: tensor(rows.astype(np.int32), "INT32"), id="INT32"),
        pytest.param(
            WHOLE,
            lambda rows: tensor(rows, "INT64", int64_contents=rows.astype(int).ravel()),
            id="INT64 in contents",
        ),
    ],
)
def test_each_form_gets_all_that_the_other_door_tells(
    deciding: Server, rows: np.ndarray, request_of: Callable[[np.ndarray], ModelInferRequest]
) -> None:
    request = request_of(rows)
    request.outputs.extend(Output(name=name) for name in OUTPUTS)
    request.parameters["sets"].double_param = 0.8
    found = tensors_of(infer(deciding.grpc_address, request))
    told = over_http(deciding, rows, OUTPUTS, parameters={"sets": 0.8}).raise_for_status().json()
    assert list(found) == [output["name"] for output in told["outputs"]] == list(OUTPUTS)
    for output in told["outputs"]:
        one = found[output["name"]]
        assert list(one.shape) == output["shape"]
        assert one.tobytes() == np.array(output["data"], one.dtype).tobytes()
    assert 0 < found["in_range"].sum() < len(rows)


def test_an_answer_is_that_of_predict(deciding: Server) -> None:
    request = infer_request(ROWS, outputs=[Output(name=name) for name in OUTPUTS])
    found = tensors_of(infer(deciding.grpc_address, request))
    with httpx.Client(base_url=deciding.url, verify=NO_TLS) as client:
        for place, phone in enumerate(PHONES):
            told = client.post("/predict", params={"sets": "0.9"}, json=phone).raise_for_status().json()
            assert found["probabilities"][place].tolist() == np.float32(told["probabilities"]).tolist()
            assert found["price_range"][place, 0] == told["price_range"]
            assert found["in_range"][place] == told["applicability"]["in_range"]
            assert np.flatnonzero(found["prediction_set"][place]).tolist() == told["prediction_set"]
            assert found["decision"][place] == told["decision"]["price_range"]
            assert found["expected_cost"][place] == np.float32(told["decision"]["expected_cost"])


def test_phones_unlike_those_of_training_are_refused_alike(
    start: Callable[..., Server], model_repository: Path
) -> None:
    server = start(model_repository, "--grpc-port", "0", "--out-of-range", "refuse").wait_until_ready()
    assert infer(server.grpc_address, infer_request(ROWS[5:8])).outputs
    told = over_http(server, ROWS, ("price_range",))
    for request in (infer_request(ROWS), columns(ROWS)):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            infer(server.grpc_address, request)
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert refused.value.details() == told.json()["detail"]
        assert Details(refused.value).kind == told.json()["type"].rpartition(":")[2]


def test_what_is_wrong_has_the_same_words(deciding: Server) -> None:
    bad = ROWS[:4].copy()
    bad[2, FEATURE_NAMES.index("ram")] = 4
    told = over_http(deciding, bad, OUTPUTS).json()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        infer(deciding.grpc_address, infer_request(bad))
    assert refused.value.details() == told["detail"]
