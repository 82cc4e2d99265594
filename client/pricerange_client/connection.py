"""What all calls of a client have in common: where they go, with which headers, and for how long."""

import ssl
from collections.abc import Mapping
from typing import Any, TypeVar

import httpx

from pricerange_client.attempts import DEADLINE_HEADER, Attempts, Retries
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
        """Take what the clients take. Raises `ValueError` for what is no URL of HTTP, or no key."""
        self._url = httpx.URL(base_url)
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise ValueError(f"base_url: expected http://HOST or https://HOST, got {base_url!r}")
        if api_key is not None and not (api_key.isascii() and api_key.isprintable() and api_key.strip()):
            raise ValueError("api_key: expected printable ASCII")
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
        """Make the request of the next attempt. Raises `TimedOutError`."""
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
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise UnexpectedAnswerError(received.url, received.status, shown(received.content)) from error
