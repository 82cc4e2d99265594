"""An answer: arrays to JSON, or to a JSON object and the bytes of the tensors behind it."""

from typing import Any

import numpy.typing as npt
import orjson

from service.http.framing.encoding import encoded, wanted
from service.http.reply import JSON, Reply
from service.open_inference.inference import Answered, sets_promise
from service.open_inference.tensors import bytes_of, datatype_of
from service.v2.query import HEADER_LENGTH

OCTETS = "application/octet-stream"


def answer(answered: Answered, accepted_encodings: str) -> Reply:
    """Write the outputs that a request asked for, as it asked for them."""
    query, arrays, served = answered
    tensors, parts = [], []
    for name, as_bytes in query.outputs.items():
        tensor, part = _tensor(name, arrays[name], as_bytes)
        tensors.append(tensor)
        parts.append(part)
    message: dict[str, object] = {"model_name": served.bundle.name, "model_version": served.version}
    if query.id is not None:
        message["id"] = query.id
    if promise := sets_promise(query, served):
        message["parameters"] = promise
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
    tensor = {"name": name, "datatype": datatype_of(array), "shape": array.shape}
    if not as_bytes:
        return {**tensor, "data": array.ravel()}, b""
    part = bytes_of(array)
    return {**tensor, "parameters": {"binary_data_size": len(part)}}, part
