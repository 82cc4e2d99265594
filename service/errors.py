"""What a refused request is told: one table from error classes to statuses, one body (RFC 9457)."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from typing import Self

import orjson
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import Response

from pricerange.errors import PriceRangeError
from pricerange.phone import Problem, problems

PROBLEM_JSON = "application/problem+json"
MOST_PROBLEMS = 100
"""Entries of `errors` in one answer; `detail` says how many there were."""
_MOST_FOUND = 1_000


class ProblemEntry(BaseModel):
    """One rule that the request broke."""

    detail: str = Field(description="The field, the rule and what was found")
    pointer: str = Field(description="Place of the value in the body, as a JSON Pointer (RFC 6901)")


class ProblemDetails(BaseModel):
    """Body of every error (RFC 9457)."""

    type: str = Field(description="Name of the kind of problem, as a URN")
    title: str
    status: int
    detail: str
    errors: list[ProblemEntry]
    request_id: str
    error: str = Field(description="`detail` again, for clients that read one string")


@dataclass
class InvalidInputError(PriceRangeError):
    """A body that breaks rules of the phone table."""

    problems: Sequence[Problem]
    count: int

    @classmethod
    def of(cls, error: ValidationError) -> Self:
        """Name the first rules that a body broke; of very many none, since to find them costs memory."""
        count = error.error_count()
        if count > _MOST_FOUND:
            return cls([Problem(f"{count} rules are broken, too many to name", "")], 1)
        return cls(list(islice(problems(error), MOST_PROBLEMS)), count)

    def __str__(self) -> str:
        first, more = self.problems[0].detail, self.count - 1
        return f"{first}; and {more} more" if more else first


@dataclass
class BodyTooLargeError(PriceRangeError):
    """A body over the limit of bytes."""

    limit: int

    def __str__(self) -> str:
        return f"the body is larger than {self.limit} bytes (setting max_body_bytes)"


@dataclass
class TooManyRowsError(PriceRangeError):
    """More phones in one request than the limit."""

    limit: int

    def __str__(self) -> str:
        return f"expected at most {self.limit} phones in one request (setting max_rows), found more"


@dataclass
class MediaTypeError(PriceRangeError):
    """A body of a type that the route does not read."""

    expected: str
    found: str

    def __str__(self) -> str:
        return f"expected Content-Type: {self.expected}, found {self.found}"


@dataclass
class ClientDisconnectedError(PriceRangeError):
    """The client left before its body was complete."""

    received: int

    def __str__(self) -> str:
        return f"the connection ended after {self.received} bytes of the body"


@dataclass
class UpgradeError(PriceRangeError):
    """A request that asks for another protocol, with a body that the HTTP parser leaves to that one."""

    protocol: str

    def __str__(self) -> str:
        return f"no upgrade to {self.protocol} here: send the request without the header Upgrade"


@dataclass
class OverloadedError(PriceRangeError):
    """More rows wait for the model than the limit."""

    limit: int

    def __str__(self) -> str:
        return f"{self.limit} phones already wait for the model (setting max_queue_rows)"


@dataclass
class NotReadyError(PriceRangeError):
    """The service is starting or draining."""

    state: str

    def __str__(self) -> str:
        return f"the service is {self.state}"


@dataclass(frozen=True, slots=True)
class Kind:
    """How a class of errors is answered; `name` is its label in the metrics and its URN."""

    status: HTTPStatus
    name: str
    title: str
    retry_after: str | None = None


KINDS: dict[type[PriceRangeError], Kind] = {
    InvalidInputError: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-input", "Invalid input"),
    BodyTooLargeError: Kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large", "Body too large"),
    TooManyRowsError: Kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-many-rows", "Too many phones"),
    MediaTypeError: Kind(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media-type", "Unsupported media type"),
    ClientDisconnectedError: Kind(HTTPStatus.BAD_REQUEST, "disconnected", "Incomplete body"),
    UpgradeError: Kind(HTTPStatus.BAD_REQUEST, "upgrade", "Upgrade not supported"),
    OverloadedError: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "overloaded", "Overloaded", retry_after="1"),
    NotReadyError: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "not-ready", "Not ready", retry_after="1"),
}
_INTERNAL = Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "Internal error")


def kind_of(error: Exception) -> Kind:
    """Look an error's answer up; what the table does not name is an internal error."""
    return next((KINDS[cls] for cls in type(error).__mro__ if cls in KINDS), _INTERNAL)


def problem_response(error: Exception, request_id: str) -> Response:
    """Answer an error. An internal one tells the client its request id and nothing else."""
    kind = kind_of(error)
    detail = (
        str(error) if kind is not _INTERNAL else "something is wrong inside; the log holds the request id"
    )
    entries = error.problems if isinstance(error, InvalidInputError) else ()
    headers = {"Retry-After": kind.retry_after} if kind.retry_after else {}
    return _response(kind, detail, entries, request_id, headers)


def http_response(status: int, detail: str, headers: dict[str, str], request_id: str) -> Response:
    """Answer what the router refuses: an unknown path, a method that the path does not have."""
    known = HTTPStatus(status)
    name = known.phrase.lower().replace(" ", "-")
    return _response(Kind(known, name, known.phrase), detail, (), request_id, headers)


def _response(
    kind: Kind, detail: str, entries: Sequence[Problem], request_id: str, headers: dict[str, str]
) -> Response:
    body = {
        "type": f"urn:pricerange:problem:{kind.name}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "errors": entries,
        "request_id": request_id,
        "error": detail,
    }
    return Response(orjson.dumps(body), kind.status, headers, PROBLEM_JSON)
