"""Spans as OTLP has them, named by OpenTelemetry's semantic conventions for HTTP servers.

protobuf's own messages are made once for spans that are alike. The spans and the encoder of opentelemetry-sdk
take thirty times as long, which at 1 % of the requests would cost all of them a tenth of their speed.
"""

from binascii import a2b_hex
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from random import getrandbits
from socket import gethostname
from struct import pack
from time import monotonic_ns, time_ns

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span, Status

from service.http.request_state import UNMATCHED
from service.telemetry.tracing.finished import FinishedRequest

SERVICE = "pricerange"

_SAMPLED, _KNOWS_PARENT, _PARENT_IS_REMOTE = 0x1, 0x100, 0x200
"""Flags of a span (opentelemetry-proto, SpanFlags)."""
_FIRST_SERVER_ERROR = 500
_MOST_PATH = 256
"""Characters of a path that a span has."""


class Spans:
    """Spans of finished requests, which become one request to a collector."""

    def __init__(self, process: int) -> None:
        """Begin with none; they are those of a process."""
        self._request = ExportTraceServiceRequest()
        of_process = self._request.resource_spans.add()
        host = gethostname()
        of_process.resource.attributes.extend(
            [
                _text("service.name", SERVICE),
                _text("service.version", version("pricerange")),
                _text("service.instance.id", f"{host}-{process}"),
                _text("host.name", host),
                _number("process.pid", process),
            ]
        )
        self._scope: ScopeSpans = of_process.scope_spans.add()
        self._scope.scope.name = SERVICE

    def encoded(self) -> bytes:
        """Return all of them as a message of OTLP, and begin anew."""
        message: bytes = self._request.SerializeToString()
        del self._scope.spans[:]
        return message

    def add(self, requests: Sequence[FinishedRequest]) -> None:
        """Make the spans of requests: one for each, and two for each run of the model."""
        epoch = time_ns() - monotonic_ns()
        spans = []
        for request in requests:
            trace_id, span_id, parent_id = map(
                a2b_hex, (request.trace_id, request.span_id, request.parent_id)
            )
            form = _of_request(
                request.method,
                request.route,
                request.path[:_MOST_PATH],
                request.status,
                request.rejected_as,
                request.client,
                bool(parent_id),
                len(request.request_id),
            )
            period = _period(epoch, request.began, request.ended)
            spans.append(form % (trace_id, span_id, parent_id, *period, request.request_id))
            for run in request.runs:
                for form, began, ended in (
                    (_QUEUE, run.asked, run.began),
                    (_of_run(run.rows, run.version), run.began, run.ended),
                ):
                    its_id = getrandbits(64).to_bytes(8, "big")
                    spans.append(form % (trace_id, its_id, span_id, *_period(epoch, began, ended), b""))
        self._scope.MergeFromString(b"".join(spans))


def _period(epoch: int, began: float, ended: float) -> tuple[bytes, bytes]:
    """Return the nanoseconds of two times as a span's bytes have them."""
    return pack("<Q", epoch + round(began * 1e9)), pack("<Q", epoch + round(ended * 1e9))


# What differs from one span to the next has a fixed length. So the bytes of a span are made once, with marks
# in these places; spans are made by filling them in. Those of ids and times are not UTF-8, as all texts are.

_TRACE_ID, _SPAN_ID, _PARENT_ID = b"\xf8" * 16, b"\xf9" * 8, b"\xfa" * 8
_BEGAN, _ENDED = b"\xfb" * 8, b"\xfc" * 8
_ID_MARK = "\x7f"
"""Of each character of a request's id, none of which it can be."""


@lru_cache(maxsize=256)
def _of_request(  # noqa: PLR0913, PLR0917
    method: str,
    route: str,
    path: str,
    status: int,
    rejected_as: str | None,
    client: str | None,
    has_parent: bool,
    id_length: int,
) -> bytes:
    matched = route != UNMATCHED
    span = Span(name=f"{method} {route}" if matched else method, kind=Span.SPAN_KIND_SERVER)
    span.flags = _SAMPLED | _KNOWS_PARENT | (_PARENT_IS_REMOTE if has_parent else 0)
    request_id = _ID_MARK * id_length
    span.attributes.append(_text("pricerange.request_id", request_id))
    span.attributes.append(_text("http.request.method", method))
    if matched:
        span.attributes.append(_text("http.route", route))
    if status:
        span.attributes.append(_number("http.response.status_code", status))
    if rejected_as is not None:
        span.attributes.append(_text("error.type", rejected_as))
    span.attributes.append(_text("url.path", path))
    if client is not None:
        span.attributes.append(_text("client.address", client))
    if not status or status >= _FIRST_SERVER_ERROR:  # what a client did wrong is no error of a server's span
        span.status.code = Status.STATUS_CODE_ERROR
    return _form(span, _PARENT_ID if has_parent else b"", request_id.encode())


@lru_cache(maxsize=256)
def _of_run(rows: int, model_version: str) -> bytes:
    attributes = _number("pricerange.rows", rows), _text("pricerange.model.version", model_version)
    return _inside("model run", attributes)


def _inside(name: str, attributes: Sequence[KeyValue] = ()) -> bytes:
    """Return the form of a span of what is done for a request."""
    flags = _SAMPLED | _KNOWS_PARENT
    return _form(
        Span(name=name, kind=Span.SPAN_KIND_INTERNAL, flags=flags, attributes=attributes), _PARENT_ID, b""
    )


def _form(span: Span, parent_id: bytes, request_id: bytes) -> bytes:
    """Return the bytes of a span in its scope, all ids, its begin and its end left open."""
    span.trace_id, span.span_id, span.parent_span_id = _TRACE_ID, _SPAN_ID, parent_id
    span.start_time_unix_nano, span.end_time_unix_nano = (
        int.from_bytes(mark, "little") for mark in (_BEGAN, _ENDED)
    )
    rest: bytes = ScopeSpans(spans=[span]).SerializeToString()
    form = b""
    for mark in (_TRACE_ID, _SPAN_ID, parent_id, _BEGAN, _ENDED, request_id):
        before, _, rest = rest.partition(mark) if mark else (b"", b"", rest)
        form += before.replace(b"%", b"%%") + b"%b"
    return form + rest.replace(b"%", b"%%")


_QUEUE = _inside("queue")


def _text(name: str, value: str) -> KeyValue:
    return KeyValue(key=name, value=AnyValue(string_value=value))


def _number(name: str, value: int) -> KeyValue:
    return KeyValue(key=name, value=AnyValue(int_value=value))
