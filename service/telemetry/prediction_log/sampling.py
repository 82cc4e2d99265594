"""Which rows are sampled: each by itself with the same probability, whatever request it came with."""

import numpy as np
import numpy.typing as npt

_NONE = np.empty(0, np.intp)


class Sampler:
    """Draws each row by itself; those that are not drawn cost a comparison, since the next one is known."""

    def __init__(self, share: float, seed: int | None = None) -> None:
        self._share = share
        self._random = np.random.default_rng(seed)
        self._next = self._gap()

    def places(self, count: int) -> npt.NDArray[np.intp]:
        """Return which of the next rows are sampled, in order."""
        if self._share >= 1:
            return np.arange(count)
        first = self._next
        if first >= count:
            self._next -= count
            return _NONE
        behind = np.flatnonzero(self._random.random(count - first - 1) < self._share) + (first + 1)
        # how far it is to the next does not depend on where one begins to count
        self._next = self._gap()
        return np.concatenate([[first], behind])

    def _gap(self) -> int:
        """Draw how many rows are lost before the next that is won."""
        return int(self._random.geometric(self._share)) - 1
