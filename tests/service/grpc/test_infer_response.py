"""What is written by hand is what protobuf reads: fields, lengths and all outputs."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from grpc_messages import tensors_of
from hypothesis import given
from hypothesis import strategies as st

from service.grpc.infer_response import InferResponses
from service.grpc.proto.open_inference_grpc_pb2 import ModelInferResponse
from service.grpc.wire import field, varint
from service.open_inference.inference import Answered
from service.open_inference.query import Query

SERVED = SimpleNamespace(
    version="7",
    bundle=SimpleNamespace(
        name="phone_price_range",
        passport=SimpleNamespace(prediction_sets=SimpleNamespace(calibration="abc")),
    ),
)


def answered(count: int, *names: str, **asked: Any) -> Answered:
    arrays = {
        "probabilities": np.arange(4 * count, dtype=np.float32).reshape(-1, 4),
        "price_range": np.arange(count)[:, np.newaxis],
        "prediction_set": np.ones((count, 4), np.bool_),
    }
    query = Query(
        asked.pop("id", None), np.zeros((count, 20), np.float32), dict.fromkeys(names, True), **asked
    )
    return Answered(query, arrays, cast(Any, SERVED))


@pytest.mark.parametrize("count", [0, 1, 1000])
@pytest.mark.parametrize("request_id", [None, "7", "ä" * 300])
def test_an_answer_is_read_as_it_was_meant(count: int, request_id: str | None) -> None:
    responses = InferResponses()
    for _ in range(2):  # the second time some of it is known
        one = answered(count, "price_range", "probabilities", id=request_id)
        answer = ModelInferResponse.FromString(responses.of(one))
        assert (answer.model_name, answer.model_version) == ("phone_price_range", "7")
        assert answer.id == (request_id or "")
        found = tensors_of(answer)
        assert list(found) == ["price_range", "probabilities"]
        for name, array in found.items():
            assert np.array_equal(array, one.arrays[name])
        assert not answer.parameters


def test_sets_say_what_they_promise() -> None:
    responses = InferResponses()
    for level in (0.8, 0.9):
        one = answered(2, "prediction_set", level=level)
        answer = ModelInferResponse.FromString(responses.of(one))
        assert answer.parameters["sets"].double_param == level
        assert answer.parameters["calibration"].string_param == "abc"


@given(st.integers(0, 2**40))
def test_a_varint_has_seven_bits_a_byte(number: int) -> None:
    written = varint(number)
    assert sum((byte & 127) << 7 * place for place, byte in enumerate(written)) == number
    assert all(byte & 128 for byte in written[:-1])
    assert not written[-1] & 128


@given(st.binary(max_size=500))
def test_a_field_is_one_of_protobuf(content: bytes) -> None:
    assert ModelInferResponse.FromString(field(6, content)).raw_output_contents == [content]
