"""Spans as OTLP has them, named by OpenTelemetry's semantic conventions for HTTP servers.

They are written into protobuf's own messages. The spans and the encoder of opentelemetry-sdk take ten
times as long, which at 1 % of the requests would cost all of them a tenth of their speed.
"""

from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from random import getrandbits
from socket import gethostname
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
        spans = self._scope.spans
        for request in requests:
            trace_id, span_id = (
                bytes.fromhex(digits.decode()) for digits in (request.trace_id, request.span_id)
            )
            _add_request(spans.add(), request, trace_id, span_id, epoch)
            for run in request.runs:
                _add(spans.add(), _QUEUE, trace_id, span_id, epoch, run.asked, run.began)
                _add(
                    spans.add(),
                    _of_run(run.rows, run.version),
                    trace_id,
                    span_id,
                    epoch,
                    run.began,
                    run.ended,
                )


def _add_request(span: Span, request: FinishedRequest, trace_id: bytes, span_id: bytes, epoch: int) -> None:
    span.CopyFrom(_of_request(request.method, request.route, request.status, request.rejected_as))
    span.trace_id, span.span_id = trace_id, span_id
    span.flags = _SAMPLED | _KNOWS_PARENT
    if request.parent_id:
        span.parent_span_id = bytes.fromhex(request.parent_id.decode())
        span.flags |= _PARENT_IS_REMOTE
    span.start_time_unix_nano = epoch + round(request.began * 1e9)
    span.end_time_unix_nano = epoch + round(request.ended * 1e9)
    span.attributes.append(_text("url.path", request.path[:_MOST_PATH]))
    span.attributes.append(_text("pricerange.request_id", request.request_id.decode()))
    if request.client is not None:
        span.attributes.append(_text("client.address", request.client))


def _add(  # noqa: PLR0913, PLR0917
    span: Span, form: Span, trace_id: bytes, parent: bytes, epoch: int, began: float, ended: float
) -> None:
    span.CopyFrom(form)
    span.trace_id, span.span_id, span.parent_span_id = trace_id, getrandbits(64).to_bytes(8, "big"), parent
    span.start_time_unix_nano = epoch + round(began * 1e9)
    span.end_time_unix_nano = epoch + round(ended * 1e9)


# what many spans have in common is made once, and copied


@lru_cache(maxsize=256)
def _of_request(method: str, route: str, status: int, rejected_as: str | None) -> Span:
    matched = route != UNMATCHED
    span = Span(name=f"{method} {route}" if matched else method, kind=Span.SPAN_KIND_SERVER)
    span.attributes.append(_text("http.request.method", method))
    if matched:
        span.attributes.append(_text("http.route", route))
    if status:
        span.attributes.append(_number("http.response.status_code", status))
    if rejected_as is not None:
        span.attributes.append(_text("error.type", rejected_as))
    if not status or status >= _FIRST_SERVER_ERROR:  # what a client did wrong is no error of a server's span
        span.status.code = Status.STATUS_CODE_ERROR
    return span


@lru_cache(maxsize=256)
def _of_run(rows: int, model_version: str) -> Span:
    span = Span(name="model run", kind=Span.SPAN_KIND_INTERNAL, flags=_SAMPLED | _KNOWS_PARENT)
    span.attributes.append(_number("pricerange.rows", rows))
    span.attributes.append(_text("pricerange.model.version", model_version))
    return span


_QUEUE = Span(name="queue", kind=Span.SPAN_KIND_INTERNAL, flags=_SAMPLED | _KNOWS_PARENT)


def _text(name: str, value: str) -> KeyValue:
    return KeyValue(key=name, value=AnyValue(string_value=value))


def _number(name: str, value: int) -> KeyValue:
    return KeyValue(key=name, value=AnyValue(int_value=value))
