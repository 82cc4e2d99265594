"""The endpoint that answers phones: bytes to rows, rows to the model, arrays to bytes."""

from collections.abc import Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from pricerange.bundle import Bundle
from service.http.request_state import RequestState
from service.model.batcher import Batcher
from service.model.decoded import whole
from service.model.time_slices import TimeSlices
from service.v2.answer import answer
from service.v2.query import HEADER_LENGTH, Query, read_query

_SMALL_BYTES = 8_192
"""A body that is no longer is read at once, without a time slice of its own."""
_JSON_TIMES = 8
"""How many times its size a body of nested lists of numbers takes once it is parsed."""
_HEADER_LENGTH = HEADER_LENGTH.lower().encode()


class InferEndpoint:
    """Answers tensors of phones."""

    def __init__(
        self, served: Bundle, batcher: Batcher, slices: TimeSlices, max_body_bytes: int, max_rows: int
    ) -> None:
        self._served = served
        self._batcher = batcher
        self._slices = slices
        self._max_body_bytes = max_body_bytes
        self._max_rows = max_rows

    async def infer(self, request: Request) -> Response:
        """Answer n phones. The type of the body is what the header says, whatever its Content-Type."""
        state = RequestState.of(request.scope)
        headers = state.head.by_name
        body = await whole(request, self._max_body_bytes, self._slices)
        state.hold(_JSON_TIMES * len(body))
        if len(body) <= _SMALL_BYTES:
            query = self._query(body, headers)
        else:
            query = await self._slices.run(partial(self._query, body, headers))
        prediction = await self._batcher.predict(query.rows)
        accepted = headers.get(b"accept-encoding", b"").decode("latin-1")
        return answer(prediction, query, self._served, accepted)

    def _query(self, body: bytes | bytearray, headers: Mapping[bytes, bytes]) -> Query:
        header_length = headers.get(_HEADER_LENGTH)
        return read_query(
            bytes(body),
            header_length.decode("latin-1") if header_length is not None else None,
            self._max_rows,
        )
