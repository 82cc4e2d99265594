"""Every call of the protocol by grpc.aio: what it tells is what HTTP tells, to the last bit."""

import asyncio
from importlib.metadata import version

import grpc
import httpx
import numpy as np
import pytest
from google.protobuf.json_format import MessageToDict
from grpc_messages import NAME, Details, Output, ask, call, infer, infer_request, tensors_of, with_channel
from live_server import NO_TLS, Server

from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Prediction
from service.grpc.proto import open_inference_grpc_pb2 as pb


def told_over_http(server: Server, path: str) -> dict[str, object]:
    found: dict[str, object] = httpx.get(f"{server.url}{path}", verify=NO_TLS).json()
    return found


def as_dict(message: object) -> dict[str, object]:
    numbers = {"preserving_proto_field_name": True, "always_print_fields_with_no_presence": True}
    found: dict[str, object] = MessageToDict(message, **numbers)
    return found


def test_health(grpc_server: Server) -> None:
    address = grpc_server.grpc_address
    assert ask(address, "ServerLive", b"", pb.ServerLiveResponse).live
    assert ask(address, "ServerReady", b"", pb.ServerReadyResponse).ready
    for name, number, ready in ((NAME, "", True), (NAME, "1", True), (NAME, "2", False), ("x", "", False)):
        asked = pb.ModelReadyRequest(name=name, version=number)
        assert ask(address, "ModelReady", asked, pb.ModelReadyResponse).ready is ready


def test_what_describes_says_what_the_other_door_says(grpc_server: Server) -> None:
    address = grpc_server.grpc_address
    server = as_dict(ask(address, "ServerMetadata", b"", pb.ServerMetadataResponse))
    assert server == told_over_http(grpc_server, "/v2")
    assert server["version"] == version("pricerange")
    asked = pb.ModelMetadataRequest(name=NAME)
    found = ask(address, "ModelMetadata", asked, pb.ModelMetadataResponse)
    described = told_over_http(grpc_server, f"/v2/models/{NAME}")
    assert [list(output.shape) for output in found.outputs] == [one["shape"] for one in described["outputs"]]  # type: ignore[attr-defined]
    assert (found.name, list(found.versions), found.platform) == (NAME, ["1"], "onnxruntime_onnx")
    assert [(one.name, one.datatype) for one in found.inputs] == [("features", "FP32")]
    config = ask(address, "ModelConfig", pb.ModelConfigRequest(name=NAME), pb.ModelConfigResponse).config
    assert (config.backend, config.max_batch_size) == ("onnxruntime", 1000)
    assert config.HasField("dynamic_batching")
    assert config.output[1].HasField("reshape")
    index = ask(address, "RepositoryIndex", b"", pb.RepositoryIndexResponse)
    assert [(one.name, one.version, one.state) for one in index.models] == [(NAME, "1", "READY")]


def test_statistics_rise_by_what_was_asked(grpc_server: Server, rows: np.ndarray) -> None:
    address = grpc_server.grpc_address

    def counted(asked: pb.ModelStatisticsRequest) -> pb.ModelStatistics:
        [found] = ask(address, "ModelStatistics", asked, pb.ModelStatisticsResponse).model_stats
        return found

    for asked in (pb.ModelStatisticsRequest(), pb.ModelStatisticsRequest(name=NAME, version="1")):
        before = counted(asked)
        infer(address, infer_request(rows[:7]))
        with pytest.raises(grpc.aio.AioRpcError):
            infer(address, infer_request(-rows[:7]))
        after = counted(asked)
        assert after.inference_count - before.inference_count == 7
        for kind in ("success", "fail"):
            rise = getattr(after.inference_stats, kind).count - getattr(before.inference_stats, kind).count
            assert rise == 1


@pytest.mark.parametrize("count", [0, 1, 300])
def test_infer_answers_as_the_predictor_to_the_last_bit(
    grpc_server: Server, rows: np.ndarray, expected: Prediction, count: int
) -> None:
    answer = infer(grpc_server.grpc_address, infer_request(rows[:count], id="7", model_version="1"))
    assert (answer.model_name, answer.model_version, answer.id) == (NAME, "1", "7")
    found = tensors_of(answer)
    assert list(found) == ["probabilities", "price_range"]
    assert found["probabilities"].tobytes() == expected.probabilities[:count].tobytes()
    assert np.array_equal(found["price_range"][:, 0], expected.price_range[:count])


