"""What a call says before its message: its method and metadata, as the head of a request."""

from functools import lru_cache
from urllib.parse import unquote

from service.http.framing.head import Head

_MOST_KNOWN = 512
_MOST_KNOWN_CHARACTERS = 1_024
"""Of metadata whose head is kept: most clients send one over and over, and none is to fill the memory."""

Metadata = tuple[tuple[str, str | bytes], ...]


def head_of(path: str, metadata: Metadata) -> Head:
    """Return the head of a call of a method, known by its path."""
    length = sum(len(name) + len(value) for name, value in metadata)
    return (_known_head if length <= _MOST_KNOWN_CHARACTERS else _head)(path, metadata)


def _head(path: str, metadata: Metadata) -> Head:
    headers = [
        (name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in metadata
    ]
    return Head("POST", path.encode(), "2", headers, keep_alive=True, length=None)


_known_head = lru_cache(_MOST_KNOWN)(_head)


@lru_cache(_MOST_KNOWN)
def address_of(peer: str) -> str | None:
    """Return the address of a peer as gRPC names it, without its port: `ipv4:127.0.0.1:4711`."""
    family, _, rest = peer.partition(":")
    if family not in ("ipv4", "ipv6"):
        return None
    return unquote(rest).rpartition(":")[0].strip("[]")
