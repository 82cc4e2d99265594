"""What would move a phone to another price range: the smallest change of one feature, and of two.

The size of a change is measured in what each feature spreads in the training rows, from the 10th to the 90th
percentile; of two features it is the Euclidean norm. Every change is found, and verified, by asking the model
itself. That a changed phone gets another answer is all that it says: not that such a phone could be made, or
sold (Wachter et al., "Counterfactual explanations without opening the black box", 2018).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pricerange.answer.applicability import TrainingRegion
from pricerange.answer.change.lattice import Ints, Lattice, Rows, Within, spreads
from pricerange.answer.change.nearest import NONE, Neighbourhood, Search, Sides, nearest
from pricerange.answer.change.pairs import Pairs
from pricerange.bundle import Passport
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Prediction

NOTE = (
    "The smallest changes found: what the model says only between two values that were tried side by side is "
    "missed. Sizes are in the distance from the 10th to the 90th percentile of the feature's training rows."
)
"""What the answer is worth, in words."""

_POINTS = 64
"""Values of a feature that are looked at on each side of the phone's own."""
_EVERY_BRACKET = 4 * len(FEATURE_NAMES)
_REFUSED = 2
"""The side of a phone that is in the wanted price range, and refused."""


@dataclass(frozen=True, slots=True)
class Change:
    """A changed phone, float32 [20], the places of what is changed, how much, and the answer to it."""

    phone: Rows
    places: tuple[int, ...]
    size: float
    within: Within
    answer: Prediction


@dataclass(frozen=True, slots=True)
class Changes:
    """The smallest changes found of `one` feature and of `two`, None where there is none.

    A phone that is in the wanted price range already needs a change of nothing, of size 0. `searched` are the
    allowed features that can change an answer, `inactive` those that cannot.
    """

    one: Change | None
    two: Change | None
    searched: tuple[str, ...]
    inactive: tuple[str, ...]


class WhatIf:
    """Looks for changes, by the passport of a version; safe to be asked by many threads."""

    def __init__(self, passport: Passport, *, refuses: bool = False) -> None:
        """Look for phones like those learned from alone, where all others are refused."""
        self._active = passport.active_features
        self._region = TrainingRegion.of_version(passport) if refuses else None
        self._spread = spreads(passport.feature_ranges)
        limits: tuple[Within, ...] = ("training_range",) if refuses else ("training_range", "physical_limits")
        self._lattices = [Lattice(passport.feature_ranges, within) for within in limits]

    def search(self, phone: Rows, wanted: int, allowed: Iterable[str] | None = None) -> Search[Changes]:
        """Look for the smallest changes of a phone, float32 [20], that give it the wanted price range.

        `allowed` are names of the features that may change, every one if it is None. The values are looked
        for in the training range, and only where there are none in the physical limits.
        """
        names = self._active if allowed is None else tuple(dict.fromkeys(allowed))
        searched = tuple(name for name in FEATURE_NAMES if name in names and name in self._active)
        inactive = tuple(name for name in names if name not in searched)
        sides = self._sides(wanted)
        asked = phone[np.newaxis]
        answer = yield asked
        if sides(asked, answer)[0] == 0:
            same = Change(phone, (), 0.0, "training_range", answer)
            return Changes(same, same, searched, inactive)
        places = [FEATURE_NAMES.index(name) for name in searched]
        one = two = None
        for lattice in self._lattices:
            around = Neighbourhood(phone, lattice, self._spread)
            one = one or (yield from self._verified(around, _nearest_one(around, places, sides), wanted))
            two = two or (yield from self._verified(around, Pairs(around, places, sides).nearest(), wanted))
        return Changes(one, two, searched, inactive)

    def _sides(self, wanted: int) -> Sides:
        """Return what says whether answers lie below the wanted price range (-1), in it (0), or above (1)."""

        def sides(rows: Rows, answer: Prediction) -> Ints:
            found = np.sign(answer.price_range - wanted)
            if self._region is not None:
                hits = np.flatnonzero(found == 0)
                found[hits[~self._region.of(rows[hits]).in_range]] = _REFUSED
            return found

        return sides

    def _verified(
        self, around: Neighbourhood, search: Search[tuple[Rows, float] | None], wanted: int
    ) -> Search[Change | None]:
        """Ask about what a search finds as it will be told, alone."""
        found = yield from search
        if found is None:
            return None
        phone, size = found
        answer = yield phone[np.newaxis]
        if answer.price_range[0] != wanted:
            return None
        places = tuple(np.flatnonzero(phone != around.phone).tolist())
        return Change(phone, places, size, around.lattice.within, answer)


def _nearest_one(around: Neighbourhood, places: list[int], sides: Sides) -> Search[tuple[Rows, float] | None]:
    """Return the phone to which the smallest change of one feature leads, and the size of that."""
    lines = around.both_ways(np.array(places, np.intp))
    lines = lines.part(np.flatnonzero(lines.count))
    found = yield from nearest(lines, sides, _POINTS, _EVERY_BRACKET)
    hits = np.flatnonzero(found != NONE)
    if not len(hits):
        return None
    hit = lines.part(hits)
    sizes = hit.sizes(found[hits])
    best = int(sizes.argmin())
    return hit.rows(found[hits, np.newaxis])[best], float(sizes[best])
