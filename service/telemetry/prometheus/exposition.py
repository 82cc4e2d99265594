"""All metrics as text: in the format of Prometheus or OpenMetrics, compressed where that is accepted."""

import gzip

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics import exposition as openmetrics
from starlette.datastructures import Headers
from starlette.responses import Response

from service.http.accept import weights

_OPENMETRICS = "application/openmetrics-text"
_TEXT = {"schema": {"type": "string"}}
CONTENT = {"text/plain": _TEXT, _OPENMETRICS: _TEXT}
"""The answers in OpenAPI's words."""

_TEXT_RANGES = ("text/plain", "text/*", "*/*")

_LEVEL = 1
"""Of gzip: the text is a tenth even so, and the event loop waits meanwhile."""


def exposed(registry: CollectorRegistry, headers: Headers) -> Response:
    """Answer a request of these headers."""
    if _prefers_openmetrics(headers.get("accept", "")):
        body, content_type = openmetrics.generate_latest(registry), openmetrics.CONTENT_TYPE_LATEST
    else:
        body, content_type = generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4
    answered = {"content-type": content_type, "vary": "Accept, Accept-Encoding"}
    if weights(headers.get("accept-encoding", "")).get("gzip"):
        body = gzip.compress(body, _LEVEL)
        answered["content-encoding"] = "gzip"
    return Response(body, headers=answered)


def _prefers_openmetrics(accept: str) -> bool:
    """Return whether OpenMetrics is named, and nothing that the other text is has more weight.

    Versions and ways to escape are not looked at: there is one of each, and no name that needs to be escaped.
    """
    accepted = weights(accept)
    text = next((accepted[name] for name in _TEXT_RANGES if name in accepted), 0.0)
    return 0 < accepted.get(_OPENMETRICS, 0.0) >= text
