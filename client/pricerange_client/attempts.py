"""The attempts of one call: how much time is left, which failures are worth another try, and when."""

import random
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

import httpx

from pricerange_client.errors import (
    ClientError,
    ConnectionFailedError,
    RateLimitedError,
    ServiceError,
    TimedOutError,
    TlsError,
    UnavailableError,
    UnexpectedAnswerError,
)

DEADLINE_HEADER = "X-Request-Timeout-Ms"
_MOST_MILLISECONDS = 3_600_000
_MOST_SECONDS = 10_000_000
"""Four months; sockets take no more than a few hundred years, and no infinity."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
_FOR_THE_WAY_BACK = 0.1
"""Part of the time left, and seconds at most, that the service is not given: its own words have to arrive."""
_SHORTEST_STEP = 0.001
"""Seconds: a socket takes 0 for no waiting at all, which fails otherwise."""
_OF_A_GATEWAY = 502, 503, 504
"""What proxies answer with, in words of their own, while the service is replaced."""

_BROKEN_OFF = ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError


@dataclass(frozen=True, slots=True)
class Retries:
    """How many times a call is tried again at most, and by which chance it pauses (0 to 1)."""

    most: int
    chance: Callable[[], float] = random.random


class Attempts:
    """Those of one call, which begins now."""

    def __init__(self, url: str, seconds: float, retries: Retries) -> None:
        """Let a call take so many seconds. Raises `ValueError` where that is no time."""
        require_time(seconds)
        self._url = url
        self._seconds = seconds
        self._retries = retries
        self._ends = monotonic() + seconds
        self._made = 0

    def begin(self) -> tuple[float, str]:
        """Begin the next one: return the seconds that are left, and what the service is told of them.

        Raises `TimedOutError`.
        """
        self._made += 1
        left = self._ends - monotonic()
        if left <= 0:
            raise self.timed_out()
        told = left - min(_FOR_THE_WAY_BACK * left, _FOR_THE_WAY_BACK)
        return left, str(min(max(int(told * 1000), 1), _MOST_MILLISECONDS))

    @property
    def left(self) -> float:
        """Seconds until the call has to end."""
        return self._ends - monotonic()

    def bounding(self, timeouts: dict[str, float]) -> Callable[[str, object], None]:
        """Return what HTTP calls before each step of a request, whose timeouts these are.

        They are by step: a connection that is waited for and then a silent service would take twice the time.
        """

        def shorten(step: str, about: object) -> None:
            timeouts.update(dict.fromkeys(timeouts, max(self.left, _SHORTEST_STEP)))

        return shorten

    def failed(self, failure: httpx.RequestError) -> ClientError:
        """Return what a failure to get any answer means."""
        error: ClientError
        if isinstance(failure, httpx.TimeoutException):
            error = self.timed_out()
        else:
            reason = str(failure) or type(failure).__name__
            error = ConnectionFailedError(self._url, reason, self._made)
            if _is_not_trusted(failure):
                error = TlsError(self._url, reason)
        error.__cause__ = failure
        return error

    def timed_out(self) -> TimedOutError:
        """Say that the time is over."""
        return TimedOutError(self._url, self._seconds)

    def pause(self, error: ClientError, *, retried: bool) -> float:
        """Return how many seconds to wait before the next one. Raises the error where there is none.

        At least what the service asks for, and by chance more, so that those whom one failure has met do not
        come back as one (Brooker, "Exponential Backoff and Jitter", 2015).
        """
        if not (retried and may_pass(error)) or self._made > self._retries.most:
            raise error
        asked = error.retry_after if isinstance(error, ServiceError) else None
        longest: float = min(_FIRST_PAUSE * 2**self._made, _LONGEST_PAUSE)
        pause = (asked or 0.0) + self._retries.chance() * longest
        if pause >= self.left:
            raise error
        return pause


def require_time(seconds: float) -> None:
    """Raise `ValueError` for what is no time that a call may take."""
    if not 0 < seconds <= _MOST_SECONDS:
        raise ValueError(f"timeout: expected more than 0 seconds, at most {_MOST_SECONDS:,}, got {seconds!r}")


def may_pass(error: ClientError) -> bool:
    """Whether another try may go better."""
    match error:
        case ConnectionFailedError() | UnavailableError() | RateLimitedError():
            return True
        case UnexpectedAnswerError():
            return error.status in _OF_A_GATEWAY
        case _:
            return False


def _is_not_trusted(failure: httpx.RequestError) -> bool:
    """Whether TLS was refused, rather than broken off as any connection may be."""
    cause: BaseException | None = failure
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    return (
        cause is not None and isinstance(failure, httpx.ConnectError) and not isinstance(cause, _BROKEN_OFF)
    )
