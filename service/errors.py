"""What can be wrong with a request, one class per cause; each says how it is answered."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil
from typing import ClassVar, Self

from pydantic import ValidationError

from pricerange.errors import PriceRangeError
from pricerange.phone import Problem, first_problems, json_pointer

MOST_PROBLEMS = 100
"""Entries of `errors` in one answer; `detail` says how many there were."""
_CHALLENGE = 'Bearer realm="pricerange"'
CONTENT_CODINGS = ("gzip", "deflate", "zstd")
"""Content codings that a body may have."""


class ServiceError(PriceRangeError):
    """Base of the service's errors.

    `kind` names the class of problem in the metrics and in the problem's URN; `headers` go with the answer.
    """

    status: ClassVar[HTTPStatus]
    kind: ClassVar[str]
    title: ClassVar[str]
    headers: ClassVar[tuple[tuple[str, str], ...]] = ()

    def answer_headers(self) -> Iterator[tuple[str, str]]:
        """Yield the headers that go with the answer to this very request."""
        yield from self.headers

    @classmethod
    def kinds(cls) -> Iterator[str]:
        """Name every kind of problem that there is, in the same order in each process."""
        for error in cls.__subclasses__():
            yield error.kind
            yield from error.kinds()


@dataclass
class InvalidInputError(ServiceError):
    """A body that breaks rules of the phone table: `problems` are the first of `count`."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    kind = "invalid-input"
    title = "Invalid input"

    problems: Sequence[Problem]
    count: int

    @classmethod
    def of(cls, error: ValidationError) -> Self:
        """Name the first rules that a body broke; of very many none, since to find them costs memory."""
        found = first_problems(error, MOST_PROBLEMS)
        return cls(found.problems, found.count)

    def __str__(self) -> str:
        first, more = self.problems[0].detail, self.count - 1
        return f"{first}; and {more} more" if more else first


@dataclass
class OutOfRangeError(InvalidInputError):
    """A phone unlike those that the model learned from, where such phones are refused."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    kind = "out-of-range"
    title = "Phone outside the training range"


@dataclass
class BodyTooLargeError(ServiceError):
    """A body over the limit of bytes."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    kind = "body-too-large"
    title = "Body too large"

    limit: int
    setting: str = "max_body_bytes"

    def __str__(self) -> str:
        return f"the body is larger than {self.limit} bytes (setting {self.setting})"


@dataclass
class TooManyRowsError(ServiceError):
    """More phones in one request than the limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    kind = "too-many-rows"
    title = "Too many phones"

    limit: int
    setting: str = "max_rows"

    def __str__(self) -> str:
        return f"expected at most {self.limit} phones in one request (setting {self.setting}), found more"


@dataclass
class MediaTypeError(ServiceError):
    """A body of a type that the route does not support."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    kind = "media-type"
    title = "Unsupported media type"

    expected: str
    found: str

    def __str__(self) -> str:
        return f"expected Content-Type: {self.expected}, found {self.found}"


@dataclass
class ClientDisconnectedError(ServiceError):
    """The client left before its body was complete."""

    status = HTTPStatus.BAD_REQUEST
    kind = "disconnected"
    title = "Incomplete body"

    received: int

    def __str__(self) -> str:
        return f"the connection ended after {self.received} bytes of the body"


@dataclass
class MissingKeyError(ServiceError):
    """A request without an API key, where one is needed."""

    status = HTTPStatus.UNAUTHORIZED
    kind = "missing-key"
    title = "API key missing"
    headers = (("WWW-Authenticate", _CHALLENGE),)

    def __str__(self) -> str:
        return "an API key is required: send it as Authorization: Bearer"


@dataclass
class WrongKeyError(ServiceError):
    """A request with a key that the service does not know."""

    status = HTTPStatus.UNAUTHORIZED
    kind = "wrong-key"
    title = "Unknown API key"
    headers = (("WWW-Authenticate", f'{_CHALLENGE}, error="invalid_token"'),)

    def __str__(self) -> str:
        return "the API key in Authorization: Bearer is not known"


@dataclass
class ExpiredKeyError(ServiceError):
    """A request with a key that was valid once."""

    status = HTTPStatus.UNAUTHORIZED
    kind = "expired-key"
    title = "API key expired"
    headers = WrongKeyError.headers

    name: str

    def __str__(self) -> str:
        return f"the API key {self.name} has expired"


@dataclass
class ForbiddenError(ServiceError):
    """A request that its sender may not make."""

    status = HTTPStatus.FORBIDDEN
    kind = "forbidden"
    title = "Forbidden"

    needed: str

    def __str__(self) -> str:
        return self.needed


