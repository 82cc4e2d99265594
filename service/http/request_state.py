"""What the service knows of a request, from its head to the end of its answer."""

import itertools
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from random import random
from time import monotonic
from typing import TYPE_CHECKING, Protocol, cast

from starlette.types import Scope

from pricerange.errors import PriceRangeError
from service.http.budget import MemoryBudget
from service.http.cors import Cors
from service.http.framing.head import Head
from service.http.trace_context import Trace, trace_context

if TYPE_CHECKING:
    from service.http.keys.key import Key

UNMATCHED = "unmatched"
"""Route of a request that no route takes."""

_KEY = "pricerange.request_state"
_CACHE = b"cache-control"
_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")


def lines_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Write headers as they are sent, each a line with its end."""
    return b"".join(b"%b: %b\r\n" % header for header in headers)


class ResponseWriter(Protocol):
    """What a connection does beyond ASGI, where a body and an answer in parts cost as much as the model."""

    def take_body(self) -> bytearray | None:
        """Return the body if all of it is here, else None: it is to be received part by part."""

    def write(self, status: int, header_lines: bytes, body: bytes) -> None:
        """Write a whole answer. The headers are taken as they are, `content-length` must be one of them."""


class Answerer(Protocol):
    """A model version that answers requests, as far as these are counted."""

    version: int

    def answered(self, status: int, seconds: float) -> None:
        """Count one that it has answered, and the time that it took."""


@dataclass(slots=True, eq=False)
class RequestState:
    """A request and how far it is.

    `requests` is what it has in common with all others. `began` is a time of the monotonic clock. `writer`
    writes an answer that is known as a whole, and is let go with it. `status` is 0 until an answer is begun,
    and where it broke off; `rejected_as` names the kind of problem where it is a rejection. `failure` is why
    the rest of a body will not come, `disconnected` says that nobody waits for the answer any more.
    `received` bytes of a body that is read part by part have come. `held` bytes of the budget are the
    request's. `key` is its API key, `answerer` the version that answers it, once that is known, and `trace`
    what is recorded of it, where it is traced.
    """

    requests: "Requests"
    head: Head
    client: str | None
    request_id: bytes
    began: float
    writer: ResponseWriter | None
    route: str = UNMATCHED
    status: int = 0
    rejected_as: str | None = None
    failure: PriceRangeError | None = None
    recorded: bool = False
    disconnected: bool = False
    received: int = 0
    held: int = 0
    key: "Key | None" = None
    answerer: Answerer | None = None
    trace: Trace | None = None

    @staticmethod
    def of(scope: Mapping[str, object]) -> "RequestState":
        """Return the state of a request that is an ASGI scope."""
        return cast("RequestState", scope[_KEY])

    def travel_in(self, scope: Scope) -> None:
        """Have `of` find the state in a scope."""
        scope[_KEY] = self

    def trace_id(self) -> bytes | None:
        """Return the trace that the request belongs to, in hexadecimal, if it is known."""
        if self.trace is not None:
            return self.trace.trace_id
        context = trace_context(self.head.traceparent)
        return None if context is None else context.trace_id

    def ids(self) -> dict[str, str]:
        """Return what names the request, for lines of the log and bodies of errors."""
        ids = {"request_id": self.request_id.decode()}
        trace_id = self.trace_id()
        return ids if trace_id is None else {**ids, "trace_id": trace_id.decode()}

    def matched(self, scope: Scope) -> None:
        """Note which route the router has found, if any."""
        if "route" in scope:
            self.route = getattr(scope["route"], "path", UNMATCHED)
        elif "endpoint" in scope:  # a route of Starlette's own, as that of /docs
            self.route = self.head.path

    def record(self) -> None:
        """Count and log the request, once."""
        self.requests.record(self)

    def hold(self, size: int) -> None:
        """Take bytes of memory for the request until it is answered. Raises `MemoryBudgetError`."""
        self.requests.budget.take(size)
        self.held += size

    def release(self, size: int | None = None) -> None:
        """Give bytes back, all that the request holds if no number is given."""
        if size is None:
            size = self.held
        if size:
            self.held -= size
            self.requests.budget.give(size)

    def begin_answer(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Note the status of the answer, and append to its headers what every answer has."""
        self.status = status
        headers += self.head.shared or ()
        if self.head.method != "POST" and all(name != _CACHE for name, _ in headers):
            headers.append((_CACHE, b"no-store"))
        headers.append((b"x-request-id", self.request_id))

    def break_off(self) -> None:
        """Note that an answer does not get to its end; that its client left is no failure of ours."""
        if not self.disconnected:
            self.status = 0

    def answer(self, status: int, header_lines: bytes, body: bytes) -> None:
        """Record the request and write a whole answer: none is without its count."""
        writer = self.writer
        self.status = status
        self.requests.record(self)
        if self.head.shared:
            header_lines += lines_of(self.head.shared)
        # what tells a state is out of date the moment it is told; to a POST, nobody keeps the answer anyway
        if self.head.method != "POST" and _CACHE not in header_lines:
            header_lines += b"cache-control: no-store\r\n"
        if writer is not None:
            writer.write(status, b"%bx-request-id: %b\r\n" % (header_lines, self.request_id), body)


class Requests:
    """Makes the state of each request of this process.

    `receive_timeout` is the seconds that a sender gets for each piece of a body; `record` counts and logs a
    request, once. `trace_sample` is the share of them to trace, of those whose callers leave that open; None
    traces none. `cors` says which pages of others may read answers. `traced` are under way, so that who looks
    for one among many need not where there is none.
    """

    def __init__(
        self,
        receive_timeout: float,
        budget: MemoryBudget,
        record: Callable[[RequestState], None],
        trace_sample: float | None = None,
        cors: Cors | None = None,
    ) -> None:
        self.receive_timeout = receive_timeout
        self.budget = budget
        self.record = record
        self.cors = cors
        self.traced = 0
        self._trace_sample = trace_sample
        self._ids_begin = secrets.token_hex(10).encode()
        self._ids_end = itertools.count()

    def open(self, head: Head, client: str | None, writer: ResponseWriter | None) -> RequestState:
        """Make the state of a request that begins now."""
        given = head.by_name.get(b"x-request-id")
        if given is None or not _REQUEST_ID.fullmatch(given):
            given = b"%b%012x" % (self._ids_begin, next(self._ids_end))
        if head.shared is None:
            head.shared = () if self.cors is None else self.cors.headers(head)
        state = RequestState(self, head, client, given, monotonic(), writer)
        share = self._trace_sample
        if share is not None and (head.traceparent is not None or random() < share):
            self._trace(state, share)
        return state

    def _trace(self, state: RequestState, share: float) -> None:
        """Trace a request that may be: where there is a caller, it decides."""
        caller = trace_context(state.head.traceparent)
        if caller is None:
            # what is not well-formed is as if it were not there
            if state.head.traceparent is None or random() < share:
                state.trace = Trace.begun(state.began)
        elif caller.sampled:
            state.trace = Trace(caller.trace_id, caller.span_id, state.began)
        self.traced += state.trace is not None