def test_infer_answers_as_predict_does(grpc_server: Server, rows: np.ndarray) -> None:
    phone = {
        name: int(value) if value.is_integer() else float(str(value))
        for name, value in zip(FEATURE_NAMES, rows[0], strict=True)
    }
    predicted = httpx.post(f"{grpc_server.url}/predict", json=phone, verify=NO_TLS).json()
    found = tensors_of(infer(grpc_server.grpc_address, infer_request(rows[:1])))
    assert np.float32(predicted["probabilities"]).tobytes() == found["probabilities"].tobytes()
    assert predicted["price_range"] == found["price_range"][0, 0]


def test_what_an_answer_is_worth_comes_as_outputs_and_parameters(
    grpc_server: Server, rows: np.ndarray
) -> None:
    names = ["price_range", "in_range", "prediction_set", "unknown"]
    gaps = rows[:3].copy()
    gaps[1, 3] = np.nan
    asked = infer_request(gaps, outputs=[Output(name=name) for name in names])
    asked.parameters["sets"].double_param = 0.8
    asked.parameters["unknown"].string_param = "average"
    answer = infer(grpc_server.grpc_address, asked)
    found = tensors_of(answer)
    assert list(found) == names
    assert found["unknown"].sum() == 1
    assert found["prediction_set"].any(axis=1).all()
    assert answer.parameters["sets"].double_param == 0.8
    assert answer.parameters["calibration"].string_param
    body = {
        "inputs": [{"name": "features", "datatype": "FP32", "shape": [3, 20], "data": gaps.ravel().tolist()}],
        "parameters": {"sets": 0.8, "unknown": "average"},
        "outputs": [{"name": name} for name in names],
    }
    body["inputs"][0]["data"][23] = None  # type: ignore[index]
    over_http = httpx.post(f"{grpc_server.url}/v2/models/{NAME}/infer", json=body, verify=NO_TLS).json()
    for output in over_http["outputs"]:
        assert found[output["name"]].ravel().tolist() == output["data"]


def test_many_calls_at_once_get_their_own_answers(
    grpc_server: Server, rows: np.ndarray, expected: Prediction
) -> None:
    async def work(channel: grpc.aio.Channel) -> list[pb.ModelInferResponse | BaseException]:
        asked = [infer_request(rows[i : i + 1], id=str(i)) for i in range(len(rows))]
        asked[7] = infer_request(-rows[7:8])
        calls = (call(channel, "ModelInfer", one, pb.ModelInferResponse) for one in asked)
        return await asyncio.gather(*calls, return_exceptions=True)

    answers = with_channel(grpc_server.grpc_address, work)
    refused = answers.pop(7)
    assert isinstance(refused, grpc.aio.AioRpcError)
    assert refused.code() == grpc.StatusCode.INVALID_ARGUMENT
    for answer in answers:
        assert isinstance(answer, pb.ModelInferResponse)
        place = int(answer.id)
        assert tensors_of(answer)["probabilities"].tobytes() == expected.probabilities[place].tobytes()


def test_versions_are_loaded_and_unloaded(model_repository, start) -> None:  # type: ignore[no-untyped-def]
    server = start(model_repository, "--grpc-port", "0").wait_until_ready()
    address = server.grpc_address
    named = pb.RepositoryModelUnloadRequest(model_name=NAME)
    ask(address, "RepositoryModelUnload", named, pb.RepositoryModelUnloadResponse)
    assert not ask(address, "ServerReady", b"", pb.ServerReadyResponse).ready
    assert not ask(address, "ModelStatistics", b"", pb.ModelStatisticsResponse).model_stats
    [entry] = ask(address, "RepositoryIndex", b"", pb.RepositoryIndexResponse).models
    assert (entry.state, entry.reason) == ("UNAVAILABLE", "unloaded")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        ask(address, "ModelMetadata", pb.ModelMetadataRequest(name=NAME), pb.ModelMetadataResponse)
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    assert Details(refused.value).retry_after == 10
    load = pb.RepositoryModelLoadRequest(model_name=NAME)
    ask(address, "RepositoryModelLoad", load, pb.RepositoryModelLoadResponse)
    assert ask(address, "ServerReady", b"", pb.ServerReadyResponse).ready
    load.parameters["config"].string_param = "{}"
    with pytest.raises(grpc.aio.AioRpcError, match=r"rollout.toml and the model repository say") as refused:
        ask(address, "RepositoryModelLoad", load, pb.RepositoryModelLoadResponse)
    assert Details(refused.value).fields.keys() == {"/parameters/config"}
