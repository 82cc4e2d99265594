"""How a refused request is answered: one table from error classes to statuses, one body (RFC 9457)."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

import orjson
from pydantic import BaseModel, Field

from pricerange.errors import PriceRangeError
from pricerange.phone import Problem
from service.errors import (
    BodyTooLargeError,
    ClientDisconnectedError,
    DeadlineError,
    HeadTooLargeError,
    InvalidInputError,
    MalformedRequestError,
    MediaTypeError,
    MissingKeyError,
    NoSpaceError,
    NotReadyError,
    OverloadedError,
    RequestHeaderError,
    SlowSenderError,
    TooManyRowsError,
    UpgradeError,
    WrongKeyError,
)
from service.http.reply import Reply
from service.v2.errors import (
    ContentEncodingError,
    InferenceInputError,
    UnknownModelError,
    UnknownVersionError,
)

PROBLEM_JSON = "application/problem+json"


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


@dataclass(frozen=True, slots=True)
class Kind:
    """How a class of errors is answered; `name` is its label in the metrics and its URN."""

    status: HTTPStatus
    name: str
    title: str
    retry_after: str | None = None
    challenge: str | None = None


_CHALLENGE = 'Bearer realm="pricerange"'

KINDS: dict[type[PriceRangeError], Kind] = {
    InvalidInputError: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-input", "Invalid input"),
    BodyTooLargeError: Kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large", "Body too large"),
    TooManyRowsError: Kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-many-rows", "Too many phones"),
    MediaTypeError: Kind(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media-type", "Unsupported media type"),
    InferenceInputError: Kind(HTTPStatus.BAD_REQUEST, "invalid-inference", "Invalid inference request"),
    ContentEncodingError: Kind(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "content-encoding", "Unsupported content encoding"
    ),
    UnknownModelError: Kind(HTTPStatus.NOT_FOUND, "unknown-model", "Unknown model"),
    UnknownVersionError: Kind(HTTPStatus.NOT_FOUND, "unknown-version", "Unknown version"),
    ClientDisconnectedError: Kind(HTTPStatus.BAD_REQUEST, "disconnected", "Incomplete body"),
    UpgradeError: Kind(HTTPStatus.BAD_REQUEST, "upgrade", "Upgrade not supported"),
    MissingKeyError: Kind(HTTPStatus.UNAUTHORIZED, "missing-key", "API key missing", challenge=_CHALLENGE),
    WrongKeyError: Kind(
        HTTPStatus.UNAUTHORIZED,
        "wrong-key",
        "API key not known",
        challenge=f'{_CHALLENGE}, error="invalid_token"',
    ),
    MalformedRequestError: Kind(HTTPStatus.BAD_REQUEST, "malformed", "No HTTP request"),
    HeadTooLargeError: Kind(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "head-too-large", "Request head too large"
    ),
    RequestHeaderError: Kind(HTTPStatus.BAD_REQUEST, "request-header", "Invalid request header"),
    SlowSenderError: Kind(HTTPStatus.REQUEST_TIMEOUT, "slow-sender", "Request too slow to arrive"),
    DeadlineError: Kind(HTTPStatus.GATEWAY_TIMEOUT, "deadline", "Deadline passed"),
    OverloadedError: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "overloaded", "Overloaded", retry_after="1"),
    NoSpaceError: Kind(HTTPStatus.INSUFFICIENT_STORAGE, "no-space", "No space for the answer"),
    NotReadyError: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "not-ready", "Not ready", retry_after="1"),
}
_INTERNAL = Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "Internal error")


def kind_of(error: Exception) -> Kind:
    """Look an error's answer up; what the table does not name is an internal error."""
    return next((KINDS[cls] for cls in type(error).__mro__ if cls in KINDS), _INTERNAL)


def problem_response(error: Exception, request_id: str) -> Reply:
    """Answer an error. An internal one tells the client its request id and nothing else."""
    kind = kind_of(error)
    detail = (
        str(error) if kind is not _INTERNAL else "something is wrong inside; the log holds the request id"
    )
    entries = error.problems if isinstance(error, InvalidInputError) else ()
    headers = {"Retry-After": kind.retry_after} if kind.retry_after else {}
    if kind.challenge:
        headers["WWW-Authenticate"] = kind.challenge
    return _response(kind, detail, entries, request_id, headers)


def http_response(status: int, detail: str, headers: dict[str, str], request_id: str) -> Reply:
    """Answer what the router refuses: an unknown path, a method that the path does not have."""
    known = HTTPStatus(status)
    return _response(Kind(known, reason_of(known), known.phrase), detail, (), request_id, headers)


def reasons() -> list[str]:
    """Name every kind of refusal: what the table holds, the internal error, what a router may say."""
    of_router = (reason_of(status) for status in HTTPStatus if status >= 400)
    return list(dict.fromkeys([*(kind.name for kind in KINDS.values()), _INTERNAL.name, *of_router]))


def reason_of(status: int) -> str:
    """Name the kind of refusal of a router."""
    return HTTPStatus(status).phrase.lower().replace(" ", "-")


def _response(
    kind: Kind, detail: str, entries: Sequence[Problem], request_id: str, headers: dict[str, str]
) -> Reply:
    body = {
        "type": f"urn:pricerange:problem:{kind.name}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "errors": entries,
        "request_id": request_id,
        "error": detail,
    }
    raw_headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Reply(orjson.dumps(body), PROBLEM_JSON.encode(), raw_headers, kind.status)
