"""What can go wrong with a call, one class per cause; all are a `ClientError`."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

_ROW = re.compile(r"^(row|line) (\d+):")
_POINTER = re.compile(r"^/(\d+)(?=/|$)")
_MOST_SHOWN = 200


class ClientError(Exception):
    """Base of the client's errors.

    Like any exception they can be hashed and pickled, so that pools of processes hand them on.
    """


@dataclass(eq=False)
class ConnectionFailedError(ClientError):
    """No answer: nobody listens, or the connection broke off. It was tried so many times."""

    url: str
    reason: str
    attempts: int

    def __str__(self) -> str:
        times = "once" if self.attempts == 1 else f"{self.attempts} times"
        return f"{self.url}: {self.reason} (tried {times})"


@dataclass(eq=False)
class TlsError(ClientError):
    """No connection that can be trusted, or that is encrypted at all; trying again does not help."""

    url: str
    reason: str

    def __str__(self) -> str:
        return f"{self.url}: {self.reason}"


class DeadlineError(ClientError):
    """No answer within the `timeout` of a call, all attempts together."""


@dataclass(eq=False)
class TimedOutError(DeadlineError):
    """The client has waited for as long as it may."""

    url: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.url}: no answer within {self.seconds:g} s"


@dataclass(eq=False)
class UnexpectedAnswerError(ClientError):
    """An answer that is not the service's: something else listens there, or stands between."""

    url: str
    status: int
    found: str

    def __str__(self) -> str:
        return (
            f"{self.url}: expected an answer of the phone price range service, got {self.status} {self.found}"
        )


@dataclass(frozen=True, slots=True)
class Problem:
    """One rule that a request broke; `pointer` is the value's place in it (JSON Pointer, RFC 6901)."""

    detail: str
    pointer: str


@dataclass(eq=False)
class ServiceError(ClientError):
    """The service's own words (RFC 9457).

    `type` is a URN that names the kind of problem, `errors` are the rules that were broken, and `request_id`
    is what the service's log has. `retry_after` are seconds, where the service names them.
    """

    status: int
    type: str
    title: str
    detail: str
    errors: tuple[Problem, ...]
    request_id: str | None
    trace_id: str | None
    retry_after: float | None

    def __str__(self) -> str:
        known = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.status} {self.title}: {self.detail}{known}"

    @property
    def kind(self) -> str:
        """The kind of problem in a word, such as `overloaded`."""
        return self.type.rpartition(":")[2]


class InvalidInputError(ServiceError):
    """Phones or parameters that break the service's rules: `errors` has them."""


class OutOfRangeError(InvalidInputError):
    """A phone unlike those that the model learned from, where the service refuses such phones."""


class AuthenticationError(ServiceError):
    """No API key, or one that is not known or has expired."""


class ForbiddenError(ServiceError):
    """An API key without the role that this needs."""


class NotFoundError(ServiceError):
    """Nothing is there: an older service, or a wrong base URL."""


class ConflictError(ServiceError):
    """Versions that were asked for cannot serve."""


class TooLargeError(ServiceError):
    """More phones, or more bytes, than the service takes in one request."""


class RateLimitedError(ServiceError):
    """The API key has asked about more phones than it may: come back after `retry_after` seconds."""


class UnavailableError(ServiceError):
    """The service is overloaded, starting or draining, and stayed so while the call lasted."""


class ServiceDeadlineError(ServiceError, DeadlineError):
    """The service itself says that it could not answer in time."""


_BY_STATUS: Mapping[int, type[ServiceError]] = {
    400: InvalidInputError,
    401: AuthenticationError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    413: TooLargeError,
    422: InvalidInputError,
    429: RateLimitedError,
    503: UnavailableError,
    504: ServiceDeadlineError,
}


def of_answer(url: str, status: int, headers: Mapping[str, str], content: bytes) -> ClientError:
    """Return the error that an answer tells of."""
    try:
        body = json.loads(content)
        errors = tuple(Problem(str(one["detail"]), str(one["pointer"])) for one in body["errors"])
        kind, title, detail = (str(body[name]) for name in ("type", "title", "detail"))
    except (ValueError, LookupError, TypeError, RecursionError):
        target = headers.get("location")
        return UnexpectedAnswerError(url, status, f"a redirect to {target}" if target else shown(content))
    error = OutOfRangeError if kind.endswith(":out-of-range") else _BY_STATUS.get(status, ServiceError)
    # by place: pickle makes an exception anew of such arguments alone
    return error(
        status,
        kind,
        title,
        detail,
        errors,
        body.get("request_id"),
        body.get("trace_id"),
        seconds(headers.get("retry-after")),
    )


def shown(content: bytes) -> str:
    """Return the beginning of an answer, for a message."""
    return repr(content[:_MOST_SHOWN].decode(errors="replace"))


def seconds(retry_after: str | None) -> float | None:
    """Read Retry-After; a date, which the service never sends, is taken for none."""
    return float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else None


def count_from(error: InvalidInputError, before: int) -> None:
    """Let an error about rows of a piece name them by their place in the whole, `before` rows further."""

    def message(text: str) -> str:
        return _ROW.sub(lambda found: f"{found[1]} {int(found[2]) + before}:", text)

    error.detail = message(error.detail)
    error.errors = tuple(
        Problem(message(one.detail), _POINTER.sub(lambda found: f"/{int(found[1]) + before}", one.pointer))
        for one in error.errors
    )
