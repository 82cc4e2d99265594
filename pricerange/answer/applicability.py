"""Whether phones are like those that a version learned from: each value in its range, each row near them.

Outside of that a model still answers, and its probabilities say nothing: it has seen no such phone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, Self

import numpy as np
import numpy.typing as npt

from pricerange.bundle import FeatureRange, Passport
from pricerange.bundle import TrainingRegion as Region
from pricerange.phone import FEATURE_NAMES, Problem

OutOfRange = Literal["answer", "flag", "refuse"]
"""What becomes of a phone unlike those learned from: an answer like any other, one that says so, or none."""
NOTE = (
    "This phone is unlike those that the model learned from: it extrapolates, and its probabilities are not "
    "supported by any data."
)
"""What an answer to such a phone is worth, in words."""

_SIDE_BY_SIDE = 64
_SOLVED_AT_ONCE = 512
"""Rows with unknown values whose equations are solved together: a few megabytes."""
_Rows = npt.NDArray[np.float32]
_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Applicability:
    """How n phones lie to the training rows.

    `outside` bool [n, 20] says of each value whether it lies outside its feature's training range; `distance`
    float64 [n] is that of the row to the training rows, and `far` bool [n] whether it is beyond the limit: 0
    and false where the version knows none. `in_range` bool [n] is true where no value is outside and the row
    is not far. An unknown value, NaN, lies nowhere: it is not outside, and the distance is the least that the
    row could have, whatever it is.
    """

    outside: _Flags
    distance: npt.NDArray[np.float64]
    far: _Flags
    in_range: _Flags

    def part(self, rows: slice | _Flags) -> "Applicability":
        """Return that of some rows."""
        return Applicability(self.outside[rows], self.distance[rows], self.far[rows], self.in_range[rows])

    def features(self, row: int) -> list[str]:
        """Name the features of a row that lie outside their training range."""
        return [FEATURE_NAMES[place] for place in np.flatnonzero(self.outside[row])]


class Judged(Protocol):
    """Rows float32 [n, 20], which of them are phones, and why the others are none."""

    @property
    def rows(self) -> _Rows:
        """All rows, 0 throughout where one is no valid phone."""

    @property
    def valid(self) -> _Flags:
        """Which of them are phones."""

    def problems(self, row: int) -> Iterator[Problem]:
        """Yield what is wrong with a row."""

    def detail(self, row: int) -> str:
        """Say what is wrong with a row in one sentence."""


class TrainingRegion:
    """Where the training rows of a version lie. Safe to be asked by many threads."""

    def __init__(self, ranges: Mapping[str, FeatureRange], region: Region | None) -> None:
        """Take the range of each feature, and what tells the distance of a row, if that is known."""
        lay = [ranges[name] for name in FEATURE_NAMES]
        self.low = np.array([feature.low for feature in lay], np.float32)
        self.high = np.array([feature.high for feature in lay], np.float32)
        self.limit = region.limit if region else None
        if region:
            self._places = np.array([FEATURE_NAMES.index(name) for name in region.features], np.intp)
            self._mean = np.array(region.mean)
            self._whitening = np.array(region.whitening)
            self._mean_of_all = np.zeros(len(FEATURE_NAMES))
            self._mean_of_all[self._places] = self._mean
            self._whitening_of_all = np.zeros((len(FEATURE_NAMES), len(self._places)))
            self._whitening_of_all[self._places] = self._whitening
            self._precision = self._whitening @ self._whitening.T
            self._surely_near = (region.limit * (1 - 1e-6)) ** 2

    @classmethod
    def of_version(cls, passport: Passport) -> Self:
        """Return that of a version."""
        return cls(passport.feature_ranges, passport.training_region)

    def of(self, rows: _Rows) -> Applicability:
        """Judge phones float32 [n, 20] in the table's order, NaN where a value is unknown.

        A row's judgement depends on that row alone.
        """
        outside = self.outside(rows)
        if self.limit is None:
            distance, far = np.zeros(len(rows)), np.zeros(len(rows), np.bool_)
        else:
            distance = self.distance(rows)
            far = distance > self.limit
        return Applicability(outside, distance, far, ~(outside.any(axis=1) | far))

    def details(self, found: Applicability, row: int, phone: _Rows) -> dict[str, object]:
        """Return what JSON says of a row of `found`, whose values are float32 [20]: why it is not in range.

        `distance` is there where it is beyond the limit.
        """
        if found.in_range[row]:
            return {"in_range": True}
        outside = [
            {"feature": name, "value": _plain(value), "low": _plain(low), "high": _plain(high)}
            for name, value, low, high in self._values(found, row, phone)
        ]
        details: dict[str, object] = {"in_range": False, "outside": outside}
        if far := self._far(found, row):
            details["distance"] = dict(zip(("value", "limit"), far, strict=True))
        return {**details, "note": NOTE}

    def problems(self, found: Applicability, row: int, phone: _Rows) -> Iterator[Problem]:
        """Yield why a row of `found` is refused, which is not in range; the pointers begin at the row."""
        for name, value, low, high in self._values(found, row, phone):
            expected = f"expected {_plain(low)} to {_plain(high)}, the training range"
            yield Problem(f"{name}: {expected}, found {_plain(value)}", f"/{name}")
        if far := self._far(found, row):
            yield Problem(f"its distance to the training rows: expected at most {far[1]}, found {far[0]}", "")

    def cause(self, found: Applicability, row: int) -> str:
        """Return what to count a row of `found` by that is refused: its first feature that is outside."""
        return f"{next(iter(found.features(row)), 'combination')}: out of range"

    def holds(self, rows: _Rows) -> bool:
        """Whether all rows are in range for sure: most are, and to know only that takes a tenth of the time.

        Where the answer is no, `of` tells.
        """
        # a value that is clipped is another one, and -0.0 may be too
        if np.minimum(np.maximum(rows, self.low), self.high).tobytes() != rows.tobytes():
            return False
        if self.limit is None:
            return True
        white = (rows - self._mean_of_all) @ self._whitening_of_all
        # BLAS may be off in the last digits
        return bool(np.vecdot(white, white).max(initial=0.0) <= self._surely_near)

    def outside(self, rows: _Rows) -> _Flags:
        """Return bool [n, 20]: which values lie outside the training range of their feature."""
        if len(rows) > _SIDE_BY_SIDE:
            found = np.zeros(rows.shape, np.bool_)
            for k in self._beyond(rows):
                found[:, k] = (rows[:, k] < self.low[k]) | (rows[:, k] > self.high[k])
            return found
        return (rows < self.low) | (rows > self.high)

    def distance(self, rows: _Rows) -> npt.NDArray[np.float64]:
        """Return the Mahalanobis distance of each of n rows to the training rows, float64 [n].

        It counts the features that the model uses (Mahalanobis, "On the Generalised Distance in Statistics",
        1936), of those the known ones. A version without a `limit` has none.
        """
        centred = rows[:, self._places] - self._mean
        # einsum multiplies row by row; BLAS would give a row other bits beside other rows
        white = np.einsum("ij,jk->ik", centred, self._whitening)
        squared: npt.NDArray[np.float64] = np.einsum("ij,ij->i", white, white)
        open_ones = np.flatnonzero(np.isnan(squared))
        for start in range(0, len(open_ones), _SOLVED_AT_ONCE):
            some = open_ones[start : start + _SOLVED_AT_ONCE]
            squared[some] = self._least_squared(centred[some])
        return np.sqrt(squared)

    def _least_squared(self, centred: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the squared distance of rows [n, k] that are NaN where unknown, at its least over these.

        That is the distance over the known features alone, by their own mean and covariance (Schur's
        complement of the precision).
        """
        unknown = np.isnan(centred)
        known = np.where(unknown, 0.0, centred)
        pull = np.einsum("ij,jk->ik", known, self._precision)
        squared = np.einsum("ij,ij->i", known, pull)
        pull[~unknown] = 0.0
        both = unknown[:, :, np.newaxis] & unknown[:, np.newaxis]
        free = np.where(both, self._precision, np.eye(len(self._places)))
        least = squared - np.einsum("ij,ij->i", pull, np.linalg.solve(free, pull[..., np.newaxis])[..., 0])
        found: npt.NDArray[np.float64] = np.maximum(least, 0.0)
        return found

    def _values(
        self, found: Applicability, row: int, phone: _Rows
    ) -> Iterator[tuple[str, np.float32, np.float32, np.float32]]:
        """Yield name, value, low and high of each feature that is outside."""
        for k in np.flatnonzero(found.outside[row]).tolist():
            yield FEATURE_NAMES[k], phone[k], self.low[k], self.high[k]

    def _far(self, found: Applicability, row: int) -> tuple[float, float] | None:
        """Return the distance of a row and the limit where it is beyond that."""
        if self.limit is None or not found.far[row]:
            return None
        return _short(float(found.distance[row])), _short(self.limit)

    def _beyond(self, rows: _Rows) -> npt.NDArray[np.intp]:
        """Return the features of which some value lies outside."""
        # many rows side by side are one long row: the machine compares those faster
        whole = len(rows) // _SIDE_BY_SIDE * _SIDE_BY_SIDE
        beyond = np.zeros(len(FEATURE_NAMES), np.bool_)
        for part, width in ((rows[:whole], _SIDE_BY_SIDE), (rows[whole:], 1)):
            if len(part):
                wide = part.reshape(-1, width * len(FEATURE_NAMES))
                lowest, highest = (side.reshape(width, -1) for side in (wide.min(axis=0), wide.max(axis=0)))
                # not the other way round: NaN, which may hide another value, is within nothing
                beyond |= ~((lowest.min(axis=0) >= self.low) & (highest.max(axis=0) <= self.high))
        return np.flatnonzero(beyond)


