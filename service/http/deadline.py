"""How long a request may take: what its X-Request-Timeout-Ms says, else the setting."""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import NamedTuple

from service.errors import DeadlineError, RequestHeaderError

_HEADER = b"x-request-timeout-ms"
_MILLISECONDS = re.compile(rb"[1-9][0-9]{0,8}")
_MOST_MILLISECONDS = 3_600_000


class Deadline(NamedTuple):
    """What a request may take: seconds, until when on the monotonic clock, and whether the client said so."""

    seconds: float
    when: float
    asked: bool

    def error(self) -> DeadlineError:
        """Say that the request was too slow."""
        return DeadlineError(self.seconds)


_deadline: ContextVar[Deadline] = ContextVar("deadline")


def of(headers: Mapping[bytes, bytes], default: float, began: float) -> Deadline:
    """Return the deadline of a request that began at a time. Raises `RequestHeaderError`."""
    if _HEADER not in headers:
        return Deadline(default, began + default, False)
    seconds = _asked(headers[_HEADER])
    return Deadline(seconds, began + seconds, True)


def begin(deadline: Deadline) -> None:
    """Set the deadline of the request that this task answers."""
    _deadline.set(deadline)


def renew(now: float) -> None:
    """Give a request without end its time again, after each part; what the client asked for stays."""
    deadline = _deadline.get()
    if not deadline.asked:
        _deadline.set(deadline._replace(when=now + deadline.seconds))


def current() -> Deadline:
    """Return the deadline of the request that this task answers."""
    return _deadline.get()


def _asked(value: bytes) -> float:
    if not _MILLISECONDS.fullmatch(value) or int(value) > _MOST_MILLISECONDS:
        expected = f"a whole number of milliseconds from 1 to {_MOST_MILLISECONDS}"
        raise RequestHeaderError("X-Request-Timeout-Ms", expected, value.decode("latin-1")[:40])
    return int(value) / 1000
