"""An inference request, from its body to checked rows and the outputs that it asks for."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import ValidationError

from service.errors import InferenceInputError, RequestHeaderError, TooManyRowsError
from service.open_inference.query import (
    EXTRA_OUTPUTS,
    LEVEL,
    OUTPUTS,
    Query,
    refuse_unsupported,
    require_outputs,
)
from service.open_inference.tensors import ROW_BYTES, row_count, rows_from_bytes
from service.v2.columns import rows_from_columns
from service.v2.messages import InferRequest, RequestedOutput
from service.v2.tensors import bytes_behind, rows_from_numbers

HEADER_LENGTH = "Inference-Header-Content-Length"


def read_query(
    body: bytes,
    header_length: str | None,
    max_rows: int,
    extra_outputs: Sequence[str] = EXTRA_OUTPUTS,
    version: str | None = None,
) -> Query:
    """Read a body: a JSON object and then, where the header gives that object's length, the tensors' bytes.

    Outputs may be those of the graph and `extra_outputs`; a `version` may be named. Raises
    `RequestHeaderError`, `InferenceInputError` or `TooManyRowsError`.
    """
    length = len(body) if header_length is None else _length(header_length, len(body))
    text, tensor = body[:length], body[length:]
    if header_length is not None and length == 0:
        return _raw_query(tensor, max_rows, version)
    request = _request(text)
    asked = request.parameters
    level = asked.sets if asked and asked.sets else LEVEL
    unknown = bool(asked and asked.unknown)
    rows = _rows(request, text, tensor, max_rows, unknown)
    return Query(request.id, rows, _outputs(request, extra_outputs), level, unknown, version)


def _length(header: str, most: int) -> int:
    digits = header.lstrip("0") or "0"
    if not (header.isascii() and header.isdecimal()) or len(digits) > len(str(most)) or int(digits) > most:
        raise RequestHeaderError(HEADER_LENGTH, f"a whole number up to the body's length, {most}", header)
    return int(digits)


def _raw_query(tensor: bytes, max_rows: int, version: str | None) -> Query:
    """Read a body that is nothing but the tensor: its size tells the number of rows."""
    count, rest = divmod(len(tensor), ROW_BYTES)
    if rest:
        raise InferenceInputError.expected("the body", f"{ROW_BYTES} bytes per row", f"{len(tensor)} bytes")
    if count > max_rows:
        raise TooManyRowsError(max_rows)
    return Query(None, rows_from_bytes(tensor), dict.fromkeys(OUTPUTS, True), version=version)


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
    features = request.inputs[0]
    count = row_count(features, ("FP32",), max_rows)
    size = bytes_behind(features, count * ROW_BYTES, "/inputs/0")
    if len(behind) != size:
        raise InferenceInputError.expected("after the JSON object", f"{size} bytes", len(behind))
    if features.data is None:
        return rows_from_bytes(behind, unknown=unknown)
    return rows_from_numbers(features.data, count, text, unknown=unknown)


def _outputs(request: InferRequest, extra: Sequence[str]) -> dict[str, bool]:
    """Return the outputs asked for, all where none is named, and whether each goes as bytes."""
    binary = bool(request.parameters and request.parameters.binary_data_output)
    if not request.outputs:
        return dict.fromkeys(OUTPUTS, binary)
    require_outputs((output.name for output in request.outputs), extra)
    return {
        output.name: _as_bytes(output, binary, f"/outputs/{index}")
        for index, output in enumerate(request.outputs)
    }


def _as_bytes(output: RequestedOutput, default: bool, pointer: str) -> bool:
    if output.parameters is None:
        return default
    refuse_unsupported(output.parameters.model_extra or {}, pointer)
    own = output.parameters.binary_data
    return default if own is None else own
