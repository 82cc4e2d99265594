"""One line of the log: a JSON object in ASCII, so that nothing in it moves a cursor or hides text."""

import json
import time
from collections.abc import Mapping
from typing import Any

_DEL = "\x7f"


class _Clock:
    """Wall-clock time as ISO 8601 in UTC with milliseconds, each of which is written once."""

    def __init__(self) -> None:
        self._last = (-1, b"")

    def text(self, now: float) -> bytes:
        millisecond = int(now * 1000)
        last, text = self._last
        if millisecond == last:
            return text
        second, rest = divmod(millisecond, 1000)
        text = b"%b.%03d+00:00" % (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode(), rest)
        self._last = millisecond, text  # in one step: several threads ask
        return text


timestamp = _Clock().text


def quoted(text: str) -> bytes:
    """Write a text as a JSON string of printable ASCII."""
    return json.dumps(text).replace(_DEL, "\\u007f").encode()


def formatted(
    level: str, logger: str, message: str, fields: Mapping[str, Any], now: float | None = None
) -> bytes:
    """Write a line, with its newline."""
    begin = {"level": level, "logger": logger, "message": message, **fields}
    rest = json.dumps(begin, default=str, separators=(",", ":")).replace(_DEL, "\\u007f").encode()
    return b'{"time":"%b",%b\n' % (timestamp(time.time() if now is None else now), rest[1:])
