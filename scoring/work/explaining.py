"""Explaining the answers of a block, on all cores: it takes thousands of times as long as to find them."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from pricerange.answer.reasons import Explainer, Explanations, joined
from pricerange.errors import NoBackgroundError
from pricerange.predictor import Predictor

_ROWS_AT_ONCE = 64
"""Few enough that the cores share even a short file, and that a run which is ended does not last."""


def explainer_of(predictor: Predictor) -> Explainer:
    """Return what explains a version's answers. Raises `NoBackgroundError` or `GoldenReasonsError`."""
    explainer = Explainer.of_version(predictor)
    if explainer is None:
        raise NoBackgroundError("--explain", predictor.bundle.version)
    return explainer


class Explaining:
    """Explains rows on threads of its own; safe to be called by many others."""

    def __init__(self, predictor: Predictor, cores: int) -> None:
        """Use so many threads. Raises what `explainer_of` raises."""
        self._explainer = explainer_of(predictor)
        self._threads = ThreadPoolExecutor(cores, "explain")

    def explain(self, phones: npt.NDArray[np.float32], price_range: npt.NDArray[np.int64]) -> Explanations:
        """Explain the answers to n phones float32 [n, 20]. Raises `CancelledError` once it is closed."""

        def of_some(start: int) -> Explanations:
            some = slice(start, start + _ROWS_AT_ONCE)
            return self._explainer.explain(phones[some], price_range[some])

        found = self._threads.map(of_some, range(0, len(phones), _ROWS_AT_ONCE))
        return joined([self._explainer.none(), *found])

    def close(self) -> None:
        """Leave what is not done."""
        self._threads.shutdown(cancel_futures=True)
