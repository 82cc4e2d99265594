"""Traces as the settings want them."""

import os
import re
from pathlib import Path

from pricerange.errors import SettingsError
from pricerange.extras import extra
from service.settings import Settings
from service.telemetry.shared_counters import SharedCounters
from service.telemetry.tracing.collector import Collector
from service.telemetry.tracing.counts import Counts
from service.telemetry.tracing.traces import Traces

_HEADER = re.compile(r"([-!#$%&'*+.^`|~\w]+):[ \t]*([\x20-\x7e]*)", re.ASCII)
"""A name, which is a token, and a value (RFC 9110, 5)."""


def traces_of(settings: Settings, counters: SharedCounters) -> Traces | None:
    """Return what takes traced requests, which is to be closed; None where nothing is traced.

    Raises `MissingExtraError`, and `SettingsError` for a file that holds no headers.
    """
    if settings.otlp_endpoint is None:
        return None
    with extra("otel"):
        from service.telemetry.tracing.spans import Spans
    headers = {} if settings.otlp_headers_file is None else _headers(settings.otlp_headers_file)
    return Traces(Spans(os.getpid()), Collector(settings.otlp_endpoint, headers), Counts(counters))


def _headers(path: Path) -> dict[str, str]:
    """Read headers from a file; what is wrong with it is told by line, since a header may be a secret."""
    expected = "a file of headers, each a line `Name: value`"
    try:
        lines = path.read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        found = getattr(error, "strerror", None) or "letters that are not ASCII"
        raise SettingsError("--otlp-headers-file", expected, f"{path}: {found}") from error
    headers = {}
    for number, line in enumerate(lines, 1):
        header = _HEADER.fullmatch(line.strip())
        if header is not None:
            headers[header[1]] = header[2]
        elif line.strip():
            raise SettingsError("--otlp-headers-file", expected, f"{path}: something else in line {number}")
    return headers
