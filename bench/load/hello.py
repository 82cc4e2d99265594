"""The least that uvicorn can serve: `uvicorn bench.load.hello:app`, the yardstick of a start."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


async def app(scope: "Scope", receive: "Receive", send: "Send") -> None:
    """Answer every request with a constant."""
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})
