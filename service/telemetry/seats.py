"""What is counted of each model version, by all workers together: a seat of counters for each.

A worker counts in the seats of its own row. Which version has which seat is the same in every worker, so the
rows add up; the first slot of a seat says whose counts it holds, and a version that takes over the seat of
another, long gone, begins with zeros.
"""

from bisect import bisect_left
from math import log

import numpy as np
import numpy.typing as npt

from pricerange.agreement import Agreement
from pricerange.phone import LABELS
from pricerange.predictor import Prediction
from service.telemetry.shared_counters import SharedCounters

SEATS = 16
"""Versions whose counts are kept; how many are loaded at once is bounded far below that."""
RUN_SECONDS = (
    *(0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1),
    *(0.25, 0.5, 1.0, 2.5),
)
"""Upper bounds of the durations that runs of the model are counted by."""
RUN_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16384)
DRIFT_SLOTS = 1_024
"""Slots of a seat that its drift may take."""

_FEW_ROWS = 16
"""Up to here a loop counts the answers of a run faster than NumPy does."""
_CLASSES = len(LABELS)
_OK, _ERROR = 200, 500

_Sums = npt.NDArray[np.float64]


class _Places:
    """Where in a seat each number stands, from its first slot on."""

    version = 0
    answers = 1
    """Phones answered, by price range."""
    errors = answers + _CLASSES
    """Phones whose run of the model failed."""
    requests = errors + 1
    """Requests that were answered, with 200, those that were not, and the seconds that each took."""
    run_seconds = requests + 4
    run_duration = run_seconds + 1
    run_rows = run_duration + len(RUN_SECONDS) + 1
    confident = run_rows + len(RUN_ROWS) + 1
    """Phones in the training range, and the sum of their largest probabilities."""
    pace = confident + 2
    """Beside a canary: runs, and the sum of the logarithms of their nanoseconds."""
    distance = pace + 2
    """Of the phones that the stable version answered too: the sum of the distances, and how often which of
    its answers met which."""
    confusion = distance + 1
    dropped = confusion + _CLASSES * _CLASSES
    """Phones that were to be compared, and found no room."""
    not_compared = dropped + 1
    """Phones that were to be compared, and whose run failed."""
    drift = not_compared + 1
    end = drift + DRIFT_SLOTS


class SeatSums:
    """What all workers have counted of a version."""

    def __init__(self, version: int, sums: _Sums) -> None:
        """Take the numbers of a seat, float64 [_Places.end]."""
        self.version = version
        self._sums = sums

    def _part(self, first: int, count: int) -> _Sums:
        return self._sums[first : first + count]

    @property
    def answers(self) -> _Sums:
        """Phones answered, by price range: float64 [4]."""
        return self._part(_Places.answers, _CLASSES)

    @property
    def errors(self) -> float:
        """Phones whose run of the model failed."""
        return float(self._sums[_Places.errors])

    @property
    def requests(self) -> tuple[float, float, float, float]:
        """Requests that succeeded and their seconds, requests that failed and theirs."""
        ok, seconds, failed, failed_seconds = self._part(_Places.requests, 4).tolist()
        return ok, seconds, failed, failed_seconds

    @property
    def run_seconds(self) -> float:
        """Seconds that the model ran."""
        return float(self._sums[_Places.run_seconds])

    @property
    def run_duration(self) -> _Sums:
        """Runs by their duration, float64 [len(RUN_SECONDS) + 1]."""
        return self._part(_Places.run_duration, len(RUN_SECONDS) + 1)

    @property
    def run_rows(self) -> _Sums:
        """Runs by their rows, float64 [len(RUN_ROWS) + 1]."""
        return self._part(_Places.run_rows, len(RUN_ROWS) + 1)

    @property
    def confident(self) -> tuple[float, float]:
        """Phones in the training range, and the sum of their largest probabilities."""
        rows, confidence = self._part(_Places.confident, 2).tolist()
        return rows, confidence

    @property
    def pace(self) -> tuple[float, float]:
        """Runs beside a canary, and the sum of the natural logarithms of their nanoseconds."""
        runs, logarithms = self._part(_Places.pace, 2).tolist()
        return runs, logarithms

    @property
    def agreement(self) -> Agreement:
        """How it agrees with the stable version, whose answers are the rows; without the largest distance."""
        confusion = self._part(_Places.confusion, _CLASSES * _CLASSES).astype(np.int64)
        distance = float(self._sums[_Places.distance])
        return Agreement(confusion.reshape(_CLASSES, _CLASSES), distance)

    @property
    def dropped(self) -> float:
        """Phones that were to be compared, and found no room."""
        return float(self._sums[_Places.dropped])

    @property
    def not_compared(self) -> float:
        """Phones that were to be compared, and whose run of the model failed."""
        return float(self._sums[_Places.not_compared])


