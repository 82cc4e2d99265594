"""How a call is refused: by a status code, a message, and details field by field (google.rpc)."""

from http import HTTPStatus
from typing import NamedTuple

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from service.http.problems import Rejected, rejected
from service.http.request_state import RequestState

_CODES: dict[HTTPStatus, grpc.StatusCode] = {
    HTTPStatus.UNAUTHORIZED: grpc.StatusCode.UNAUTHENTICATED,
    HTTPStatus.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    HTTPStatus.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    # not 501, which would count as a failure of ours
    HTTPStatus.METHOD_NOT_ALLOWED: grpc.StatusCode.UNIMPLEMENTED,
    HTTPStatus.REQUEST_TIMEOUT: grpc.StatusCode.DEADLINE_EXCEEDED,
    HTTPStatus.CONFLICT: grpc.StatusCode.FAILED_PRECONDITION,
    HTTPStatus.TOO_MANY_REQUESTS: grpc.StatusCode.RESOURCE_EXHAUSTED,
    HTTPStatus.INTERNAL_SERVER_ERROR: grpc.StatusCode.INTERNAL,
    HTTPStatus.SERVICE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT: grpc.StatusCode.DEADLINE_EXCEEDED,
}
"""The code of a status that an error has over HTTP; what is not here is an invalid argument."""

_DETAILS = "grpc-status-details-bin"
_DOMAIN = "pricerange"
_MOST_MESSAGE = 1_000
_MOST_DETAILS = 4_096
"""Bytes of a message and of its violations: beyond 8 KiB of metadata clients refuse an answer."""


class Refusal(NamedTuple):
    """The status of a call: its code, message and trailing metadata."""

    code: grpc.StatusCode
    message: str
    metadata: tuple[tuple[str, bytes], ...]


def refusal(error: Exception, state: RequestState) -> Refusal:
    """Refuse a call for an error, and note that in its state."""
    found = rejected(error, state)
    state.status = found.status
    code = _CODES.get(found.status, grpc.StatusCode.INVALID_ARGUMENT)
    message = found.detail[:_MOST_MESSAGE]
    status = Status(code=code.value[0], message=message)
    status.details.extend(_packed(detail) for detail in _details(found, state))
    return Refusal(code, message, ((_DETAILS, status.SerializeToString()),))


def _details(found: Rejected, state: RequestState) -> list[Message]:
    details: list[Message] = [ErrorInfo(reason=state.rejected_as or "", domain=_DOMAIN, metadata=state.ids())]
    if found.entries:
        violations = BadRequest()
        room = _MOST_DETAILS
        for problem in found.entries:
            room -= len(problem.pointer.encode()) + len(problem.detail.encode())
            if room < 0:
                break
            violations.field_violations.add(field=problem.pointer, description=problem.detail)
        details.append(violations)
    after = dict(found.headers).get("Retry-After")
    if after is not None:
        details.append(RetryInfo(retry_delay=Duration(seconds=int(after))))
    return details


def _packed(message: Message) -> Any:
    packed = Any()
    packed.Pack(message)
    return packed
