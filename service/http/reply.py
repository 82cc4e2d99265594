"""An answer that is known as a whole, written in one go where the server lets it."""

from collections.abc import Iterable
from typing import Self

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.http.request_state import RequestState, lines_of

JSON = b"application/json"


def lines_of_reply(body: bytes, media_type: bytes = JSON) -> bytes:
    """Return the headers that every reply has, as lines."""
    return b"content-type: %b\r\ncontent-length: %d\r\n" % (media_type, len(body))


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
        self.header_lines = lines_of_reply(body, media_type) + lines_of(headers)

    @classmethod
    def of_head(cls, status: int, headers: Iterable[tuple[bytes, bytes]]) -> Self:
        """Make one of a status that has no body, such as 204 or 304."""
        reply = cls(b"", status=status)
        reply.header_lines = lines_of(headers)
        return reply

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write the reply in one go."""
        state = RequestState.of(scope)
        state.matched(scope)
        state.answer(self.status_code, self.header_lines, self.body)