class Seat:
    """The counters of one version in this process."""

    def __init__(self, counters: SharedCounters, first: int, version: int) -> None:
        self.version = version
        self._counters = counters
        self._row = counters.row
        self._first = first
        self._answers = first + _Places.answers
        self._ok = first + _Places.requests
        self._failed = self._ok + 2
        self._run_seconds = first + _Places.run_seconds
        self._run_duration = first + _Places.run_duration
        self._run_rows = first + _Places.run_rows

    @property
    def drift_slots(self) -> int:
        """The first of the slots that drift is counted in."""
        return self._first + _Places.drift

    def held(self) -> npt.NDArray[np.bool_]:
        """Say which processes count this version in the seat, and not another one: bool [processes]."""
        held: npt.NDArray[np.bool_] = self._counters.columns(self._first, 1)[:, 0] == self.version
        return held

    def ran(self, prediction: Prediction, seconds: float) -> None:
        """Count one run of the model and its answers."""
        row, rows = self._row, len(prediction.price_range)
        row[self._run_seconds] += seconds
        row[self._run_duration + bisect_left(RUN_SECONDS, seconds)] += 1
        row[self._run_rows + bisect_left(RUN_ROWS, rows)] += 1
        if rows <= _FEW_ROWS:
            for price_range in prediction.price_range.tolist():
                row[self._answers + price_range] += 1
        else:
            for price_range, count in enumerate(np.bincount(prediction.price_range).tolist()):
                row[self._answers + price_range] += count

    def failed(self, rows: int) -> None:
        """Count the phones of a run that failed."""
        self._row[self._first + _Places.errors] += rows

    def answered(self, status: int, seconds: float) -> None:
        """Count one request that the version answered, and the time that it took."""
        row, place = self._row, self._ok
        if status != _OK:
            place = self._failed
            if status == _ERROR:  # behind the answer, as where reasons are looked for
                self.failed(1)
        row[place] += 1
        row[place + 1] += seconds

    def confident(self, probabilities: npt.NDArray[np.float32], in_range: npt.NDArray[np.bool_]) -> None:
        """Count how sure the answers to those of n phones are that are in the training range."""
        sure = probabilities.max(axis=1)[in_range]
        self._row[self._first + _Places.confident] += len(sure)
        self._row[self._first + _Places.confident + 1] += float(sure.sum(dtype=np.float64))

    def paced(self, seconds: float) -> None:
        """Count how long a run lasted, so that versions can be compared by their geometric means."""
        self._row[self._first + _Places.pace] += 1
        self._row[self._first + _Places.pace + 1] += log(max(1e9 * seconds, 1.0))

    def compared(self, found: Agreement) -> None:
        """Count phones that the stable version answered too: the rows are its answers. Of one thread only."""
        own, first = self._counters.own, self._first
        own[first + _Places.distance] += found.distance_sum
        own[first + _Places.confusion : first + _Places.dropped] += found.confusion.ravel()

    def dropped(self, rows: int) -> None:
        """Count phones that were to be compared, and found no room."""
        self._row[self._first + _Places.dropped] += rows

    def comparison_failed(self, rows: int) -> None:
        """Count phones that were to be compared, and whose run of the model failed. Of one thread only."""
        self._row[self._first + _Places.not_compared] += rows


class Seats:
    """The seats of all versions, in the counters of this process."""

    def __init__(self, counters: SharedCounters) -> None:
        """Take their slots: the first of all that are taken, so that every process finds the same."""
        self._counters = counters
        self._first = counters.take(SEATS * _Places.end)
        self._retired = counters.take(_CLASSES)

    def take(self, number: int, version: int) -> Seat:
        """Return the seat of that number for a version, with its counts so far if it has had it."""
        first = self._first + number * _Places.end
        own = self._counters.own
        if own[first] != version:
            own[self._retired : self._retired + _CLASSES] += own[first + 1 : first + 1 + _CLASSES]
            own[first : first + _Places.end] = 0
            own[first] = version
        return Seat(self._counters, first, version)

    def all(self) -> list[SeatSums]:
        """Add up what all workers have counted, of every version that has a seat; the lowest first."""
        found: dict[int, _Sums] = {}
        for number in range(SEATS):
            columns = self._counters.columns(self._first + number * _Places.end, _Places.drift)
            for version in {int(version) for version in columns[:, 0]} - {0}:
                sums = columns[columns[:, 0] == version].sum(axis=0)
                found[version] = found[version] + sums if version in found else sums
        return [SeatSums(version, found[version]) for version in sorted(found)]

    def of(self, version: int) -> SeatSums:
        """Add up what all workers have counted of one version; zeros if it has no seat."""
        for sums in self.all():
            if sums.version == version:
                return sums
        return SeatSums(version, np.zeros(_Places.drift))

    def retired(self) -> float:
        """Return how many phones were answered by versions that no longer have a seat."""
        return float(self._counters.columns(self._retired, _CLASSES).sum())
