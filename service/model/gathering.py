"""Requests that arrive one in each iteration of the event loop: a run of the model waits while they do."""

_IDLE = 5
"""Iterations without another one after which nobody is waited for: some 20 microseconds."""
_OF_ONE = 2
"""Signs of a request: that it comes, and that it is here."""
_MOST = 128
"""Signs of requests for which one run waits."""


class Gathering:
    """Says whether more requests are on their way.

    gRPC's library takes in one call in an iteration of the event loop, and its message in a later one, so
    that each of 32 calls would have a run of its own, which takes several times what all else does. Whatever
    arrives is noted; a run begins once nothing does any more. Who asks alone, one request after the other,
    waits for nothing.
    """

    __slots__ = ("_alone", "_idle", "_noted", "_seen", "_served")

    def __init__(self) -> None:
        self._noted = 0
        self._seen = 0
        self._served = 0
        self._idle = 0
        self._alone = True

    def note(self) -> None:
        """Take note of a sign of a request."""
        self._noted += 1

    def goes_on(self) -> bool:
        """Return whether a run is to wait for another iteration; asked once in each."""
        noted = self._noted
        new = noted - self._served
        if not new:
            return False
        if noted != self._seen:
            self._seen = noted
            self._idle = 0
        else:
            self._idle += 1
        alone = new <= _OF_ONE
        if not (alone and self._alone) and self._idle < _IDLE and new < _MOST:
            return True
        self._served = noted
        self._alone = alone
        return False