class WithinRange:
    """Rows that were judged, of which those that are not in range are no valid phones either."""

    def __init__(self, judged: Judged, region: TrainingRegion) -> None:
        self._judged = judged
        self._region = region
        self._found = region.of(judged.rows)
        self.rows = judged.rows
        self.valid: _Flags = judged.valid & self._found.in_range

    @property
    def phones(self) -> Applicability:
        """How those of the rows lie that are phones, in range or not."""
        return self._found.part(self._judged.valid)

    def problems(self, row: int) -> Iterator[Problem]:
        """Yield what is wrong with a row, value by value; the pointers begin at the row."""
        if not self._judged.valid[row]:
            return self._judged.problems(row)
        return self._region.problems(self._found, row, self.rows[row])

    def detail(self, row: int) -> str:
        """Say what is wrong with a row in one sentence."""
        if not self._judged.valid[row]:
            return self._judged.detail(row)
        return "; ".join(problem.detail for problem in self.problems(row))

    def is_refused(self, row: int) -> bool:
        """Whether a row is a phone, which is not in range."""
        return bool(self._judged.valid[row] and not self._found.in_range[row])


def _plain(value: np.float32) -> float | int:
    """Return a value as people write it: 8192, and 0.1 rather than 0.10000000149011612."""
    number = float(str(value))
    return int(number) if number.is_integer() else number


def _short(distance: float) -> float:
    return float(f"{distance:.6g}")
