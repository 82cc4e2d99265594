"""The endpoint that answers phones: bytes to rows, rows to the model, arrays to bytes."""

from starlette.requests import Request
from starlette.responses import Response

from service.http.request_state import RequestState
from service.model.decoded import whole
from service.model.time_slices import TimeSlices
from service.open_inference.inference import Inference
from service.open_inference.query import Query
from service.v2.answer import answer
from service.v2.paths import VERSION
from service.v2.query import HEADER_LENGTH, read_query

_JSON_TIMES = 8
"""How many times its size a body of nested lists of numbers takes once it is parsed."""
_HEADER_LENGTH = HEADER_LENGTH.lower().encode()


class InferEndpoint:
    """Answers tensors of phones."""

    def __init__(self, inference: Inference, slices: TimeSlices, max_body_bytes: int) -> None:
        self._inference = inference
        self._slices = slices
        self._max_body_bytes = max_body_bytes

    async def infer(self, request: Request) -> Response:
        """Answer n phones. The type of the body is what the header says, whatever its Content-Type."""
        state = RequestState.of(request.scope)
        headers = state.head.by_name
        body = await whole(request, self._max_body_bytes, self._slices)
        state.hold(_JSON_TIMES * len(body))
        inference, header_length = self._inference, headers.get(_HEADER_LENGTH)
        version = request.path_params.get(VERSION)
        inference.require(version)

        def read() -> Query:
            return read_query(
                bytes(body),
                header_length.decode("latin-1") if header_length is not None else None,
                inference.max_rows,
                inference.extra_outputs,
                version,
            )

        answered = await inference.answer("v2", state, read, len(body))
        accepted = headers.get(b"accept-encoding", b"").decode("latin-1")
        return answer(answered, accepted)
