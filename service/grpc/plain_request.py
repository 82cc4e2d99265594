"""The common shape of `ModelInferRequest`, read straight from its bytes: one tensor FP32, raw, at the end.

Clients send all but the tensor and the id over and over: it is read once, by the way of every other message,
and found again by its bytes.
"""

from functools import lru_cache

from pricerange.errors import PriceRangeError
from service.grpc.infer_request import Asked, asked_of, decoded
from service.grpc.proto.open_inference_grpc_pb2 import ModelInferRequest
from service.open_inference.inference import Inference
from service.open_inference.query import Query
from service.open_inference.tensors import ROW_BYTES, require_phones, row_count, unchecked_rows

_MOST_KNOWN, _MOST_FORM = 256, 1_024
"""Forms that are kept, and bytes of one."""
_MOST_FIELDS = 32
"""Of a message of that shape: a megabyte of empty ones is not to be walked through here."""
_ID, _TENSOR = 0x1A, 0x3A
_OTHERS = frozenset({0x0A, 0x12, 0x22, 0x2A, 0x32})
"""Tags of the fields, all length-delimited: id and raw_input_contents; name, version, parameters, inputs and
outputs."""


class PlainRequests:
    """Reads messages that ask the model called `name`, where they are of that shape."""

    def __init__(self, name: str, inference: Inference) -> None:
        self._name = name
        self._inference = inference
        self._known = lru_cache(_MOST_KNOWN)(self._asked)

    def query_of(self, message: bytes) -> Query | None:
        """Return what a message asks, its rows not yet checked; None where it has another shape."""
        found = _parts(message)
        if found is None:
            return None
        form, request_id, tensor = found
        asked = self._known(form, len(tensor)) if len(form) <= _MOST_FORM else None
        if asked is None:
            return None
        try:
            text = request_id.decode() if request_id else None
        except UnicodeDecodeError:
            return None
        rows = unchecked_rows(tensor)
        return Query(text, rows, asked.outputs, asked.level, False, asked.version, require_phones)

    def _asked(self, form: bytes, size: int) -> Asked | None:
        """Read a message without its id and tensor, which has so many bytes."""
        try:
            request = decoded(form, ModelInferRequest)
            asked = asked_of(request, self._name, self._inference)
            plain = len(request.inputs) == 1 and not request.inputs[0].HasField("contents")
            if plain and not asked.unknown:
                count = row_count(request.inputs[0], ("FP32",), self._inference.max_rows)
                return asked if count * ROW_BYTES == size else None
        except PriceRangeError:
            pass  # the message is read again, by the way of every other, to say what is wrong
        return None


def _parts(message: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Return the fields before the tensor without the id, the id, and the tensor, which must come last."""
    others, request_id = b"", None
    at, end = 0, len(message)
    try:
        for _ in range(_MOST_FIELDS):
            tag, size, begin = message[at], message[at + 1], at + 2
            if size > 127:
                size += (message[begin] - 1) << 7
                begin += 1
                if message[begin - 1] > 127:
                    size += (message[begin] - 1) << 14
                    begin += 1
                    if message[begin - 1] > 127:
                        return None
            after = begin + size
            if tag == _TENSOR:
                return (others, request_id or b"", message[begin:]) if after == end else None
            if tag == _ID and request_id is None:
                request_id = message[begin:after]
            elif tag in _OTHERS:
                others += message[at:after]
            else:
                return None
            at = after
    except IndexError:
        pass
    return None
