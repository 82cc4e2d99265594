"""How the answer to a phone runs over the values of one feature, the others staying as they are."""

from dataclasses import dataclass

import numpy as np

from pricerange.answer.lattice import Lattice, Rows, values_of


@dataclass(frozen=True, slots=True)
class Curve:
    """Values of a feature, float32 [n], in order and each once, and the phones that have them: [n, 20]."""

    values: Rows
    phones: Rows

    @classmethod
    def of(cls, phone: Rows, place: int, lattice: Lattice, points: int) -> "Curve":
        """Spread so many values evenly, from end to end; fewer where there are not as many."""
        steps = np.linspace(lattice.first[place], lattice.last[place], points)
        whole = np.unique(np.rint(steps).astype(np.int64))
        values = values_of(np.full(len(whole), place), whole)
        phones = np.repeat(phone[np.newaxis], len(whole), axis=0)
        phones[:, place] = values
        return cls(values, phones)
