"""A collector of OpenTelemetry that spans are sent to: OTLP over HTTP, as protobuf."""

import http.client
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

PATH = "/v1/traces"
RETRYABLE = frozenset({429, 502, 503, 504})
"""Statuses after which a client is to try again (OTLP 1.0, Failures)."""

_SECONDS = 10.0
_MOST_ANSWER_BYTES = 65_536


@dataclass
class NotTakenError(Exception):
    """A collector that cannot be reached, or did not take what it was sent; some errors go away."""

    reason: str
    passes: bool

    def __str__(self) -> str:
        return self.reason


class Collector:
    """Sends one message after the other, over one connection as long as it lasts."""

    def __init__(self, endpoint: str, headers: Mapping[str, str]) -> None:
        """Send to a URL, `http://host:4318`; it may name the path of the traces too."""
        url = urlsplit(endpoint)
        base = url.path.rstrip("/")
        self._path = base if base.endswith(PATH) else base + PATH
        self._headers = {"Content-Type": "application/x-protobuf", **headers}
        self._connection: http.client.HTTPConnection
        if url.scheme == "https":
            context = ssl.create_default_context()
            self._connection = http.client.HTTPSConnection(
                url.hostname or "", url.port, timeout=_SECONDS, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=_SECONDS)

    def send(self, message: bytes) -> None:
        """Send a message. Raises `NotTakenError`."""
        try:
            status = self._post(message)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NotTakenError(str(error) or type(error).__name__, passes=True) from error
        if status >= http.client.MULTIPLE_CHOICES:
            raise NotTakenError(f"it answered {status}", status in RETRYABLE)

    def _post(self, message: bytes) -> int:
        try:
            return self._exchange(message)
        except (ConnectionError, http.client.BadStatusLine):
            self.close()  # it was kept alive, and the collector has closed it
            return self._exchange(message)

    def _exchange(self, message: bytes) -> int:
        self._connection.request("POST", self._path, message, self._headers)
        answer = self._connection.getresponse()
        answer.read(_MOST_ANSWER_BYTES)
        if not answer.isclosed():
            self.close()
        return answer.status

    def close(self) -> None:
        """End the connection."""
        with suppress(OSError):
            self._connection.close()
