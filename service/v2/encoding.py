"""Compressed bodies: gzip and deflate in, and out where the client wants it."""

import zlib

from service.errors import BodyTooLargeError, ContentEncodingError, InferenceInputError
from service.http.accept import weights

_WINDOW = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
"""zlib's `wbits`: a gzip header, or the zlib header that HTTP calls deflate."""
_LEAST_BYTES = 1024
"""HTTP libraries accept several encodings unasked; an answer this short gains nothing from it."""


def decoded(body: bytes, encoding: str, limit: int) -> bytes:
    """Undo a Content-Encoding, never inflating more than `limit` bytes and one.

    Raises `ContentEncodingError`, `BodyTooLargeError` or `InferenceInputError`.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in _WINDOW:
        raise ContentEncodingError("gzip, deflate or none", encoding)
    inflater = zlib.decompressobj(_WINDOW[encoding])
    try:
        inflated = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise InferenceInputError.expected("the body", f"{encoding} data", str(error)) from None
    if len(inflated) > limit:
        raise BodyTooLargeError(limit)
    if not inflater.eof or inflater.unused_data:
        found = "extra data after its end" if inflater.eof else "truncated data"
        raise InferenceInputError.expected("the body", f"{encoding} data", found)
    return inflated


def wanted(accepted: str, length: int) -> str | None:
    """Return the encoding for an answer of a length, by the client's Accept-Encoding."""
    codings = weights(accepted)
    if len(codings) > 1 and length < _LEAST_BYTES:
        return None
    best = max(_WINDOW, key=lambda name: codings.get(name, 0.0))
    return best if codings.get(best, 0.0) > 0 else None


def encoded(body: bytes, encoding: str) -> bytes:
    """Apply a Content-Encoding, in the least time."""
    deflater = zlib.compressobj(level=1, wbits=_WINDOW[encoding])
    return deflater.compress(body) + deflater.flush()
