"""What a network has to be better than: the models that one would try first."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from training.compare.contender import FoldAnswers
from training.data import LabelledPhones
from training.ordinal_linear import OrdinalLinear
from training.split import Indices


@dataclass(frozen=True, slots=True)
class Baseline:
    """A classifier with scikit-learn's methods, on standardised features.

    It needs no validation rows and learns from all training rows. Its probabilities, where it has any, are
    as it gives them.
    """

    name: str
    make: Callable[[int], Any]
    """Makes one from a seed."""

    def answer(self, phones: LabelledPhones, training: Indices, test: Indices, number: int) -> FoldAnswers:
        """Fit a new one to the training rows, the statistics of the features included."""
        start = time.perf_counter()
        scaler, classifier = StandardScaler(), self.make(number)
        classifier.fit(scaler.fit_transform(phones.features[training]), phones.price_range[training])
        standardised = scaler.transform(phones.features[test])
        probabilities = None
        if hasattr(classifier, "predict_proba"):
            probabilities = classifier.predict_proba(standardised).astype(np.float32)
        return FoldAnswers(classifier.predict(standardised), probabilities, None, time.perf_counter() - start)


BASELINES = (
    Baseline("majority", lambda _: DummyClassifier(strategy="prior")),
    Baseline("random forest", lambda seed: RandomForestClassifier(500, random_state=seed)),
    Baseline("gradient boosting", lambda seed: HistGradientBoostingClassifier(random_state=seed)),
    # one against one: the middle price ranges cannot be told from all others at once by a plane
    Baseline("linear SVM", lambda _: SVC(kernel="linear", C=100)),
    Baseline("logistic regression", lambda _: LogisticRegression(C=100, max_iter=10_000)),
    Baseline("ordinal linear", lambda _: OrdinalLinear()),
)