@dataclass
class RateLimitedError(ServiceError):
    """A request with a key that is in debt for so many seconds: its rate is one of phones a second."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    kind = "rate-limited"
    title = "Too many phones a second"

    name: str
    rate: float
    seconds: float

    def answer_headers(self) -> Iterator[tuple[str, str]]:
        """Say when to come back, in whole seconds."""
        yield "Retry-After", str(ceil(self.seconds))

    def __str__(self) -> str:
        return (
            f"the API key {self.name} may ask about {self.rate:g} phones a second, and has asked about more: "
            f"expected a request in {ceil(self.seconds)} s or later"
        )


@dataclass
class MalformedRequestError(ServiceError):
    """Bytes that are not HTTP/1.1."""

    status = HTTPStatus.BAD_REQUEST
    kind = "malformed"
    title = "Malformed HTTP request"

    reason: str

    def __str__(self) -> str:
        return f"malformed HTTP/1.1 request: {self.reason}; the connection is closed"


@dataclass
class HeadTooLargeError(ServiceError):
    """A request line and headers over the limit of bytes."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    kind = "head-too-large"
    title = "Request head too large"

    limit: int
    unit: str = "bytes"

    def __str__(self) -> str:
        return f"the request line and headers have more than {self.limit} {self.unit}"


@dataclass
class RequestHeaderError(ServiceError):
    """A header whose value cannot be what was meant."""

    status = HTTPStatus.BAD_REQUEST
    kind = "request-header"
    title = "Invalid request header"

    name: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"the header {self.name} must be {self.expected}, got {self.found!r}"


@dataclass
class SlowSenderError(ServiceError):
    """A client that takes too long to send its request."""

    status = HTTPStatus.REQUEST_TIMEOUT
    kind = "slow-sender"
    title = "Request received too slowly"

    seconds: float
    what: str

    def __str__(self) -> str:
        return f"{self.what} did not arrive within {self.seconds:g} s (setting receive_timeout)"


@dataclass
class DeadlineError(ServiceError):
    """A request that could not be answered in the time it had."""

    status = HTTPStatus.GATEWAY_TIMEOUT
    kind = "deadline"
    title = "Deadline exceeded"

    seconds: float

    def __str__(self) -> str:
        return f"no answer within {self.seconds:g} s (header X-Request-Timeout-Ms or setting request_timeout)"


@dataclass
class OverloadedError(ServiceError):
    """More rows wait for the model than the limit."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    kind = "overloaded"
    title = "Overloaded"
    headers = (("Retry-After", "1"),)

    limit: int
    setting: str = "max_queue_rows"

    def __str__(self) -> str:
        return f"{self.limit} phones are already waiting for the model (setting {self.setting})"


@dataclass
class TooManyWatchersError(ServiceError):
    """More clients watch the health of the service than the limit: each takes the place of a call."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    kind = "too-many-watchers"
    title = "Too many watchers"
    headers = (("Retry-After", "1"),)

    limit: int

    def __str__(self) -> str:
        return f"{self.limit} clients are already watching this process; ask by Check"


@dataclass
class TooManyStreamsError(ServiceError):
    """More streams of requests are open than the limit: each takes the place of a call."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    kind = "too-many-streams"
    title = "Too many streams"
    headers = (("Retry-After", "1"),)

    limit: int

    def __str__(self) -> str:
        return f"{self.limit} streams are already open to this process; ask by ModelInfer"


@dataclass
class MemoryBudgetError(ServiceError):
    """Requests that together hold as much memory as they may."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    kind = "memory-budget"
    title = "Out of request memory"
    headers = (("Retry-After", "1"),)

    limit: int

    def __str__(self) -> str:
        return f"requests already hold the {self.limit} bytes of memory they may (setting max_request_memory)"


@dataclass
class SpoolBudgetError(ServiceError):
    """Answers that together take as much of the disk as they may."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    kind = "spool-budget"
    title = "Out of space for answers"
    headers = (("Retry-After", "1"),)

    limit: int

    def __str__(self) -> str:
        return f"long answers already take the {self.limit} bytes of disk they may (setting max_spool_bytes)"


@dataclass
class NoDescriptorError(ServiceError):
    """A process that can open no further file."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    kind = "no-descriptor"
    title = "Out of file descriptors"
    headers = (("Retry-After", "1"),)

    limit: int

    def __str__(self) -> str:
        return f"a file has to be opened, and all {self.limit} file descriptors are in use (ulimit -n)"


@dataclass
class NoSpaceError(ServiceError):
    """A disk that does not take an answer."""

    status = HTTPStatus.INSUFFICIENT_STORAGE
    kind = "no-space"
    title = "No space for the answer"

    folder: str
    reason: str

    def __str__(self) -> str:
        return f"a long answer is buffered on disk until it is complete; {self.folder}: {self.reason}"


