"""Traced requests on their way out: a bounded queue, and a thread that sends their spans.

The event loop puts down what a span is made of, and never waits. What does not fit while a collector is slow
or gone is dropped and counted, and the log says so once.
"""

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from service.http.request_state import RequestState
from service.telemetry.tracing.collector import Collector, NotTakenError
from service.telemetry.tracing.counts import Counts
from service.telemetry.tracing.finished import FinishedRequest
from service.telemetry.trouble import Trouble

if TYPE_CHECKING:
    from service.telemetry.tracing.spans import Spans  # of an extra

log = logging.getLogger(__name__)

MOST_WAITING = 8_192
"""Requests that wait to be sent, about 8 MB; those of a collector that is away for longer are lost."""
LAST_SECONDS = 2.0
"""Seconds that the last spans have when the process ends."""

_PAUSE = 1.0
"""Seconds in which requests gather, unless there are many before."""
_MANY = 512
"""Requests that are sent together."""
_SLICE, _BREATH = 32, 0.0005
"""Requests whose spans are made at a time, and the seconds before the next: the event loop wants the
interpreter's lock, and gets it after 5 ms from a thread that does not let go."""
_AGAIN_AFTER = (1.0, 2.0, 4.0)
"""Seconds before each further attempt to send the same; then it is given up."""


class Traces:
    """Takes traced requests from one thread; another sends their spans."""

    def __init__(self, spans: "Spans", collector: Collector, counts: Counts) -> None:
        self.counts = counts
        self._collector = collector
        self._spans = spans
        self._waiting: deque[FinishedRequest] = deque()
        self._many = threading.Event()
        self._closed = threading.Event()
        self._no_room, self._not_taken = Trouble(log), Trouble(log)
        self._thread = threading.Thread(target=self._send, name="traces", daemon=True)
        self._thread.start()

    def put(self, state: RequestState, seconds: float) -> None:
        """Take a traced request that is answered after so many seconds, or drop it where there is no room."""
        waiting = len(self._waiting)
        if waiting >= MOST_WAITING:
            self.counts.no_room()
            self._no_room.begins("traces are dropped: %d requests wait for the collector", waiting)
            return
        self._waiting.append(FinishedRequest.of(state, seconds))
        if waiting == _MANY:
            self._many.set()

    def close(self) -> None:
        """Send what is left, if the collector takes it at once."""
        self._closed.set()
        self._many.set()
        self._thread.join(LAST_SECONDS)

    def _send(self) -> None:
        while not self._closed.is_set():
            self._many.wait(_PAUSE)
            self._many.clear()
            while self._waiting and self._send_some():
                pass
        self._collector.close()

    def _send_some(self) -> bool:
        """Send the spans of some requests; return whether more than a few are left."""
        taken = 0
        while self._waiting and taken < _MANY:
            some = [self._waiting.popleft() for _ in range(min(_SLICE, len(self._waiting)))]
            self._spans.add(some)
            taken += len(some)
            time.sleep(_BREATH)
        message = self._spans.encoded()
        if self._is_taken(message):
            self.counts.sent(taken)
            self._not_taken.ends("the collector takes traces again")
            self._no_room.ends("traces find room again")
        else:
            self.counts.not_taken(taken)
        return len(self._waiting) >= _MANY or self._closed.is_set()

    def _is_taken(self, message: bytes) -> bool:
        for pause in (*_AGAIN_AFTER, None):
            try:
                self._collector.send(message)
                return True
            except NotTakenError as error:
                self._not_taken.begins("the collector does not take traces: %s", error)
                if pause is None or not error.passes or self._closed.wait(pause):
                    break
        return False
