"""What all calls of a client have in common: where they go, with which headers, and for how long."""

import re
import ssl
from collections.abc import Mapping
from typing import Any, TypeVar

import httpx

from pricerange_client.attempts import DEADLINE_HEADER, Attempts, Retries, require_time
from pricerange_client.call import Call, Received
from pricerange_client.errors import (
    InvalidInputError,
    UnexpectedAnswerError,
    count_from,
    of_answer,
    shown,
)
from pricerange_client.version import __version__

T = TypeVar("T")

DEFAULT_TIMEOUT = 30.0
"""As the service's own `request_timeout`."""
DEFAULT_RETRIES = 8
"""With their pauses enough for a process that is replaced: four seconds on average."""

_HEADER_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_HEADER_VALUE = re.compile(r"([!-~]([\t -~]*[!-~])?)?")


class Connection:
    """Makes the requests of calls, and results of their answers."""

    def __init__(  # noqa: PLR0913
        self,
        base_url: str,
        *,
        api_key: str | None,
        timeout: float,
        retries: int,
        verify: bool | str | ssl.SSLContext,
        headers: Mapping[str, str] | None,
        connections: int,
    ) -> None:
        """Take what the clients take. Raises `ValueError` for what none of them is asked with."""
        self._url = _checked(base_url)
        if api_key is not None and not (api_key.isascii() and api_key.isprintable() and api_key.strip()):
            raise ValueError("api_key: expected printable ASCII")
        require_sendable(headers or {})
        require_time(timeout)
        self._timeout = timeout
        self._retries = Retries(retries)
        self._options: dict[str, Any] = {
            "base_url": self._url,
            "headers": {
                "User-Agent": f"pricerange-client/{__version__}",
                **({} if api_key is None else {"Authorization": f"Bearer {api_key}"}),
                **(headers or {}),
            },
            "verify": ssl.create_default_context(cafile=verify) if isinstance(verify, str) else verify,
            # all that are open stay so: a connection costs more than a question
            "limits": httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        }

    @property
    def options(self) -> dict[str, Any]:
        """What httpx's clients are made with."""
        return self._options

    def attempts(self, call: Call[Any]) -> Attempts:
        """Begin a call."""
        seconds = self._timeout if call.timeout is None else call.timeout
        return Attempts(f"{str(self._url).rstrip('/')}/{call.path}", seconds, self._retries)

    @staticmethod
    def request(http: httpx.Client | httpx.AsyncClient, call: Call[Any], attempts: Attempts) -> httpx.Request:
        """Make the request of the next attempt. Raises `TimedOutError` or, for its headers, `ValueError`."""
        require_sendable(call.headers or {})
        left, told = attempts.begin()
        headers = {**(call.headers or {}), DEADLINE_HEADER: told}
        if call.content is not None:
            headers["Content-Type"] = call.media_type
        return http.build_request(
            call.method,
            call.path,
            params=call.parameters,
            content=call.content,
            headers=headers,
            timeout=left,
        )

    @staticmethod
    def result(call: Call[T], received: Received) -> T:
        """Read an answer. Raises the `ServiceError` that it tells of, or `UnexpectedAnswerError`."""
        if not 200 <= received.status < 300:
            error = of_answer(received.url, received.status, received.headers, received.content)
            if isinstance(error, InvalidInputError):
                count_from(error, call.first_row)
            raise error
        try:
            return call.read(received.content)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise UnexpectedAnswerError(received.url, received.status, shown(received.content)) from error


def require_sendable(headers: Mapping[str, str]) -> None:
    """Raise `ValueError`, which shows no value, for a header that HTTP cannot carry."""
    for name, value in headers.items():
        if not (_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)):
            raise ValueError(f"headers: expected printable ASCII, got something else for {name!r}")


def _checked(base_url: str) -> httpx.URL:
    expected = "base_url: expected http://HOST or https://HOST, perhaps with a port and a path"
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise ValueError(f"{expected}, got {base_url!r}: {error}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"{expected}, got {base_url!r}")
    if url.userinfo:
        # it would take the place of a key, and stand in messages
        raise ValueError(f"{expected}, got one with a user: send that as a header")
    if url.query or url.fragment:
        raise ValueError(f"{expected}, got {base_url!r}, which goes on after the path")
    return url
