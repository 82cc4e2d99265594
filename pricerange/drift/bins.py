"""The bins of features: deciles of the training rows, or the values themselves of a feature that has few."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from pricerange.phone import FEATURE_NAMES

MOST_BINS = 10

Rows = npt.NDArray[np.float32]


def edges(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the largest value of each bin of n values but the last bin: at most 9, rising.

    Deciles would all be 0 or 1 of a yes/no feature: of up to ten distinct values each has a bin of its own.
    Deciles are values that occur, so no bin is empty.
    """
    distinct = np.unique(values)
    if len(distinct) > MOST_BINS:
        deciles = np.quantile(values, np.arange(1, MOST_BINS) / MOST_BINS, method="inverted_cdf")
        return np.unique(deciles[deciles < distinct[-1]])
    return distinct[:-1]


class Binning:
    """Counts phones by the bin of each feature; side by side the bins are `size` numbers."""

    def __init__(self, edges_of: Mapping[str, Sequence[float]]) -> None:
        """Take the edges of the bins of each of the 20 features."""
        of_feature = [edges_of[name] for name in FEATURE_NAMES]
        # the first edge of each feature, the second, ...; no value is above those that a feature lacks
        self._edges = np.full((MOST_BINS - 1, 1, len(FEATURE_NAMES)), np.inf, np.float32)
        for place, found in enumerate(of_feature):
            self._edges[: len(found), 0, place] = found
        sizes = [len(found) + 1 for found in of_feature]
        self._begins = np.cumsum([0, *sizes[:-1]])
        self.size = sum(sizes)
        self._cuts = self._begins[1:]

    def count(self, rows: Rows) -> npt.NDArray[np.int64]:
        """Return how many of n phones float32 [n, 20] are in each bin, int64 [size]; NaN is in none."""
        places = (rows > self._edges).sum(axis=0) + self._begins
        return np.bincount(places[~np.isnan(rows)], minlength=self.size)

    def of_features(self, counts: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
        """Return the counts [size] of each feature's bins."""
        return np.split(counts, self._cuts)
