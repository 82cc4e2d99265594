"""The head of a request: its line and its headers, parsed by httptools and held to RFC 9112."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote

import httptools

from service.errors import HeadTooLargeError, MalformedRequestError

if TYPE_CHECKING:
    from service.http.keys.key import Key

MOST_HEAD_BYTES = 32_768
"""Bytes of a request line and its headers."""
MOST_HEADERS = 128
"""Headers of a request: each takes some 150 bytes of memory, however short it is."""


class Head:
    """What a request says before its body.

    `length` is that of the body in bytes, None where it comes in chunks. `by_name` holds the headers too; the
    values of those that are repeated are joined by commas (RFC 9110, 5.3), so that none hides another.
    `seconds` is what a request may take, noted once all has been checked that depends on the head alone: most
    clients send one head over and over, and it is kept. `key` is its API key, while the keys are the same.
    `traceparent` names the trace that the request belongs to, if the client says so. `shared` are headers
    that every answer to it has, noted with the first.
    """

    __slots__ = (
        "by_name",
        "headers",
        "http_version",
        "keep_alive",
        "key",
        "length",
        "method",
        "path",
        "query",
        "raw_path",
        "seconds",
        "shared",
        "traceparent",
    )

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        method: str,
        target: bytes,
        http_version: str,
        headers: list[tuple[bytes, bytes]],
        keep_alive: bool,
        length: int | None,
    ) -> None:
        """Take the target apart. Raises `MalformedRequestError`."""
        self.method = method
        self.http_version = http_version
        self.headers = headers
        self.by_name: Mapping[bytes, bytes] = dict(headers)
        if len(self.by_name) < len(headers):
            self.by_name = _joined(headers)
        self.traceparent = self.by_name.get(b"traceparent")
        self.keep_alive = keep_alive
        self.length = length
        self.seconds: float | None = None
        self.key: Key | None = None
        self.shared: tuple[tuple[bytes, bytes], ...] | None = None
        if _PLAIN.fullmatch(target):
            self.raw_path, self.query = target, b""
        else:
            try:
                url = httptools.parse_url(target)
            except httptools.HttpParserInvalidURLError:
                raise MalformedRequestError("the request target is not a valid URL") from None
            self.raw_path, self.query = url.path or b"/", url.query or b""
        path = self.raw_path.decode("latin-1")
        self.path = unquote(path) if "%" in path else path

    def leave(self, prefix: str) -> None:
        """Take the path without a prefix: a proxy may leave it there, or not."""
        if self.path == prefix or self.path.startswith(f"{prefix}/"):
            self.path = self.path[len(prefix) :] or "/"


_PLAIN = re.compile(rb"(/[^\x00-\x20?#%\x7f-\xff]*|\*)?")
"""A path without a query, or the asterisk of OPTIONS, or nothing."""


def unread_head() -> Head:
    """Return the head of a request of which none could be read."""
    return Head("", b"", "1.1", [], False, 0)


def _joined(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    by_name: dict[bytes, bytes] = {}
    for name, value in headers:
        by_name[name] = b"%b, %b" % (by_name[name], value) if name in by_name else value
    return by_name


class HeadParser:
    """Parses one head, whatever the pieces in which it comes."""

    __slots__ = ("_headers", "_keep_alive", "_parser", "_target", "complete")

    def __init__(self) -> None:
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._parser = httptools.HttpRequestParser(self)
        self._keep_alive = False
        self.complete = False

    def feed(self, data: bytes) -> None:
        """Take the next piece, which must not reach beyond the end of the head.

        Raises `MalformedRequestError` or `HeadTooLargeError`.
        """
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # an offer to talk another protocol, which nobody has to take up (RFC 9110, 7.8)
        except httptools.HttpParserCallbackError as error:
            raise error.__context__ or error from None
        except httptools.HttpParserError as error:
            raise MalformedRequestError(str(error).lower() or "the parser cannot read it") from None

    def on_url(self, part: bytes) -> None:
        """Take a part of the request target."""
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        if len(self._headers) == MOST_HEADERS:
            raise HeadTooLargeError(MOST_HEADERS, "headers")
        # the parser leaves the white space behind a value, which is no part of it (RFC 9112, 5.1)
        self._headers.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """Take note of the end, and of what the parser forgets with a request that has no body."""
        self.complete = True
        self._keep_alive = self._parser.should_keep_alive()

    def head(self) -> Head:
        """Return the head, once it is complete. Raises `MalformedRequestError`."""
        version = self._parser.get_http_version()
        hosts, lengths, codings = [], [], []
        for name, value in self._headers:
            if name == b"host":
                hosts.append(value)
            elif name == b"content-length":
                lengths.append(value)
            elif name == b"transfer-encoding":
                codings.append(value.strip().lower())
        if version not in ("1.1", "1.0"):
            raise MalformedRequestError(f"HTTP/{version} is not spoken here")
        if len(hosts) > 1 or (not hosts and version == "1.1"):
            raise MalformedRequestError(f"expected one Host header, found {len(hosts)}")
        if codings and (codings != [b"chunked"] or lengths or version == "1.0"):
            raise MalformedRequestError("the only Transfer-Encoding supported is chunked, once, in HTTP/1.1")
        if len(lengths) > 1:
            raise MalformedRequestError("more than one Content-Length")
        length = None if codings else int(lengths[0].lstrip(b"0") or b"0") if lengths else 0
        return Head(
            self._parser.get_method().decode("ascii"),
            self._target,
            version,
            self._headers,
            version == "1.1" and self._keep_alive,
            length,
        )
