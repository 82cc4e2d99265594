"""What can be wrong with a request, one class per cause; `service/problems.py` says how each is answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Self

from pydantic import ValidationError

from pricerange.errors import PriceRangeError
from pricerange.phone import Problem, problems

MOST_PROBLEMS = 100
"""Entries of `errors` in one answer; `detail` says how many there were."""
_MOST_FOUND = 1_000


@dataclass
class InvalidInputError(PriceRangeError):
    """A body that breaks rules of the phone table: `problems` are the first of `count`."""

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
    setting: str = "max_body_bytes"

    def __str__(self) -> str:
        return f"the body is larger than {self.limit} bytes (setting {self.setting})"


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
class MissingKeyError(PriceRangeError):
    """A request without an API key, where one is needed."""

    def __str__(self) -> str:
        return "an API key is needed here: send it as Authorization: Bearer"


@dataclass
class WrongKeyError(PriceRangeError):
    """A request with a key that the service does not know."""

    def __str__(self) -> str:
        return "the key in Authorization: Bearer is not a known one"


@dataclass
class MalformedRequestError(PriceRangeError):
    """Bytes that are no HTTP."""

    def __str__(self) -> str:
        return "this is no HTTP/1.1 request; the connection ends here"


@dataclass
class HeadTooLargeError(PriceRangeError):
    """A request line and headers over the limit of bytes."""

    limit: int

    def __str__(self) -> str:
        return f"the request line and headers are longer than {self.limit} bytes"


@dataclass
class RequestHeaderError(PriceRangeError):
    """A header whose value cannot be what was meant."""

    name: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"the header {self.name} must be {self.expected}, got {self.found!r}"


@dataclass
class SlowSenderError(PriceRangeError):
    """A client that takes too long to send its request."""

    seconds: float
    what: str

    def __str__(self) -> str:
        return f"{self.what} did not arrive within {self.seconds:g} s (setting receive_timeout)"


@dataclass
class DeadlineError(PriceRangeError):
    """A request that could not be answered in the time it had."""

    seconds: float

    def __str__(self) -> str:
        return f"no answer within {self.seconds:g} s (header X-Request-Timeout-Ms or setting request_timeout)"


@dataclass
class OverloadedError(PriceRangeError):
    """More rows wait for the model than the limit."""

    limit: int

    def __str__(self) -> str:
        return f"{self.limit} phones already wait for the model (setting max_queue_rows)"


@dataclass
class NoSpaceError(PriceRangeError):
    """A disk that does not take an answer."""

    folder: str
    reason: str

    def __str__(self) -> str:
        return f"a long answer is kept on the disk until it is complete; {self.folder}: {self.reason}"


@dataclass
class NotReadyError(PriceRangeError):
    """The service is starting or draining."""

    state: str

    def __str__(self) -> str:
        return f"the service is {self.state}"
