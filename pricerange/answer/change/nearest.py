"""How far a feature must be changed until the model gives another answer: many such questions at once.

A search is a generator: it yields phones to be asked about, at most `BLOCK_ROWS` of them, and is sent their
answers. Whoever runs it decides when and where: at once, or each block in a time slice of a service.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from pricerange.answer.change.lattice import Floats, Ints, Lattice, Rows, steps_of, values_of
from pricerange.predictor import BLOCK_ROWS, Prediction, Predictor

T = TypeVar("T")
Search: TypeAlias = Generator[Rows, Prediction, T]

Places = npt.NDArray[np.intp]
Sides: TypeAlias = "Callable[[Rows, Prediction], Ints]"
"""Says of n phones where their answers lie: 0 as wanted, else by a number which side of that."""

NONE = -1
"""Offset of a line on which nothing is found."""


def run(search: Search[T], predictor: Predictor) -> T:
    """Run a search to its end."""
    try:
        rows = next(search)
        while True:
            rows = search.send(predictor.predict(rows))
    except StopIteration as end:
        found: T = end.value
        return found


@dataclass(frozen=True, slots=True)
class Lines:
    """n ways to change phones: each row of `base`, float32 [n, 20], in the feature at its place, by steps.

    The k-th value of a line, from 0, is `near + k * direction` steps, and there are `count`. `before` is the
    size of what the base changes already, `gap` how far the first value is away from the phone's own,
    `spread` what such a distance is measured in; both in steps.
    """

    base: Rows
    place: Places
    near: Ints
    direction: Ints
    count: Ints
    before: Floats
    gap: Floats
    spread: Floats

    def part(self, which: npt.NDArray[np.integer]) -> "Lines":
        """Return some of them."""
        return Lines(*(getattr(self, name)[which] for name in self.__slots__))

    def rows(self, offsets: Ints) -> Rows:
        """Return the phones at offsets int64 [n, m] of each line, float32 [n * m, 20]; the base at -1."""
        wide = offsets.shape[1]
        every = np.repeat(np.arange(len(self.place)), wide)
        rows, flat = self.base[every], offsets.ravel()
        places = self.place[every]
        values = values_of(places, self.near[every] + flat * self.direction[every])
        moved = np.flatnonzero(flat != NONE)
        rows[moved, places[moved]] = values[moved]
        return rows

    def sizes(self, offsets: Ints) -> Floats:
        """Return how large the change at an offset of each line is; at -1 that of the base."""
        sizes: Floats = np.where(
            offsets == NONE, self.before, np.hypot(self.before, (self.gap + offsets) / self.spread)
        )
        return sizes


class Neighbourhood:
    """All that a phone, float32 [20], may become, counted from its own values."""

    def __init__(self, phone: Rows, lattice: Lattice, spread: Floats) -> None:
        """Take the values that there are, and how far each feature spreads, float64 [20] in steps."""
        self.phone = phone
        self.lattice = lattice
        self._own = steps_of(phone)
        self._spread = spread

    def both_ways(self, place: Places, base: Rows | None = None, before: Floats | None = None) -> Lines:
        """Lead from n phones down (even lines) and up (odd ones), perhaps to nothing: 2 n lines.

        The phones are rows of `base`, which changes as much as `before` says, or else this phone.
        """
        if base is None or before is None:
            base, before = np.repeat(self.phone[np.newaxis], len(place), axis=0), np.zeros(len(place))
        place = np.repeat(place, 2)
        down = np.arange(len(place)) % 2 == 0
        own, first, last = self._own[place], self.lattice.first[place], self.lattice.last[place]
        below = np.minimum(np.ceil(own).astype(np.int64) - 1, last)
        above = np.maximum(np.floor(own).astype(np.int64) + 1, first)
        near = np.where(down, below, above)
        return Lines(
            np.repeat(base, 2, axis=0),
            place,
            near,
            np.where(down, -1, 1),
            np.maximum(np.where(down, below - first, last - above) + 1, 0),
            np.repeat(before, 2),
            np.abs(near - own),
            self._spread[place],
        )


def scanned(count: Ints, points: int) -> Ints:
    """Return the offsets that a scan of lines looks at, int64 [n, points]: near ones side by side.

    The farther away, the farther apart, since a small change is wanted; of a short line it is all of them.
    """
    k = np.arange(points)
    apart = np.rint(count[:, np.newaxis] ** (k / (points - 1))).astype(np.int64) - 1
    found: Ints = np.minimum(np.maximum(apart, k), count[:, np.newaxis] - 1)
    return found


def nearest(lines: Lines, sides: Sides, points: int, most: int) -> Search[Ints]:
    """Return of each line the smallest offset found at which the answer is as wanted, int64 [n], or `NONE`.

    Each is scanned at some points. Between two of them where the side changes, bisection finds the exact
    step. What lies wholly between two points on the same side is missed, which an answer that rises or falls
    along the line never does. Only the `most` brackets that promise the smallest change are bisected.
    """
    if not len(lines.place):
        return np.empty(0, np.int64)
    brackets = yield from _scan(lines, sides, points)
    promised = lines.part(brackets.line).sizes(brackets.low)
    brackets = brackets.part(np.argsort(promised, kind="stable")[:most])
    yield from _bisect(lines, sides, brackets)
    found = np.full(len(lines.place), NONE)
    hit = brackets.part(np.flatnonzero(brackets.side == 0))
    # of two on one line the nearer
    order = np.argsort(-hit.high, kind="stable")
    found[hit.line[order]] = hit.high[order]
    return found


@dataclass(slots=True)
class _Brackets:
    """m pairs of offsets, of which `high` has what is looked for and `low` has not.

    Looked for is `side` 0 where `exact`, and else another side than `begin`.
    """

    line: Ints
    low: Ints
    high: Ints
    side: Ints
    begin: Ints
    exact: npt.NDArray[np.bool_]

    def part(self, which: npt.NDArray[np.integer]) -> "_Brackets":
        return _Brackets(*(getattr(self, name)[which] for name in self.__slots__))


def _scan(lines: Lines, sides: Sides, points: int) -> Search[_Brackets]:
    """Find on each line the first bracket of a wanted answer, and of one beyond it if that comes sooner."""
    found: list[_Brackets] = []
    smallest = np.inf
    together = BLOCK_ROWS // (points + 1)
    for start in range(0, len(lines.place), together):
        some = lines.part(np.arange(start, min(start + together, len(lines.place))))
        if some.before.min() >= smallest:
            continue
        # the base comes first
        offsets = np.column_stack([np.full(len(some.place), NONE), scanned(some.count, points)])
        rows = some.rows(offsets)
        side = sides(rows, (yield rows)).reshape(offsets.shape)
        hits, turns = side == 0, side != side[:, :1]
        begun = ~hits[:, 0]
        for is_found, exact in ((hits, True), (turns & ~np.logical_or.accumulate(hits, axis=1), False)):
            line = np.flatnonzero(begun & is_found.any(axis=1))
            at = is_found[line].argmax(axis=1)
            bracket = _Brackets(
                line + start,
                offsets[line, at - 1],
                offsets[line, at],
                side[line, at],
                side[line, 0],
                np.full(len(line), exact),
            )
            if exact:
                smallest = min(smallest, some.part(line).sizes(bracket.high).min(initial=np.inf))
            found.append(bracket)
    return _Brackets(*(np.concatenate([getattr(one, name) for one in found]) for name in _Brackets.__slots__))


def _bisect(lines: Lines, sides: Sides, brackets: _Brackets) -> Search[None]:
    """Narrow all brackets down to neighbouring steps."""
    while len(wide := np.flatnonzero(brackets.high - brackets.low > 1)):
        for start in range(0, len(wide), BLOCK_ROWS):
            some = wide[start : start + BLOCK_ROWS]
            middle = (brackets.low[some] + brackets.high[some]) // 2
            rows = lines.part(brackets.line[some]).rows(middle[:, np.newaxis])
            side = sides(rows, (yield rows))
            holds = np.where(brackets.exact[some], side == 0, side != brackets.begin[some])
            brackets.low[some[~holds]] = middle[~holds]
            brackets.high[some[holds]] = middle[holds]
            brackets.side[some[holds]] = side[holds]
