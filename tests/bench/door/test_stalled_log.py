"""Lines of a log, counted."""

import io
import json

from bench.door.stalled_log import Lines


def test_lines_of_requests_and_those_that_are_said_to_be_missing_are_counted():
    lines = [
        {"logger": "service.access", "message": "request"},
        {
            "logger": "service.telemetry.log_queue",
            "message": "7 log lines were dropped: its reader was too slow",
        },
        {"logger": "service.access", "message": "request"},
        {
            "logger": "service.telemetry.log_queue",
            "message": "2 log lines were dropped: its reader was too slow",
        },
    ]
    log = io.BytesIO(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    assert Lines.of(log) == Lines(requests=2, dropped=9)
