"""`ModelInferRequest`, from its bytes to checked rows and the outputs that it asks for."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError, Message

from pricerange.phone import FEATURE_NAMES
from service.errors import InferenceInputError, UnknownModelError
from service.grpc.proto.open_inference_grpc_pb2 import InferParameter, ModelInferRequest
from service.open_inference.columns import places_of_features, values_of_columns
from service.open_inference.inference import Inference
from service.open_inference.parameters import Parameters, parameters_of
from service.open_inference.query import LEVEL, OUTPUTS, Query, refuse_unsupported, require_outputs
from service.open_inference.tensors import (
    COLUMNS,
    ROW_BYTES,
    TYPES,
    refuse_inadmissible,
    row_count,
    rows_from_bytes,
)

M = TypeVar("M", bound=Message)

_TYPES = ("FP32", "FP64", "INT32", "INT64")
"""What `features` may be made of. Every whole number within the limits is a float32; of FP64 the nearest is
taken, as of a JSON number."""
_CONTENTS = {
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    **{"INT64": "int64_contents", "UINT64": "uint64_contents"},
    **{"FP32": "fp32_contents", "FP64": "fp64_contents"},
}
"""The field of `contents` for values of a type."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a message asks besides its id and phones, as `Query` has it."""

    outputs: dict[str, bool]
    level: float
    unknown: bool
    version: str | None


def query_of(message: bytes, name: str, inference: Inference) -> Query:
    """Read a message that asks the model called `name`.

    Raises `InferenceInputError`, `UnknownModelError` or `TooManyRowsError`.
    """
    request = decoded(message, ModelInferRequest)
    asked = asked_of(request, name, inference)
    rows = _rows(request, inference.max_rows, asked.unknown)
    return Query(request.id or None, rows, asked.outputs, asked.level, asked.unknown, asked.version)


def asked_of(request: ModelInferRequest, name: str, inference: Inference) -> Asked:
    """Read all but the id and the phones. Raises `InferenceInputError` and `UnknownModelError`."""
    if request.model_name != name:
        raise UnknownModelError(name, request.model_name)
    for index, tensor in enumerate(request.inputs[:COLUMNS]):
        refuse_unsupported(tensor.parameters, f"/inputs/{index}")
    asked = _parameters(request.parameters) if request.parameters else _NO_PARAMETERS
    outputs = _outputs(request, inference.extra_outputs) if request.outputs else _ALL_OUTPUTS
    return Asked(outputs, asked.sets or LEVEL, asked.unknown is not None, request.model_version or None)


_NO_PARAMETERS = parameters_of({})
_ALL_OUTPUTS = dict.fromkeys(OUTPUTS, True)


def decoded(message: bytes, kind: type[M]) -> M:
    """Decode a message. Raises `InferenceInputError`."""
    try:
        return kind.FromString(message)
    except DecodeError:
        expected, found = f"a {kind.DESCRIPTOR.name}", f"{len(message)} bytes that are none"
        raise InferenceInputError.expected("the message", expected, found) from None


def _parameters(sent: Mapping[str, InferParameter]) -> Parameters:
    """Return the parameters; `sets` may be a text, since not every client's message has a double."""
    values = {
        name: getattr(sent[name], choice)
        for name in Parameters.model_fields
        if name in sent and (choice := sent[name].WhichOneof("parameter_choice"))
    }
    level = values.get("sets")
    if isinstance(level, str):
        with suppress(ValueError):  # what is no number is refused as a text
            values["sets"] = float(level)
    return parameters_of(values)


def _outputs(request: ModelInferRequest, extra: tuple[str, ...]) -> dict[str, bool]:
    require_outputs((output.name for output in request.outputs), extra)
    for index, output in enumerate(request.outputs):
        refuse_unsupported(output.parameters, f"/outputs/{index}")
    return {output.name: True for output in request.outputs}


def _rows(request: ModelInferRequest, max_rows: int, unknown: bool) -> npt.NDArray[np.float32]:
    inputs, raw = request.inputs, request.raw_input_contents
    if raw and len(raw) != len(inputs):
        expected = f"{len(inputs)}, one for each input, or none"
        raise InferenceInputError.expected("raw_input_contents", expected, len(raw), "/raw_input_contents")
    if len(inputs) != 1:
        return _rows_of_columns(request, max_rows, unknown)
    features = inputs[0]
    count = row_count(features, _TYPES, max_rows)
    if raw and features.datatype == "FP32":
        return rows_from_bytes(_raw(request, 0, count * ROW_BYTES), unknown=unknown)
    values = _numbers(request, 0, np.dtype(TYPES[features.datatype]), count * COLUMNS)
    where = _place(request, 0)

    def place(row: int, column: int) -> str:
        return where if raw else f"{where}/{row * COLUMNS + column}"

    values = values.reshape(count, COLUMNS)
    refuse_inadmissible(values, place, unknown=unknown)
    return values.astype(np.float32)


def _rows_of_columns(request: ModelInferRequest, max_rows: int, unknown: bool) -> npt.NDArray[np.float32]:
    inputs = request.inputs
    if len(inputs) > COLUMNS:
        raise InferenceInputError.expected("inputs", f"at most {COLUMNS}", len(inputs), "/inputs")

    def read(index: int, dtype: np.dtype[np.number], count: int) -> npt.NDArray[Any]:
        return _numbers(request, index, dtype, count)

    values = values_of_columns(inputs, read, max_rows)
    places = places_of_features(inputs)

    def place(row: int, column: int) -> str:
        where = _place(request, places[FEATURE_NAMES[column]])
        return where if request.raw_input_contents else f"{where}/{row}"

    refuse_inadmissible(values, place, unknown=unknown)
    return values.astype(np.float32)


def _numbers(
    request: ModelInferRequest, index: int, dtype: np.dtype[np.number], count: int
) -> npt.NDArray[Any]:
    """Return the numbers of an input, as many as its shape says."""
    if request.raw_input_contents:
        return np.frombuffer(_raw(request, index, count * dtype.itemsize), dtype)
    tensor = request.inputs[index]
    field = _CONTENTS[tensor.datatype]
    found = [sent.name for sent, _ in tensor.contents.ListFields()]
    if found not in ([field], []):
        what = f"contents of {tensor.name} {tensor.datatype}"
        pointer = f"/inputs/{index}/contents"
        raise InferenceInputError.expected(what, f"{field} alone", ", ".join(found), pointer)
    values = getattr(tensor.contents, field)
    if len(values) != count:
        expected = f"{count} numbers for the shape {list(tensor.shape)}"
        raise InferenceInputError.expected(tensor.name, expected, len(values), _place(request, index))
    # a number may be too large for a type of fewer bytes; it is then too large for a phone
    return np.array(values, np.float64 if dtype.itemsize < 8 else dtype)


def _raw(request: ModelInferRequest, index: int, size: int) -> bytes:
    tensor, raw = request.inputs[index], request.raw_input_contents[index]
    if tensor.HasField("contents"):
        expected = "either contents or raw_input_contents"
        raise InferenceInputError.expected(tensor.name, expected, "both", f"/inputs/{index}/contents")
    if len(raw) != size:
        expected = f"{size} bytes for the shape {list(tensor.shape)}"
        pointer = f"/raw_input_contents/{index}"
        raise InferenceInputError.expected(tensor.name, expected, len(raw), pointer)
    return raw


def _place(request: ModelInferRequest, index: int) -> str:
    """Point to the values of an input."""
    if request.raw_input_contents:
        return f"/inputs/{index}"
    return f"/inputs/{index}/contents/{_CONTENTS[request.inputs[index].datatype]}"
