"""Messages of every shape become the same phones, or say what was expected and found."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from grpc_messages import NAME, Input, Output, infer_request

from pricerange.phone import FEATURE_NAMES, FEATURES
from service.errors import InferenceInputError, TooManyRowsError, UnknownModelError
from service.grpc.infer_request import query_of
from service.grpc.proto.open_inference_grpc_pb2 import (
    InferParameter,
    InferTensorContents,
    ModelInferRequest,
)
from service.open_inference.inference import Inference
from service.open_inference.query import Query

INFERENCE = cast(Inference, SimpleNamespace(max_rows=1000, extra_outputs=("in_range", "prediction_set")))
PHONE = np.array([[feature.example for feature in FEATURES]], np.float32)
WHOLE = np.round(PHONE)


def read(request: ModelInferRequest) -> Query:
    return query_of(request.SerializeToString(), NAME, INFERENCE)


def typed(rows: np.ndarray, datatype: str, field: str, cast_to: type = float) -> ModelInferRequest:
    contents = InferTensorContents(**{field: [cast_to(value) for value in rows.ravel()]})
    tensor = Input(name="features", datatype=datatype, shape=rows.shape, contents=contents)
    return ModelInferRequest(model_name=NAME, inputs=[tensor])


def raw(rows: np.ndarray, datatype: str) -> ModelInferRequest:
    tensor = Input(name="features", datatype=datatype, shape=rows.shape)
    return ModelInferRequest(model_name=NAME, inputs=[tensor], raw_input_contents=[rows.tobytes()])


def columns(rows: np.ndarray, *, in_bytes: bool) -> ModelInferRequest:
    request = ModelInferRequest(model_name=NAME)
    for index in reversed(range(len(FEATURES))):
        column = rows[:, index].astype(np.int64 if index % 2 else np.float64)
        datatype = "INT64" if index % 2 else "FP64"
        tensor = request.inputs.add(name=FEATURE_NAMES[index], datatype=datatype, shape=[len(rows)])
        if in_bytes:
            request.raw_input_contents.append(column.tobytes())
        else:
            field = "int64_contents" if index % 2 else "fp64_contents"
            getattr(tensor.contents, field).extend(column.tolist())
    return request


TWO = np.repeat(WHOLE, 2, axis=0)


@pytest.mark.parametrize(
    "request_of",
    [
        pytest.param(infer_request, id="FP32-raw"),
        pytest.param(lambda rows: typed(rows, "FP32", "fp32_contents"), id="FP32-typed"),
        pytest.param(lambda rows: raw(rows.astype(np.float64), "FP64"), id="FP64-raw"),
        pytest.param(lambda rows: typed(rows, "FP64", "fp64_contents"), id="FP64-typed"),
        pytest.param(lambda rows: raw(rows.astype(np.int32), "INT32"), id="INT32-raw"),
        pytest.param(lambda rows: typed(rows, "INT32", "int_contents", int), id="INT32-typed"),
        pytest.param(lambda rows: raw(rows.astype(np.int64), "INT64"), id="INT64-raw"),
        pytest.param(lambda rows: typed(rows, "INT64", "int64_contents", int), id="INT64-typed"),
        pytest.param(lambda rows: columns(rows, in_bytes=True), id="columns-raw"),
        pytest.param(lambda rows: columns(rows, in_bytes=False), id="columns-typed"),
    ],
)
def test_the_same_phones_get_the_same_rows(request_of: Callable[[np.ndarray], ModelInferRequest]) -> None:
    rows = read(request_of(TWO)).rows
    assert rows.dtype == np.float32
    assert rows.tobytes() == TWO.tobytes()


def test_a_double_becomes_the_nearest_float32_as_a_json_number_does() -> None:
    rows = PHONE.astype(np.float64)
    rows[0, FEATURE_NAMES.index("clock_speed")] = 0.8
    assert read(raw(rows, "FP64")).rows[0, FEATURE_NAMES.index("clock_speed")] == np.float32(0.8)


@pytest.mark.parametrize("value", [2**24 + 1, 2**31 - 1, -(2**31)])
def test_a_whole_number_that_is_no_float32_is_refused(value: int) -> None:
    rows = WHOLE.astype(np.int32)
    rows[0, FEATURE_NAMES.index("ram")] = value
    with pytest.raises(InferenceInputError, match="ram must be a whole number between"):
        read(raw(rows, "INT32"))


def change(**fields: Any) -> ModelInferRequest:
    return infer_request(PHONE, **fields)


def tensor(**fields: Any) -> list[Input]:
    return [Input(**{"name": "features", "datatype": "FP32", "shape": [1, 20], **fields})]


@pytest.mark.parametrize(
    ("request_", "pointer", "words"),
    [
        (change(inputs=tensor(name="x")), "/inputs/0/name", "expected features, found 'x'"),
        (change(inputs=tensor(datatype="FP16")), "/inputs/0/datatype", "one of FP32, FP64, INT32, INT64"),
        (change(inputs=tensor(shape=[-1, 20])), "/inputs/0/shape", r"expected \[n, 20\], found \[-1, 20\]"),
        (change(inputs=tensor(shape=[20])), "/inputs/0/shape", "found"),
        (change(inputs=tensor(shape=[2, 20])), "/raw_input_contents/0", "expected 160 bytes .* found 80"),
        (change(raw_input_contents=[b"1"]), "/raw_input_contents/0", "expected 80 bytes .* found 1"),
        (change(raw_input_contents=[b"1", b"2"]), "/raw_input_contents", "one for each input"),
        (
            change(inputs=tensor(contents=InferTensorContents(fp32_contents=[1]))),
            "/inputs/0/contents",
            "either contents or raw_input_contents, found both",
        ),
        (
            change(inputs=tensor(contents=InferTensorContents(int_contents=[1])), raw_input_contents=[]),
            "/inputs/0/contents",
            "expected fp32_contents alone, found int_contents",
        ),
        (change(raw_input_contents=[]), "/inputs/0/contents/fp32_contents", "expected 20 numbers"),
        (change(inputs=tensor() * 2, raw_input_contents=[]), "/inputs", "one for each of the 20"),
        (change(inputs=[]), "/raw_input_contents", "expected 0, one for each input, or none, found 1"),
        (
            change(inputs=tensor(parameters={"shared_memory_region": InferParameter(string_param="r")})),
            "/inputs/0/parameters/shared_memory_region",
            "none of the unsupported extensions",
        ),
        (change(outputs=[Output(name="x")]), "/outputs/0/name", "expected probabilities or price_range"),
        (change(outputs=[Output(name="price_range")] * 2), "/outputs/1", "price_range once"),
        (
            change(
                outputs=[
                    Output(name="price_range", parameters={"classification": InferParameter(int64_param=1)})
                ]
            ),
            "/outputs/0/parameters/classification",
            "none of the unsupported extensions",
        ),
        (change(parameters={"sets": InferParameter(double_param=2)}), "/parameters/sets", "less than 1"),
        (change(parameters={"sets": InferParameter(string_param="x")}), "/parameters/sets", "valid number"),
        (
            change(parameters={"unknown": InferParameter(string_param="x")}),
            "/parameters/unknown",
            "'average'",
        ),
    ],
)
def test_a_refusal_says_where_and_what(request_: ModelInferRequest, pointer: str, words: str) -> None:
    with pytest.raises(InferenceInputError, match=words) as refused:
        read(request_)
    assert [problem.pointer for problem in refused.value.problems] == [pointer]


def test_a_value_of_a_typed_tensor_is_pointed_to() -> None:
    rows = np.repeat(PHONE, 2, axis=0)
    rows[1, 13] = 4
    with pytest.raises(InferenceInputError, match=r"^row 2: ram must be a whole number") as refused:
        read(typed(rows, "FP32", "fp32_contents"))
    assert refused.value.problems[0].pointer == "/inputs/0/contents/fp32_contents/33"


def test_limits_and_names_are_those_of_the_other_door() -> None:
    with pytest.raises(TooManyRowsError):
        read(infer_request(PHONE, inputs=tensor(shape=[2**62, 20])))
    with pytest.raises(UnknownModelError):
        read(infer_request(PHONE, model_name="another"))
    with pytest.raises(
        InferenceInputError, match="expected a ModelInferRequest, found 3 bytes that are none"
    ):
        query_of(b"\xff\xff\xff", NAME, INFERENCE)


def test_parameters_and_outputs_are_read() -> None:
    parameters = {"sets": InferParameter(string_param="0.8"), "other": InferParameter(bool_param=True)}
    outputs = [Output(name="prediction_set"), Output(name="price_range")]
    query = read(infer_request(PHONE, id="7", model_version="3", parameters=parameters, outputs=outputs))
    assert (query.id, query.version, query.level, query.unknown) == ("7", "3", 0.8, False)
    assert list(query.outputs) == ["prediction_set", "price_range"]
