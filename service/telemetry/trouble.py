"""Trouble that may last, or come and go a thousand times a minute: the log says when it begins and ends."""

import logging
from time import monotonic

_PAUSE = 60.0
"""Seconds between two lines that say that it begins."""


class Trouble:
    """Says each once, and less often where there is no end of it."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._said = False
        self._silent_until = 0.0

    def begins(self, message: str, *fields: object) -> None:
        """Say it, unless that was done."""
        if not self._said and monotonic() >= self._silent_until:
            self._said = True
            self._silent_until = monotonic() + _PAUSE
            self._log.warning(message, *fields)

    def ends(self, message: str) -> None:
        """Say that it is over, if it was said that it began."""
        if self._said:
            self._said = False
            self._log.info(message)