@dataclass
class NotReadyError(ServiceError):
    """The service is starting or draining."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    kind = "not-ready"
    title = "Not ready"
    headers = (("Retry-After", "1"),)

    state: str

    def __str__(self) -> str:
        return f"the service is {self.state}"


@dataclass
class InferenceInputError(InvalidInputError):
    """A body that breaks rules of the protocol or of the phone table."""

    status = HTTPStatus.BAD_REQUEST
    kind = "invalid-inference"
    title = "Invalid inference request"

    count: int = 1

    @classmethod
    def expected(cls, what: str, expected: object, found: object, pointer: str = "") -> Self:
        """Name one thing that is not as expected, and its place in the JSON object."""
        return cls([Problem(f"{what}: expected {expected}, found {found}", pointer)])

    @classmethod
    def of(cls, error: ValidationError) -> Self:
        """Name the first place where the JSON object breaks the protocol's message."""
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        pointer = json_pointer(first["loc"])
        return cls([Problem(f"{pointer or 'the JSON object'}: {first['msg']}", pointer)])


@dataclass
class ContentEncodingError(ServiceError):
    """A body in a content coding that is not supported; the answer lists the others (RFC 9110, 15.5.16)."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    kind = "content-encoding"
    title = "Unsupported content encoding"
    headers = (("Accept-Encoding", ", ".join(CONTENT_CODINGS)),)

    found: str

    def __str__(self) -> str:
        return f"expected Content-Encoding: {', '.join(CONTENT_CODINGS)} or none, found {self.found[:100]}"


@dataclass
class BrokenEncodingError(InvalidInputError):
    """A body that its Content-Encoding does not fit."""

    status = HTTPStatus.BAD_REQUEST
    kind = "broken-encoding"
    title = "Broken content encoding"

    count: int = 1

    @classmethod
    def found(cls, coding: str, found: str) -> Self:
        """Say what was found where data in a coding was expected."""
        return cls([Problem(f"the body: expected {coding} data, found {found}", "")])


@dataclass
class ExpansionError(ServiceError):
    """A compressed body that becomes longer than its bytes justify."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    kind = "expansion"
    title = "Body expands too much"

    received: int
    most: int

    def __str__(self) -> str:
        return (
            f"the first {self.received} bytes of the body decompress to more than {self.most}, "
            "which is as much as they may: send it less compressed"
        )


@dataclass
class UnknownModelError(ServiceError):
    """A model that is not served here."""

    status = HTTPStatus.NOT_FOUND
    kind = "unknown-model"
    title = "Unknown model"

    expected: str
    found: str

    def __str__(self) -> str:
        return f"the model {self.found[:100]!r} is not served here, only {self.expected}"


@dataclass
class UnknownVersionError(ServiceError):
    """A version of the model that is not served here."""

    status = HTTPStatus.NOT_FOUND
    kind = "unknown-version"
    title = "Unknown version"

    expected: str
    found: str

    def __str__(self) -> str:
        return f"the version {self.found[:100]!r} is not served here, only {self.expected}"


@dataclass
class UnknownServiceError(ServiceError):
    """A service over gRPC whose health is asked for, and which is not offered here."""

    status = HTTPStatus.NOT_FOUND
    kind = "unknown-service"
    title = "Unknown service"

    expected: str
    found: str

    def __str__(self) -> str:
        return f"the service {self.found[:100]!r} is not offered here, only {self.expected}"


@dataclass
class UnknownMethodError(ServiceError):
    """A method over gRPC that is not offered here."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    kind = "unknown-method"
    title = "Unknown method"

    found: str

    def __str__(self) -> str:
        return f"the method {self.found[:100]!r} is not offered here; reflection lists those that are"


@dataclass
class ModelUnloadedError(ServiceError):
    """A model that an admin had unloaded."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    kind = "model-unloaded"
    title = "Model unloaded"
    headers = (("Retry-After", "10"),)

    name: str

    def __str__(self) -> str:
        return f"the model {self.name} was unloaded; POST /v2/repository/models/{self.name}/load loads it"


@dataclass
class NoDriftReferenceError(ServiceError):
    """A version that does not say what it learned from, so that nothing can be compared with it."""

    status = HTTPStatus.NOT_FOUND
    kind = "no-drift-reference"
    title = "No drift reference"

    version: str

    def __str__(self) -> str:
        return (
            f"version {self.version} keeps no reference of drift, so it cannot tell how what is asked "
            "differs from what was learned; train a new version"
        )


@dataclass
class NoDocumentError(ServiceError):
    """A version without a document that people read."""

    status = HTTPStatus.NOT_FOUND
    kind = "no-document"
    title = "No such document"

    version: str
    name: str

    def __str__(self) -> str:
        return f"version {self.version} has no readable {self.name}"


@dataclass
class NoFileError(ServiceError):
    """A path below one of which there are files."""

    status = HTTPStatus.NOT_FOUND
    kind = "not-found"
    title = "Not Found"

    path: str

    def __str__(self) -> str:
        return f"GET {self.path}: no such file"


@dataclass
class RolloutError(ServiceError):
    """Versions that were asked for cannot serve; those that do go on."""

    status = HTTPStatus.CONFLICT
    kind = "rollout"
    title = "Versions not changed"

    problem: str

    def __str__(self) -> str:
        return self.problem
