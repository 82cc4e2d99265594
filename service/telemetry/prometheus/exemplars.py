"""Exemplars of a histogram: which trace fell into a bucket last, of all workers."""

from time import time

import numpy as np
import numpy.typing as npt
from prometheus_client.samples import Exemplar

from service.telemetry.shared_counters import SharedCounters

_SLOTS = 5
"""Of each bucket: when, the value, and the trace's 128 bits in three parts, which a float64 holds."""
_BITS = 48
_PART = (1 << _BITS) - 1


class Exemplars:
    """A row of buckets in the counters, each with the last trace that this process has seen there."""

    def __init__(self, counters: SharedCounters, buckets: int) -> None:
        self._counters = counters
        self._row = counters.row
        self._buckets = buckets
        self._first = counters.take(buckets * _SLOTS)

    def put(self, bucket: int, trace_id: bytes, value: float) -> None:
        """Keep a trace, by its id in hexadecimal, in the place of the one before."""
        row, first = self._row, self._first + bucket * _SLOTS
        number = int(trace_id, 16)
        row[first] = 0.0  # who reads meanwhile sees that there is none
        row[first + 1] = value
        row[first + 2] = number >> 2 * _BITS
        row[first + 3] = number >> _BITS & _PART
        row[first + 4] = number & _PART
        row[first] = time()

    def newest(self) -> list[Exemplar | None]:
        """Return the last of each bucket, of all processes."""
        found = self._read()
        # what is written right now is no exemplar yet
        steady = (found == self._read()).all(axis=2) & (found[:, :, 0] > 0)
        return [_newest(found[steady[:, bucket], bucket]) for bucket in range(self._buckets)]

    def _read(self) -> npt.NDArray[np.float64]:
        """Return float64 [processes, buckets, _SLOTS]."""
        columns = self._counters.columns(self._first, self._buckets * _SLOTS)
        return columns.reshape(len(columns), self._buckets, _SLOTS)


def _newest(found: npt.NDArray[np.float64]) -> Exemplar | None:
    if not len(found):
        return None
    when, value, *parts = found[found[:, 0].argmax()].tolist()
    high, middle, low = map(int, parts)
    number = (high << _BITS | middle) << _BITS | low
    return Exemplar({"trace_id": f"{number:032x}"}, value, when)
