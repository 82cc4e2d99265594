"""API keys: where a file names some, a request needs one of them as `Authorization: Bearer`."""

import hmac
import re
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from pricerange.errors import SettingsError
from service.errors import MissingKeyError, WrongKeyError
from service.http.framing.head import Head
from service.http.request_state import RequestState

_FEWEST_CHARACTERS = 16
# what RFC 6750 lets stand behind `Bearer`: b64token
_KEY = re.compile(rb"[A-Za-z0-9._~+/-]+=*")
_HEALTH = frozenset({"/livez", "/readyz", "/v2/health/live", "/v2/health/ready"})


def free_paths(metrics_need_key: bool) -> frozenset[str]:
    """Name the paths that are answered without a key; all others need one, also those that do not exist."""
    return _HEALTH if metrics_need_key else _HEALTH | {"/metrics"}


def read_keys(path: Path) -> list[bytes]:
    """Return the keys of a file: one a line; blank lines and those that begin with # are left out.

    Raises `SettingsError`, which names the line and never the key.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise SettingsError("api_keys_file", f"a readable file ({error.strerror})", str(path)) from None
    keys = []
    for number, line in enumerate(lines, 1):
        key = line.strip()
        if not key or key.startswith(b"#"):
            continue
        if len(key) < _FEWEST_CHARACTERS or not _KEY.fullmatch(key):
            expected = f"keys of at least {_FEWEST_CHARACTERS} letters, digits and -._~+/ (= only at the end)"
            raise SettingsError("api_keys_file", expected, f"an invalid key in line {number} of {path}")
        keys.append(key)
    if not keys:
        raise SettingsError("api_keys_file", "at least one key, one per line", f"none in {path}")
    return keys


class ApiKeys:
    """ASGI application: hands on the requests that carry a key, before anyone reads their bodies."""

    def __init__(self, app: ASGIApp, keys: Iterable[bytes], free: frozenset[str]) -> None:
        self._app = app
        self._digests = [sha256(key).digest() for key in keys]
        self._free = free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request. Raises `MissingKeyError` or `WrongKeyError`."""
        self.check(RequestState.of(scope).head)
        await self._app(scope, receive, send)

    def check(self, head: Head) -> None:
        """Look for a key where one is needed. Raises `MissingKeyError` or `WrongKeyError`."""
        if head.path in self._free:
            return
        scheme, _, key = head.by_name.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer" or not key.strip():
            raise MissingKeyError
        given = sha256(key.strip()).digest()
        # digests have one length, and all are compared: the time taken says nothing about any key
        if not sum(hmac.compare_digest(digest, given) for digest in self._digests):
            raise WrongKeyError
