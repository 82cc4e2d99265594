"""Logging: one JSON object a line on standard output, through a queue."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from service.telemetry.log_line import formatted
from service.telemetry.log_queue import LogQueue

_LAST_SECONDS = 1.0
"""Seconds that a slow reader of the log has for the last lines."""


class QueueHandler(logging.Handler):
    """Writes a record, and the `fields` that came with it, into the queue."""

    def __init__(self, queue: LogQueue) -> None:
        super().__init__()
        self._queue = queue
        self._tracebacks = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the line."""
        fields = dict(getattr(record, "fields", {}))
        if record.exc_info:
            fields["traceback"] = self._tracebacks.formatException(record.exc_info)
        level = record.levelname.lower()
        self._queue.put(formatted(level, record.name, record.getMessage(), fields, record.created))


@contextmanager
def to_queue(level: str) -> Iterator[LogQueue]:
    """Send every logger's lines to a queue, which is written out at the end."""
    queue = LogQueue()
    root = logging.getLogger()
    root.handlers[:] = [QueueHandler(queue)]
    root.setLevel(level.upper())
    try:
        yield queue
    finally:
        queue.close(_LAST_SECONDS)
