"""How a rejected request is answered: by what its error says of itself, over HTTP in one body (RFC 9457)."""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import NamedTuple

import orjson
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from pricerange.errors import PriceRangeError
from pricerange.phone import Problem
from pricerange.tables.errors import DuplicateColumnError, MissingColumnError
from service.errors import InvalidInputError, ServiceError
from service.http.reply import Reply
from service.http.request_state import RequestState

log = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"
INTERNAL = "internal"
"""Kind of problem of every error that the service does not expect."""

_OF_THE_CORE: dict[type[Exception], type[ServiceError]] = {
    MissingColumnError: InvalidInputError,
    DuplicateColumnError: InvalidInputError,
}
"""The core's errors that a client can cause, and the service's that are answered alike."""


class ProblemEntry(BaseModel):
    """One rule that the request broke."""

    detail: str = Field(description="The field, the rule and what was found")
    pointer: str = Field(description="Location of the value in the body, as a JSON Pointer (RFC 6901)")


class ProblemDetails(BaseModel):
    """Body of every error (RFC 9457)."""

    type: str = Field(description="Name of the kind of problem, as a URN")
    title: str
    status: int
    detail: str
    errors: list[ProblemEntry]
    request_id: str
    trace_id: str | None = Field(
        None, description="The request's trace, where it has one (W3C Trace Context)"
    )
    error: str = Field(description="`detail` again, for clients that read one string")


class Rejected(NamedTuple):
    """What the answer to a rejected request says, in whatever form."""

    status: HTTPStatus
    title: str
    detail: str
    entries: Sequence[Problem] = ()
    headers: Sequence[tuple[str, str]] = ()


def rejected(error: Exception, state: RequestState) -> Rejected:
    """Say why a request has no answer, and note the kind of problem.

    Of an internal error the client hears its request id and nothing else.
    """
    answered_as = type(error) if isinstance(error, ServiceError) else _OF_THE_CORE.get(type(error))
    if answered_as is None:
        return _internal(error, state)
    detail = str(error)
    entries: Sequence[Problem] = ()
    if isinstance(error, InvalidInputError):
        entries = error.problems
    elif not isinstance(error, ServiceError):
        entries = [Problem(detail, "")]
    headers = error.answer_headers() if isinstance(error, ServiceError) else answered_as.headers
    state.rejected_as = answered_as.kind
    return Rejected(answered_as.status, answered_as.title, detail, entries, tuple(headers))


def rejection(error: Exception, state: RequestState) -> Reply:
    """Answer a request with its error."""
    return _problem(rejected(error, state), state)


async def answer_exception(request: Request, error: Exception) -> Response:
    """Answer what the router rejects and what is raised behind it (Starlette's exception handler)."""
    state = RequestState.of(request.scope)
    if not isinstance(error, HTTPException):
        return rejection(error, state)
    status = HTTPStatus(error.status_code)
    state.rejected_as = kind_of_status(status)
    detail = f"{request.method} {request.url.path}: {error.detail}; /docs lists the routes"
    headers = tuple((error.headers or {}).items())
    return _problem(Rejected(status, status.phrase, detail, headers=headers), state)


def kinds() -> list[str]:
    """Name every kind of problem: those of the errors, the internal error, what a router may answer."""
    of_router = (kind_of_status(status) for status in HTTPStatus if status >= 400)
    return list(dict.fromkeys([*ServiceError.kinds(), INTERNAL, *of_router]))


def kind_of_status(status: HTTPStatus) -> str:
    """Name the kind of problem of a status that a router answers with."""
    return status.phrase.lower().replace(" ", "-")


def _internal(error: Exception, state: RequestState) -> Rejected:
    if not isinstance(error, PriceRangeError):
        ids = state.ids()
        log.error("request %s failed", ids["request_id"], exc_info=error, extra={"fields": ids})
    state.rejected_as = INTERNAL
    detail = "internal error; the log has the details under the request id"
    return Rejected(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal error", detail)


def _problem(found: Rejected, state: RequestState) -> Reply:
    body = {
        "type": f"urn:pricerange:problem:{state.rejected_as}",
        "title": found.title,
        "status": found.status,
        "detail": found.detail,
        "errors": found.entries,
        **state.ids(),
        "error": found.detail,
    }
    raw_headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in found.headers]
    return Reply(orjson.dumps(body), PROBLEM_JSON.encode(), raw_headers, found.status)
