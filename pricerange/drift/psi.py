"""The population stability index of two distributions over the same bins, and its limit by chance."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pricerange.drift import chi_squared

LEAST_ROWS = 100
"""Rows below which nothing is told: of ten bins, each would be expected to have fewer than ten."""
_MORE = 1.0
"""Added to each bin, so that an empty one has a logarithm, and rare bins raise no alarm by chance."""

Counts = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Psi:
    """An index, the limit that it exceeds by chance as seldom as is asked for, and how likely chance is."""

    value: float
    limit: float
    p_value: float

    @property
    def alarm(self) -> bool:
        """Whether chance is ruled out."""
        return self.value > self.limit


def psi(reference: Counts, found: Counts, rate: float) -> Psi | None:
    """Compare counts of the same k bins; `rate` is the share of false alarms.

    Where both are drawn from one distribution, the index is distributed as (1/n + 1/m) chi-squared with k - 1
    degrees of freedom, n and m being the rows of each (Yurdakul, "Statistical properties of population
    stability index", 2018). None where there is one bin, or too few rows.
    """
    rows, freedom = found.sum(), len(reference) - 1
    if freedom < 1 or rows < LEAST_ROWS:
        return None
    ours, theirs = ((counts + _MORE) / (counts + _MORE).sum() for counts in (reference, found))
    value = float(((theirs - ours) * np.log(theirs / ours)).sum())
    scale = float(1 / rows + 1 / reference.sum())
    limit = scale * chi_squared.upper_quantile(rate, freedom)
    return Psi(value, limit, chi_squared.survival(value / scale, freedom))
