"""A file that browsers ask for: compressed once, and sent only to those that do not have it."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from service.http.accept import weights
from service.http.reply import Reply

_NOT_MODIFIED = 304


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is kept: `compressed` by gzip. `lines` are headers that go with every answer."""

    compressed: bytes
    media_type: bytes
    lines: tuple[tuple[bytes, bytes], ...]
    tag: bytes

    @classmethod
    def of(
        cls,
        content: bytes,
        media_type: str,
        policy: str | None = None,
        *,
        compressed: bool = False,
        vary: str = "Accept-Encoding",
    ) -> Self:
        """Keep a content, which may be `compressed` by gzip. `policy` is its Content-Security-Policy."""
        # weak: it names the content, in whichever coding (RFC 9110, 8.8.1)
        tag = b'W/"%b"' % sha256(content).hexdigest()[:32].encode()
        lines = [
            # a browser keeps it, and asks each time whether it is still the same
            (b"cache-control", b"no-cache"),
            (b"etag", tag),
            (b"vary", vary.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
        ]
        if policy is not None:
            lines.append((b"content-security-policy", policy.encode()))
        kept = content if compressed else gzip.compress(content, mtime=0)
        return cls(kept, media_type.encode(), tuple(lines), tag)

    def answer(self, by_name: Mapping[bytes, bytes]) -> Reply:
        """Answer a request of these headers."""
        if self._is_known(by_name.get(b"if-none-match")):
            return Reply.of_head(_NOT_MODIFIED, self.lines)
        if weights(by_name.get(b"accept-encoding", b"").decode("latin-1")).get("gzip"):
            return Reply(self.compressed, self.media_type, (*self.lines, (b"content-encoding", b"gzip")))
        return Reply(gzip.decompress(self.compressed), self.media_type, self.lines)

    def _is_known(self, tags: bytes | None) -> bool:
        """Return whether a list of tags, or `*`, names this content."""
        if tags is None:
            return False
        named = [tag.strip().removeprefix(b"W/") for tag in tags.split(b",")]
        return b"*" in named or self.tag.removeprefix(b"W/") in named
