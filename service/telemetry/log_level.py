"""The lowest level that is logged: one for all processes, which the parent changes while they run."""

import logging
from collections.abc import Callable

from service.telemetry.shared_counters import Gauge, SharedCounters

log = logging.getLogger(__name__)

_LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)


class LogLevel:
    """A number in the counters of the parent, or of the only process, which every process follows."""

    def __init__(self, counters: SharedCounters, changed: Callable[[int], None] | None = None) -> None:
        """Call `changed` with each level that is followed, as `logging` numbers it."""
        self._row = counters.of_parent
        self._changed = changed
        self._followed = logging.NOTSET

    def begin(self, level: str) -> None:
        """Set the level by its name."""
        self._row[Gauge.LOG_LEVEL] = logging.getLevelNamesMapping()[level.upper()]

    def change(self, steps: int) -> None:
        """Log more, where there are steps below 0, or less; from now on in this process, soon in all."""
        place = _LEVELS.index(int(self._row[Gauge.LOG_LEVEL])) + steps
        level = _LEVELS[min(max(place, 0), len(_LEVELS) - 1)]
        self._row[Gauge.LOG_LEVEL] = level
        logging.getLogger().setLevel(level)
        log.log(max(level, logging.WARNING), "log level: %s", logging.getLevelName(level).lower())

    def follow(self) -> None:
        """Log from the level on that is wanted now; to be called every now and then."""
        level = int(self._row[Gauge.LOG_LEVEL])
        if level != self._followed:
            self._followed = level
            logging.getLogger().setLevel(level)
            if self._changed is not None:
                self._changed(level)
