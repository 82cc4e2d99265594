"""Which trace a request belongs to, as its caller says it (W3C Trace Context, Level 1)."""

import re
from typing import NamedTuple

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
