"""Bodies as an endpoint reads them: decompressed where they are compressed, a piece in each time slice."""

from collections.abc import AsyncIterator

from starlette.requests import Request

from service.errors import BodyTooLargeError, ClientDisconnectedError
from service.http.body import bounded, read, stream
from service.http.framing.encoding import Decoder, decoder_of
from service.http.request_state import RequestState
from service.model.time_slices import TimeSlices


async def whole(request: Request, limit: int, slices: TimeSlices) -> bytes | bytearray:
    """Return the bytes of a body, at most `limit`; they are the request's in the memory budget.

    Raises what `read` and a `Decoder` raise.
    """
    state = RequestState.of(request.scope)
    decoder = decoder_of(state.head.by_name)
    if decoder is None:
        return await read(request, limit)
    body = bytearray()
    async for piece in _pieces(bounded(request, limit, "max_body_bytes"), decoder, state, slices):
        if len(body) + len(piece) > limit:
            raise BodyTooLargeError(limit)
        state.hold(len(piece))
        body += piece
    return body


async def parts(request: Request, limit: int | None, slices: TimeSlices) -> AsyncIterator[bytes]:
    """Yield the parts of a body of any length, or of at most `limit` bytes, as sent and decompressed.

    Raises what `stream` and a `Decoder` raise.
    """
    state = RequestState.of(request.scope)
    decoder = decoder_of(state.head.by_name)
    received = stream(request, limit)
    if decoder is None:
        async for part in received:
            yield part
        return
    produced = 0
    async for piece in _pieces(received, decoder, state, slices):
        produced += len(piece)
        if limit is not None and produced > limit:
            raise BodyTooLargeError(limit, "max_stream_bytes")
        yield piece


async def _pieces(
    received: AsyncIterator[bytes], decoder: Decoder, state: RequestState, slices: TimeSlices
) -> AsyncIterator[bytes]:
    """Decompress parts; what the decompressor remembers is the request's, as it grows."""
    begun, remembered = False, 0
    async for part in received:
        decoder.put(part)
        while (piece := await slices.run(decoder.take, begun=begun)) is not None:
            if state.disconnected:
                raise ClientDisconnectedError(state.received)
            begun = True
            grown = min(len(piece), decoder.window - remembered)
            state.hold(grown)
            remembered += grown
            yield piece
    decoder.end()
