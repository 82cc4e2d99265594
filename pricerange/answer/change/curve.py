"""How the answer to a phone runs over the values of one feature, the others staying as they are."""

from dataclasses import dataclass

import numpy as np

from pricerange.answer.change.lattice import Lattice, Rows, values_of


@dataclass(frozen=True, slots=True)
class Curve:
    """Values of a feature, float32 [n], in order and each once, and the phones that have them: [n, 20]."""

    values: Rows
    phones: Rows

    @classmethod
    def of(cls, phone: Rows, place: int, lattice: Lattice, points: int) -> "Curve":
        """Spread so many values evenly, from end to end; fewer, perhaps none, where there are not as many."""
        first, last = lattice.first[place], lattice.last[place]
        whole = np.unique(np.rint(np.linspace(first, last, points)).astype(np.int64))
        # of a range between two steps the first lies above the last
        whole = whole[(first <= whole) & (whole <= last)]
        values = values_of(np.full(len(whole), place), whole)
        phones = np.repeat(phone[np.newaxis], len(whole), axis=0)
        phones[:, place] = values
        return cls(values, phones)
