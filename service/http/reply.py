"""An answer that is known as a whole, written in one go where the server lets it."""

from collections.abc import Iterable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.http.request_state import RequestState

JSON = b"application/json"


def headers_of_reply(body: bytes, media_type: bytes = JSON) -> list[tuple[bytes, bytes]]:
    """Return the headers that every reply has."""
    return [(b"content-type", media_type), (b"content-length", b"%d" % len(body))]


class Reply(Response):
    """A response whose headers are sound: Starlette would spend as long on them as the model on a row."""

    def __init__(
        self,
        body: bytes,
        media_type: bytes = JSON,
        headers: Iterable[tuple[bytes, bytes]] = (),
        status: int = 200,
    ) -> None:
        self.status_code = status
        self.background = None
        self.body: bytes = body
        self.raw_headers = [*headers_of_reply(body, media_type), *headers]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write the reply in one go."""
        state = RequestState.of(scope)
        state.matched(scope)
        state.answer(self.status_code, self.raw_headers, self.body)
