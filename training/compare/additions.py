"""What a network could add to the ordinal linear model, added to it without one: each kind by itself."""

import math
from typing import Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_selection import SelectorMixin, VarianceThreshold
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures, SplineTransformer, StandardScaler

from training.compare.baselines import Baseline
from training.ordinal_linear import OrdinalLinear

_WEIGHTS = (0.01, 0.03, 0.1, 0.3, 1.0)
"""Of the added columns beside the plain ones: with the first, the penalty leaves nearly nothing of them."""
_FOLDS = 3
"""Of the training rows, to choose the weight by."""
_KNOTS = 5

Floats = npt.NDArray[np.float64]


class EarningFeatures(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Keeps the features that earn what the Bayesian information criterion takes for a weight.

    As `training.fit.pruning` has it, of the ordinal linear model: a feature is worth the negative
    log-likelihood of the n training rows that is added where it is held at its mean, and costs ln(n) / 2.
    The one that is worth most is kept whatever it costs.
    """

    def fit(self, features: Floats, price_range: npt.NDArray[np.int64]) -> Self:
        """Find them for standardised features [n, k] and price ranges int64 [n]."""
        linear = OrdinalLinear().fit(features, price_range)

        def loss(rows: Floats) -> float:
            own = linear.predict_proba(rows)[np.arange(len(rows)), price_range]
            return float(-np.log(np.maximum(own, np.finfo(np.float32).eps)).sum())

        places = np.arange(features.shape[1])
        worth = np.array([loss(np.where(places == place, 0, features)) for place in places]) - loss(features)
        self.kept_ = worth > math.log(len(features)) / 2
        self.kept_[worth.argmax()] = True
        return self

    def _get_support_mask(self) -> npt.NDArray[np.bool_]:
        kept: npt.NDArray[np.bool_] = self.kept_
        return kept


def _with(added: TransformerMixin) -> GridSearchCV:
    """Return the ordinal linear model of the columns and of what `added` makes of them.

    What is added has a weight, which is chosen within the training rows, by the likelihood.
    """
    columns = FeatureUnion([("plain", "passthrough"), ("added", make_pipeline(added, StandardScaler()))])
    weights = [{"added": weight} for weight in _WEIGHTS]
    return GridSearchCV(
        Pipeline([("columns", columns), ("linear", OrdinalLinear())]),
        {"columns__transformer_weights": weights},
        scoring="neg_log_loss",
        cv=_FOLDS,
    )


def _products() -> PolynomialFeatures:
    return PolynomialFeatures((2, 2), include_bias=False)


def _splines() -> Pipeline:
    # for a column that does not vary there are no knots
    bent = SplineTransformer(_KNOTS, degree=3, extrapolation="linear", include_bias=False)
    return make_pipeline(VarianceThreshold(), bent)


ADDITIONS = (
    Baseline("ordinal, pruned", lambda _: make_pipeline(EarningFeatures(), OrdinalLinear())),
    Baseline("ordinal, pruned, products", lambda _: make_pipeline(EarningFeatures(), _with(_products()))),
    Baseline("ordinal, pruned, splines", lambda _: make_pipeline(EarningFeatures(), _with(_splines()))),
    Baseline("ordinal, products", lambda _: _with(_products())),
    Baseline("ordinal, splines", lambda _: _with(_splines())),
)
"""The ordinal linear model of the features that earn a weight, or of all; with the products of two features,
interactions and squares, or with a cubic spline of each."""
