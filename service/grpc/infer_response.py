"""Answers as `ModelInferResponse`: what many have in common is written once, the rest behind it."""

from service.grpc.proto.open_inference_grpc_pb2 import InferParameter, ModelInferResponse
from service.grpc.wire import field
from service.open_inference.inference import Answered, sets_promise
from service.open_inference.tensors import bytes_of, datatype_of

_ID = ModelInferResponse.ID_FIELD_NUMBER
_RAW = ModelInferResponse.RAW_OUTPUT_CONTENTS_FIELD_NUMBER
_MOST_KNOWN = 256


class InferResponses:
    """Writes answers, and keeps what comes before the id and the bytes of the outputs."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], bytes] = {}

    def of(self, answered: Answered) -> bytes:
        """Write the outputs that a request asked for, in the order in which it did."""
        query, arrays, served = answered
        # which types and shapes outputs have, their names and the number of phones say
        key = (served.version, len(query.rows), query.level, *query.outputs)
        head = self._known.get(key)
        if head is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            head = self._known[key] = _head(answered)
        parts = [head]
        if query.id is not None:
            parts.append(field(_ID, query.id.encode()))
        parts += [field(_RAW, bytes_of(arrays[name])) for name in query.outputs]
        return b"".join(parts)


def _head(answered: Answered) -> bytes:
    query, arrays, served = answered
    head = ModelInferResponse(model_name=served.bundle.name, model_version=served.version)
    for name in query.outputs:
        head.outputs.add(name=name, datatype=datatype_of(arrays[name]), shape=arrays[name].shape)
    for parameter, value in sets_promise(query, served).items():
        if isinstance(value, str):
            head.parameters[parameter].CopyFrom(InferParameter(string_param=value))
        else:
            head.parameters[parameter].CopyFrom(InferParameter(double_param=value))
    return head.SerializeToString(deterministic=True)
