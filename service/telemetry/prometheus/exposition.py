"""All metrics as text: in the format of Prometheus or OpenMetrics, compressed where that is accepted."""

import gzip

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.datastructures import Headers
from starlette.responses import Response

from service.http.accept import weights

_TEXT = {"schema": {"type": "string"}}
CONTENT = {"text/plain": _TEXT, "application/openmetrics-text": _TEXT}
"""The answers in OpenAPI's words."""

_LEVEL = 1
"""Of gzip: the text is a tenth even so, and the event loop waits meanwhile."""


def exposed(registry: CollectorRegistry, headers: Headers) -> Response:
    """Answer a request of these headers."""
    encode, content_type = choose_encoder(headers.get("accept", ""))
    body = encode(registry)
    answered = {"content-type": content_type, "vary": "Accept, Accept-Encoding"}
    if weights(headers.get("accept-encoding", "")).get("gzip"):
        body = gzip.compress(body, _LEVEL)
        answered["content-encoding"] = "gzip"
    return Response(body, headers=answered)
