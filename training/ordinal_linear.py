"""The ordinal linear model: one linear score, three thresholds, no network."""

from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from torch import Tensor

from pricerange.phone import LABELS
from training.fit.device import reproducible
from training.network.heads import OrdinalHead

_STRENGTH = 1e-5
"""Weight of the squared norm of score and thresholds: without it, separable rows would have no optimum."""


class OrdinalLinear(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Proportional odds by maximum likelihood (McCullagh, "Regression Models for Ordinal Data", 1980).

    The ordinal head of the networks on standardised features, fitted to convergence by L-BFGS.
    """

    def fit(self, features: npt.NDArray[np.floating], price_range: npt.NDArray[np.int64]) -> Self:
        """Learn from standardised features [n, k] and price ranges int64 [n]."""
        rows, own = torch.from_numpy(features).double(), torch.from_numpy(price_range)[:, None]
        self.classes_ = np.arange(len(LABELS))
        with reproducible(0):
            head = self._head = OrdinalHead(features.shape[1]).double()
            search = torch.optim.LBFGS(head.parameters(), max_iter=500, line_search_fn="strong_wolfe")

            def objective() -> Tensor:
                search.zero_grad()
                likelihood = head.probabilities(head(rows)).gather(1, own)
                # what counts is the score as the steepness scales it
                size = (head.linear.weight * head.log_steepness.exp()).square().sum()
                loss: Tensor = -likelihood.clamp_min(1e-300).log().mean() + _STRENGTH * size / 2
                loss.backward()  # type: ignore[no-untyped-call]
                return loss

            search.step(objective)  # type: ignore[no-untyped-call]
        return self

    @torch.no_grad()
    def predict_proba(self, features: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Answer standardised features [n, k] with float64 [n, 4]."""
        head = self._head
        probabilities: npt.NDArray[np.float64] = head.probabilities(
            head(torch.from_numpy(features).double())
        ).numpy()
        return probabilities

    def predict(self, features: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
        """Answer with the likeliest price range, int64 [n]."""
        answered: npt.NDArray[np.int64] = self.predict_proba(features).argmax(axis=1)
        return answered
