"""The smallest change of two features: one is tried at some values, the other changed to the exact step.

Around the best of these the first is tried again at values closer and closer together, in the end at every
step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from pricerange.answer.change.lattice import Floats, Ints, Rows
from pricerange.answer.change.nearest import NONE, Neighbourhood, Places, Search, Sides, nearest, scanned

_FIRST_POINTS = 12
"""Values of the first feature that are tried on each side of the phone's own."""
_SECOND_POINTS = 8
"""Values of the second that are looked at on each side, for each of those."""
_MOST_BRACKETS = 256
"""Pairs of values between which the second is bisected, of all pairs of features together."""
_REFINED = 4
"""Pairs of features that are looked at more closely."""
_CLOSER = 8
"""How many times closer together the values of the first stand in each round."""


@dataclass(frozen=True, slots=True)
class _Values:
    """n values of first features: their lines, their offsets there, and how far apart those are."""

    line: Ints
    offset: Ints
    apart: Ints

    def part(self, which: npt.NDArray[np.integer]) -> "_Values":
        return _Values(self.line[which], self.offset[which], self.apart[which])


@dataclass(frozen=True, slots=True)
class _Tried:
    """n values of first features that together with one of the second give what is wanted, the best first.

    `phone` float32 [n, 20] are the changed phones, `size` float64 [n] how large each change is.
    """

    values: _Values
    phone: Rows
    size: Floats

    def best_of(self, groups: Ints, most: int) -> _Values:
        """Return the best value of each group, of so many groups."""
        _, first = np.unique(groups, return_index=True)
        return self.values.part(np.sort(first)[:most])


class Pairs:
    """All pairs of some features, given by their places."""

    def __init__(self, around: Neighbourhood, places: Sequence[int], sides: Sides) -> None:
        length = around.lattice.last - around.lattice.first
        # bisection takes the longer one in few steps
        pairs = [sorted(pair, key=lambda place: length[place]) for pair in combinations(places, 2)]
        first, second = np.array(pairs, np.intp).reshape(-1, 2).T
        self._around = around
        self._sides = sides
        self._firsts = around.both_ways(first)
        self._second: Places = np.repeat(second, 2)

    def nearest(self) -> Search[tuple[Rows, float] | None]:
        """Return the phone, float32 [20], to which the smallest change leads, and the size of that."""
        tried = yield from self._try(self._coarse())
        if not len(tried.size):
            return None
        best = tried.phone[0], float(tried.size[0])
        around = tried.best_of(tried.values.line // 2, _REFINED)
        while around.apart.max(initial=0) > 1:
            tried = yield from self._try(self._closer(around))
            if len(tried.size) and tried.size[0] < best[1]:
                best = tried.phone[0], float(tried.size[0])
            around = tried.best_of(tried.values.line, _REFINED)
        return best

    def _coarse(self) -> _Values:
        line = np.flatnonzero(self._firsts.count)
        offsets = scanned(self._firsts.count[line], _FIRST_POINTS)
        step = np.diff(offsets, axis=1, prepend=-1)
        apart = np.maximum(step, np.roll(step, -1, axis=1))
        fresh = step > 0
        return _Values(np.repeat(line, fresh.sum(axis=1)), offsets[fresh], apart[fresh])

    def _closer(self, around: _Values) -> _Values:
        """Return values between those that were tried."""
        apart = -(-around.apart // _CLOSER)
        beside = np.arange(-_CLOSER, _CLOSER + 1)
        offset = (around.offset[:, np.newaxis] + beside * apart[:, np.newaxis]).ravel()
        values = _Values(np.repeat(around.line, len(beside)), offset, np.repeat(apart, len(beside)))
        return values.part(np.flatnonzero((offset >= 0) & (offset < self._firsts.count[values.line])))

    def _try(self, values: _Values) -> Search[_Tried]:
        """Change the second feature as little as is needed with each of these values of the first."""
        firsts, offsets = self._firsts.part(values.line), values.offset[:, np.newaxis]
        changed = np.ravel(firsts.sizes(values.offset))
        seconds = self._around.both_ways(self._second[values.line], firsts.rows(offsets), changed)
        number = np.repeat(np.arange(len(values.line)), 2)
        # small changes first: what is larger than one that is found is not looked at
        order = np.argsort(seconds.before, kind="stable")
        order = order[seconds.count[order] > 0]
        seconds, number = seconds.part(order), number[order]
        found = yield from nearest(seconds, self._sides, _SECOND_POINTS, _MOST_BRACKETS)
        hits = np.flatnonzero(found != NONE)
        hit = seconds.part(hits)
        size = hit.sizes(found[hits])
        best = np.argsort(size, kind="stable")
        phones = hit.rows(found[hits, np.newaxis])
        return _Tried(values.part(number[hits][best]), phones[best], size[best])
