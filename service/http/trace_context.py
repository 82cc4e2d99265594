"""Which trace a request belongs to, as its caller says it (W3C Trace Context), and whether it is recorded."""

import re
from contextvars import ContextVar
from random import getrandbits
from typing import NamedTuple

MOST_RUNS = 32
"""Runs of the model that are recorded of a request; a long table has one for each of its parts."""

_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
_KNOWN_LENGTH = 55
"""Bytes of the header in version 00; a later one may have more."""
_SAMPLED = 1


class TraceContext(NamedTuple):
    """The trace, the caller's span, both in hexadecimal, and whether the caller records it."""

    trace_id: bytes
    span_id: bytes
    sampled: bool


def trace_context(header: bytes | None) -> TraceContext | None:
    """Read the header `traceparent`; None where there is none, or one that is not well-formed."""
    found = None if header is None else _TRACEPARENT.fullmatch(header)
    if found is None or (found[0].startswith(b"00") and len(found[0]) != _KNOWN_LENGTH):
        return None
    return TraceContext(found[1], found[2], bool(int(found[3], 16) & _SAMPLED))


class ModelRun(NamedTuple):
    """A run of the model for a request: since when it was waited for, its begin and end, and its phones.

    Times are those of the monotonic clock.
    """

    asked: float
    began: float
    ended: float
    rows: int
    version: str


class Trace:
    """What is recorded of a request while it is answered; its ids are in hexadecimal.

    `parent_id` is the caller's span, and empty where the trace begins here. `asked` is when it last asked the
    model.
    """

    __slots__ = ("asked", "parent_id", "runs", "span_id", "trace_id")

    def __init__(self, trace_id: bytes, parent_id: bytes, asked: float) -> None:
        self.trace_id = trace_id
        self.span_id = b"%016x" % (getrandbits(64) or 1)
        self.parent_id = parent_id
        self.asked = asked
        self.runs: list[ModelRun] = []

    @classmethod
    def begun(cls, asked: float) -> "Trace":
        """Begin a trace with this request."""
        return cls(b"%032x" % (getrandbits(128) or 1), b"", asked)

    def ran(self, run: ModelRun) -> None:
        """Take note of a run of the model."""
        if len(self.runs) < MOST_RUNS:
            self.runs.append(run)


_trace: ContextVar[Trace | None] = ContextVar("trace", default=None)


def begin(trace: Trace) -> None:
    """Set what is recorded of the request that this task answers."""
    _trace.set(trace)


def current() -> Trace | None:
    """Return what is recorded of the request that this task answers, if anything is."""
    return _trace.get()
