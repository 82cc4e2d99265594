"""The common shape of a message, read straight from its bytes: it says what the whole message says."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from grpc_messages import NAME, Output, infer_request
from hypothesis import given
from hypothesis import strategies as st

from pricerange.phone import FEATURES
from service.errors import PriceRangeError
from service.grpc.infer_request import query_of
from service.grpc.plain_request import PlainRequests
from service.grpc.proto.open_inference_grpc_pb2 import InferParameter
from service.open_inference.inference import Inference
from service.open_inference.query import Query

INFERENCE = cast(Inference, SimpleNamespace(max_rows=1000, extra_outputs=("in_range", "prediction_set")))
PHONE = np.array([[feature.example for feature in FEATURES]], np.float32)
TWO = np.repeat(np.round(PHONE), 2, axis=0)


def answer(read: Callable[[], Query | None]) -> object:
    try:
        query = read()
        if query is None:
            return None
        if query.check is not None:
            query.check(query.rows)
    except PriceRangeError as error:
        return str(error)
    return query.id, query.rows.tobytes(), list(query.outputs), query.level, query.unknown, query.version


VALUES = st.floats(width=32) | st.sampled_from([float(value) for value in PHONE[0]])


@given(
    st.lists(st.lists(VALUES, min_size=20, max_size=20), max_size=3),
    st.text(max_size=200),
    st.sampled_from(["", "1", "9"]),
    st.sampled_from([[], ["price_range"], ["in_range", "probabilities"], ["x"]]),
    st.sampled_from(
        [{}, {"sets": InferParameter(double_param=0.7)}, {"priority": InferParameter(int64_param=1)}]
    ),
    st.integers(0, 400),
    st.integers(0, 255),
)
def test_what_is_read_from_the_wire_is_what_the_message_says(
    values: list[list[float]],
    request_id: str,
    version: str,
    outputs: list[str],
    parameters: dict[str, InferParameter],
    place: int,
    byte: int,
) -> None:
    rows = np.array(values, np.float32).reshape(-1, 20)
    named = [Output(name=name) for name in outputs]
    request = infer_request(rows, id=request_id, model_version=version, outputs=named, parameters=parameters)
    message = bytearray(request.SerializeToString())
    plain = PlainRequests(NAME, INFERENCE)
    for content in (bytes(message), bytes(message[:place]) + bytes([byte]) + bytes(message[place + 1 :])):
        found = answer(lambda content=content: plain.query_of(content))  # type: ignore[misc]
        assert found is None or found == answer(lambda content=content: query_of(content, NAME, INFERENCE))  # type: ignore[misc]


def test_the_common_shape_is_read_from_the_wire() -> None:
    plain = PlainRequests(NAME, INFERENCE)
    for request_id in ("", "a", "b" * 200):
        query = plain.query_of(infer_request(TWO, id=request_id).SerializeToString())
        assert query is not None
        assert query.id == (request_id or None)
        assert query.rows.tobytes() == TWO.tobytes()


@pytest.mark.parametrize("count", [1, 2, 20, 204, 205, 1000])
def test_a_tensor_of_any_length_is_found(count: int) -> None:
    rows = np.repeat(PHONE, count, axis=0)
    query = PlainRequests(NAME, INFERENCE).query_of(infer_request(rows).SerializeToString())
    assert query is not None
    assert query.checked().rows.tobytes() == rows.tobytes()


def test_a_message_of_very_many_fields_has_another_shape() -> None:
    assert PlainRequests(NAME, INFERENCE).query_of(b"\x2a\x00" * 500_000) is None


def test_a_long_form_is_not_kept() -> None:
    plain = PlainRequests(NAME, INFERENCE)
    request = infer_request(PHONE, parameters={"a": InferParameter(string_param="b" * 2_000)})
    assert plain.query_of(request.SerializeToString()) is None
    assert plain._known.cache_info().currsize == 0
