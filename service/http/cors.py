"""Which pages of other origins may read answers, by CORS (Fetch Standard)."""

from service.http.framing.head import Head

EVERY_ORIGIN = "*"
_EXPOSED = b"X-Request-Id, Retry-After, ETag, X-Table-Read-As"
_METHODS = b"GET, HEAD, POST"
_MAX_AGE = b"600"

_Headers = tuple[tuple[bytes, bytes], ...]


class Cors:
    """The origins that are allowed, separated by commas; `*` is all of them.

    A key is sent as a header, not as a credential of the browser's, which would not go together with `*`.
    """

    def __init__(self, origins: str) -> None:
        named = [origin.strip() for origin in origins.split(",")]
        self._all = EVERY_ORIGIN in named
        self._origins = frozenset(origin.encode() for origin in named)

    def headers(self, head: Head) -> _Headers:
        """Return what every answer to such a request has."""
        vary = () if self._all else ((b"vary", b"Origin"),)
        origin = head.by_name.get(b"origin")
        if origin is None or not (self._all or origin in self._origins):
            return vary
        allowed = b"*" if self._all else origin
        return (
            *vary,
            (b"access-control-allow-origin", allowed),
            (b"access-control-expose-headers", _EXPOSED),
        )

    @staticmethod
    def is_preflight(head: Head) -> bool:
        """Return whether a browser asks what a page may ask (Fetch Standard, 3.3.2)."""
        asks = b"access-control-request-method" in head.by_name and b"origin" in head.by_name
        return asks and head.method == "OPTIONS"

    @staticmethod
    def of_preflight(head: Head) -> _Headers:
        """Return what the answer to that has besides: any header may be sent, the key's among them."""
        wanted = head.by_name.get(b"access-control-request-headers")
        return (
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-max-age", _MAX_AGE),
            *(((b"access-control-allow-headers", wanted),) if wanted else ()),
        )
