"""Read a request's body: its media type checked, its size bounded."""

from collections.abc import AsyncIterator

from starlette.requests import Request

from service.errors import BodyTooLargeError, ClientDisconnectedError, MediaTypeError, UpgradeError

JSON = "application/json"


async def read_json(request: Request, limit: int) -> bytes:
    """Return the bytes of a JSON body. A request without Content-Type is taken at its word.

    Raises `MediaTypeError` and what `read` raises.
    """
    headers: dict[bytes, bytes] = dict(request.scope["headers"])
    _check_media_type(headers)
    return await read(request, limit)


async def read(request: Request, limit: int) -> bytes:
    """Return the bytes of a body of any type.

    Raises `BodyTooLargeError` over `limit` bytes, `UpgradeError` or `ClientDisconnectedError`.
    """
    headers: dict[bytes, bytes] = dict(request.scope["headers"])
    announced = headers.get(b"content-length", b"").lstrip(b"0")
    if len(announced) > len(str(limit)) or int(announced or b"0") > limit:
        raise BodyTooLargeError(limit)
    body = bytearray()
    async for chunk in chunks(request):
        body += chunk
        if len(body) > limit:
            raise BodyTooLargeError(limit)
    return bytes(body)


async def chunks(request: Request) -> AsyncIterator[bytes]:
    """Yield the parts of a body as they arrive. Raises `UpgradeError` or `ClientDisconnectedError`."""
    headers: dict[bytes, bytes] = dict(request.scope["headers"])
    if b"upgrade" in headers:
        raise UpgradeError(headers[b"upgrade"].decode("latin-1"))
    received = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnectedError(received)
        chunk: bytes = message.get("body", b"")
        received += len(chunk)
        yield chunk
        if not message.get("more_body", False):
            return


def _check_media_type(headers: dict[bytes, bytes]) -> None:
    content_type = headers.get(b"content-type", b"application/json").decode("latin-1")
    if content_type != JSON:
        media_type, _, parameters = content_type.partition(";")
        charset = parameters.replace('"', "").strip().lower()
        if media_type.strip().lower() != JSON or charset not in ("", "charset=utf-8"):
            raise MediaTypeError(JSON, content_type)
    encoding = headers.get(b"content-encoding", b"identity").decode("latin-1")
    if encoding.lower() != "identity":
        raise MediaTypeError(f"{JSON} without a Content-Encoding", f"Content-Encoding: {encoding}")
