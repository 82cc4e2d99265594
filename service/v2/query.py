"""An inference request, from its body to checked rows and the outputs that it asks for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import ValidationError

from service.errors import InferenceInputError, RequestHeaderError, TooManyRowsError
from service.v2.columns import rows_from_columns
from service.v2.messages import InferRequest, InputTensor, RequestedOutput
from service.v2.tensors import COLUMNS, INPUT, ROW_BYTES, bytes_behind, rows_from_bytes, rows_from_numbers

OUTPUTS = ("probabilities", "price_range")
"""Of the graph: what is answered where a request names none."""
SET = "prediction_set"
EXTRA_OUTPUTS = ("in_range", SET, "unknown")
LEVEL = 0.9
"""Of prediction sets, where a request names none."""
HEADER_LENGTH = "Inference-Header-Content-Length"

_UNSUPPORTED = ("classification", "shared_memory_region")
"""Parameters of an output that would change what it is; those that only hint are let through."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a request asks: rows float32 [n, 20], and the outputs in order, each as bytes or as JSON.

    Where features may be `unknown`, they are NaN; `level` is that of the prediction sets.
    """

    id: str | None
    rows: npt.NDArray[np.float32]
    outputs: dict[str, bool]
    level: float = LEVEL
    unknown: bool = False


def read_query(
    body: bytes, header_length: str | None, max_rows: int, extra_outputs: Sequence[str] = EXTRA_OUTPUTS
) -> Query:
    """Read a body: a JSON object and then, where the header gives that object's length, the tensors' bytes.

    Outputs may be those of the graph and `extra_outputs`. Raises `RequestHeaderError`,
    `InferenceInputError` or `TooManyRowsError`.
    """
    length = len(body) if header_length is None else _length(header_length, len(body))
    text, tensor = body[:length], body[length:]
    if header_length is not None and length == 0:
        return _raw_query(tensor, max_rows)
    request = _request(text)
    asked = request.parameters
    level = asked.sets if asked and asked.sets else LEVEL
    unknown = bool(asked and asked.unknown)
    rows = _rows(request, text, tensor, max_rows, unknown)
    return Query(request.id, rows, _outputs(request, extra_outputs), level, unknown)


def _length(header: str, most: int) -> int:
    digits = header.lstrip("0") or "0"
    if not (header.isascii() and header.isdecimal()) or len(digits) > len(str(most)) or int(digits) > most:
        raise RequestHeaderError(HEADER_LENGTH, f"a whole number up to the body's length, {most}", header)
    return int(digits)


def _raw_query(tensor: bytes, max_rows: int) -> Query:
    """Read a body that is nothing but the tensor: its size tells the number of rows."""
    count, rest = divmod(len(tensor), ROW_BYTES)
    if rest:
        raise InferenceInputError.expected("the body", f"{ROW_BYTES} bytes per row", f"{len(tensor)} bytes")
    if count > max_rows:
        raise TooManyRowsError(max_rows)
    return Query(None, rows_from_bytes(tensor), dict.fromkeys(OUTPUTS, True))


def _request(text: bytes) -> InferRequest:
    try:
        return InferRequest.model_validate(orjson.loads(text))
    except orjson.JSONDecodeError as error:
        hint = "; NaN and Infinity are not valid JSON" if b"NaN" in text or b"Infinity" in text else ""
        raise InferenceInputError.expected("the body", "a JSON object", f"{error}{hint}") from None
    except ValidationError as error:
        raise InferenceInputError.of(error) from None


def _rows(
    request: InferRequest, text: bytes, behind: bytes, max_rows: int, unknown: bool
) -> npt.NDArray[np.float32]:
    if len(request.inputs) != 1:
        return rows_from_columns(request.inputs, text, behind, max_rows, unknown=unknown)
    count = _row_count(request.inputs[0])
    features = request.inputs[0]
    if count > max_rows:
        raise TooManyRowsError(max_rows)
    size = bytes_behind(features, count * ROW_BYTES, "/inputs/0")
    if len(behind) != size:
        raise InferenceInputError.expected("after the JSON object", f"{size} bytes", len(behind))
    if features.data is None:
        return rows_from_bytes(behind, unknown=unknown)
    return rows_from_numbers(features.data, count, text, unknown=unknown)


def _row_count(features: InputTensor) -> int:
    """Return n of the one input `features` FP32 [n, 20]."""
    if features.name != INPUT:
        raise InferenceInputError.expected("input", INPUT, repr(features.name[:40]), "/inputs/0/name")
    if features.datatype != "FP32":
        found = repr(features.datatype[:40])
        raise InferenceInputError.expected("datatype of features", "FP32", found, "/inputs/0/datatype")
    if len(features.shape) != 2 or features.shape[0] < 0 or features.shape[1] != COLUMNS:
        found = str(features.shape)[:100]
        raise InferenceInputError.expected("shape of features", f"[n, {COLUMNS}]", found, "/inputs/0/shape")
    return features.shape[0]


def _outputs(request: InferRequest, extra: Sequence[str]) -> dict[str, bool]:
    """Return the outputs asked for, all where none is named, and whether each goes as bytes."""
    binary = bool(request.parameters and request.parameters.binary_data_output)
    if not request.outputs:
        return dict.fromkeys(OUTPUTS, binary)
    asked: dict[str, bool] = {}
    for index, output in enumerate(request.outputs):
        pointer = f"/outputs/{index}"
        if output.name not in (*OUTPUTS, *extra):
            expected, found = " or ".join((*OUTPUTS, *extra)), repr(output.name[:40])
            raise InferenceInputError.expected("output", expected, found, f"{pointer}/name")
        if output.name in asked:
            raise InferenceInputError.expected("outputs", f"{output.name} once", "it more than once", pointer)
        asked[output.name] = _as_bytes(output, binary, pointer)
    return asked


def _as_bytes(output: RequestedOutput, default: bool, pointer: str) -> bool:
    if output.parameters is None:
        return default
    for name in _UNSUPPORTED:
        if name in (output.parameters.model_extra or {}):
            found, place = name, f"{pointer}/parameters/{name}"
            raise InferenceInputError.expected(
                "parameters", "none of the unsupported extensions", found, place
            )
    own = output.parameters.binary_data
    return default if own is None else own
