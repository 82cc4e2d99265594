"""An answer: arrays to JSON, or to a JSON object and the bytes of the tensors behind it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from pricerange.bundle import Bundle
from service.http.framing.encoding import encoded, wanted
from service.http.reply import JSON, Reply
from service.v2.query import HEADER_LENGTH, SET, Query

OCTETS = "application/octet-stream"

_DATATYPES: dict[np.dtype[Any], str] = {
    np.dtype(np.float32): "FP32",
    np.dtype(np.int64): "INT64",
    np.dtype(np.bool_): "BOOL",
}


def answer(
    arrays: Mapping[str, npt.NDArray[Any]], query: Query, version: Bundle, accepted_encodings: str
) -> Reply:
    """Write the outputs that a request asked for, as it asked for them; `arrays` has them by name."""
    tensors, parts = [], []
    for name, as_bytes in query.outputs.items():
        tensor, part = _tensor(name, arrays[name], as_bytes)
        tensors.append(tensor)
        parts.append(part)
    message: dict[str, object] = {"model_name": version.name, "model_version": version.version}
    if query.id is not None:
        message["id"] = query.id
    if SET in query.outputs and (scores := version.passport.prediction_sets):
        message["parameters"] = {"sets": query.level, "calibration": scores.calibration}
    # float32, written as the shortest decimal that reads back as the same float32
    text = orjson.dumps({**message, "outputs": tensors}, option=orjson.OPT_SERIALIZE_NUMPY)
    body = b"".join((text, *parts))
    binary = any(query.outputs.values())
    headers = [(HEADER_LENGTH.lower().encode(), b"%d" % len(text))] if binary else []
    encoding = wanted(accepted_encodings, len(body)) if accepted_encodings else None
    if encoding:
        headers.append((b"content-encoding", encoding.encode()))
        body = encoded(body, encoding)
    return Reply(body, OCTETS.encode() if binary else JSON, headers)


def _tensor(name: str, array: npt.NDArray[Any], as_bytes: bool) -> tuple[dict[str, object], bytes]:
    tensor = {"name": name, "datatype": _DATATYPES[array.dtype], "shape": array.shape}
    if not as_bytes:
        return {**tensor, "data": array.ravel()}, b""
    part = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    return {**tensor, "parameters": {"binary_data_size": len(part)}}, part
