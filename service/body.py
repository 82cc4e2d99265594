"""Read a request's body: its media type checked, its size bounded."""

from starlette.requests import Request

from service.errors import BodyTooLargeError, ClientDisconnectedError, MediaTypeError, UpgradeError

JSON = "application/json"


async def read_json(request: Request, limit: int) -> bytes:
    """Return the bytes of a JSON body. A request without Content-Type is taken at its word.

    Raises `MediaTypeError`, `BodyTooLargeError` over `limit` bytes, `UpgradeError` or
    `ClientDisconnectedError`.
    """
    headers: dict[bytes, bytes] = dict(request.scope["headers"])
    _check_media_type(headers)
    announced = headers.get(b"content-length", b"").lstrip(b"0")
    if len(announced) > len(str(limit)) or int(announced or b"0") > limit:
        raise BodyTooLargeError(limit)
    if b"upgrade" in headers:
        raise UpgradeError(headers[b"upgrade"].decode("latin-1"))
    body = bytearray()
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnectedError(len(body))
        body += message.get("body", b"")
        if len(body) > limit:
            raise BodyTooLargeError(limit)
        if not message.get("more_body", False):
            return bytes(body)


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
