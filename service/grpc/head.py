"""What a call says before its message: its method and metadata, as the head of a request."""

from functools import lru_cache
from urllib.parse import quote, unquote

from service.http.framing.head import Head

_MOST_KNOWN = 512
_MOST_KNOWN_CHARACTERS = 1_024
"""Of metadata whose head is kept, so that nobody fills the memory."""

Metadata = tuple[tuple[str, str | bytes], ...]


class Heads:
    """Makes heads, and keeps them: most clients send one over and over."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, Metadata], Head] = {}

    def of(self, path: str, metadata: Metadata) -> Head:
        """Return the head of a call of a method, known by its path."""
        head = self._known.get((path, metadata))
        if head is None:
            head = _head(path, metadata)
            if sum(len(name) + len(value) for name, value in metadata) <= _MOST_KNOWN_CHARACTERS:
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                self._known[path, metadata] = head
        return head


def _head(path: str, metadata: Metadata) -> Head:
    headers = [
        (name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in metadata
    ]
    # a method that is not offered may be called anything
    target = f"/{quote(path.removeprefix('/'))}".encode()
    return Head("POST", target, "2", headers, keep_alive=True, length=None)


@lru_cache(_MOST_KNOWN)
def address_of(peer: str) -> str | None:
    """Return the address of a peer as gRPC names it, without its port: `ipv4:127.0.0.1:4711`."""
    family, _, rest = peer.partition(":")
    if family not in ("ipv4", "ipv6"):
        return None
    return unquote(rest).rpartition(":")[0].strip("[]")
