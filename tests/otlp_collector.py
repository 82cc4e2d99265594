"""A collector of OpenTelemetry on a port of this machine, which decodes what it is sent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collected:
    """What a collector was sent. It answers with `statuses` first, then with 200."""

    def __init__(self) -> None:
        self.endpoint = ""
        self.statuses: list[int] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.messages: list[ExportTraceServiceRequest] = []

    def spans(self, trace_id: str | None = None) -> list[Span]:
        """All spans that were taken, or those of a trace."""
        return [
            span
            for message in list(self.messages)
            for resource in message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
            if trace_id in (None, span.trace_id.hex())
        ]


def attributes(of: Any) -> dict[str, str | int]:
    """Attributes of a span or a resource, by name."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in of.attributes}


@contextmanager
def collecting() -> Iterator[Collected]:
    """Run a collector."""
    collected = Collected()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = collected.statuses.pop(0) if collected.statuses else 200
            collected.paths.append(self.path)
            collected.headers.append({name.lower(): value for name, value in self.headers.items()})
            if status == 200:
                collected.messages.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collected.endpoint = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield collected
        finally:
            server.shutdown()
            thread.join()
