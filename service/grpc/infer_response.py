"""Answers as `ModelInferResponse`: what many have in common is written once, the rest behind it."""

from functools import lru_cache

from service.grpc.proto.open_inference_grpc_pb2 import InferParameter, ModelInferResponse
from service.grpc.wire import field
from service.open_inference.inference import Answered, sets_promise
from service.open_inference.tensors import bytes_of, datatype_of

_ID = ModelInferResponse.ID_FIELD_NUMBER
_RAW = ModelInferResponse.RAW_OUTPUT_CONTENTS_FIELD_NUMBER

_Parameters = tuple[tuple[str, float | str], ...]
_Tensors = tuple[tuple[str, str, tuple[int, ...]], ...]
"""Name, type and shape of each output."""


def response_of(answered: Answered) -> bytes:
    """Write the outputs that a request asked for, in the order in which it did."""
    query, arrays, served = answered
    outputs = [(name, arrays[name]) for name in query.outputs]
    tensors = tuple((name, datatype_of(array), array.shape) for name, array in outputs)
    promise = tuple(sets_promise(query, served).items())
    parts = [_head(served.bundle.name, served.version, tensors, promise)]
    if query.id is not None:
        parts.append(field(_ID, query.id.encode()))
    parts += (field(_RAW, bytes_of(array)) for _, array in outputs)
    return b"".join(parts)


@lru_cache(maxsize=256)
def _head(name: str, version: str, tensors: _Tensors, parameters: _Parameters) -> bytes:
    """Write what comes before the id and the bytes of the outputs."""
    head = ModelInferResponse(model_name=name, model_version=version)
    for output, datatype, shape in tensors:
        head.outputs.add(name=output, datatype=datatype, shape=shape)
    for parameter, value in parameters:
        if isinstance(value, str):
            head.parameters[parameter].CopyFrom(InferParameter(string_param=value))
        else:
            head.parameters[parameter].CopyFrom(InferParameter(double_param=value))
    return head.SerializeToString(deterministic=True)
