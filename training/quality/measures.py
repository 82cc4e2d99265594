"""How good the answers to phones of known price range are."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    cohen_kappa_score,
    confusion_matrix,
    log_loss,
    precision_recall_fscore_support,
)

from pricerange.phone import LABELS
from training.quality.bootstrap import intervals
from training.quality.reliability import Bin, expected_calibration_error, reliability


@dataclass(frozen=True, slots=True)
class Quality:
    """Precision, recall and F1, each from 0 to 1, and 0 where it is undefined."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Measures:
    """Measures of n answers.

    `macro` is the mean of the classes' qualities, `weighted` the one weighted by their rows;
    `confusion[true][answered]` counts; `kappa` has quadratic weights; `far_errors` is the share of answers
    that are wrong by more than one price range; `nll` is the mean negative log-likelihood in nats, `brier`
    the mean squared distance, from 0 to 2, `ece` the expected calibration error over the bins of
    `reliability`. `intervals` are those of `training.bootstrap`, by name.
    """

    rows: int
    accuracy: float
    classes: dict[str, Quality]
    macro: Quality
    weighted: Quality
    confusion: list[list[int]]
    kappa: float
    far_errors: float
    nll: float
    brier: float
    ece: float
    reliability: list[Bin]
    intervals: dict[str, tuple[float, float]]


def measure(probabilities: npt.NDArray[np.float32], price_range: npt.NDArray[np.int64]) -> Measures:
    """Compare answers float32 [n, 4] with the true price ranges int64 [n]; n is at least 1."""
    labels: Any = range(len(LABELS))
    answered = probabilities.argmax(axis=1)
    qualities = precision_recall_fscore_support(price_range, answered, labels=labels, zero_division=0.0)[:3]
    table = np.array(qualities).T
    rows_of_classes = np.bincount(price_range, minlength=len(LABELS))
    bins = reliability(probabilities, price_range)
    return Measures(
        rows=len(price_range),
        accuracy=float(accuracy_score(price_range, answered)),
        classes={name: Quality(*row) for name, row in zip(LABELS, table.tolist(), strict=True)},
        macro=Quality(*table.mean(axis=0).tolist()),
        weighted=Quality(*np.average(table, axis=0, weights=rows_of_classes).tolist()),
        confusion=confusion_matrix(price_range, answered, labels=labels).tolist(),
        kappa=_kappa(price_range, answered),
        far_errors=float(np.mean(np.abs(answered - price_range) > 1)),
        nll=float(log_loss(price_range, probabilities, labels=labels)),
        brier=float(brier_score_loss(price_range, probabilities, labels=labels)),
        ece=expected_calibration_error(bins),
        reliability=bins,
        intervals=intervals(probabilities, price_range),
    )


def _kappa(price_range: npt.NDArray[np.int64], answered: npt.NDArray[np.int64]) -> float:
    """Return the quadratic weighted kappa; 1 where all is one price range, and 0 / 0 by its formula."""
    if len(np.union1d(price_range, answered)) == 1:
        return 1.0
    return float(
        cohen_kappa_score(price_range, answered, labels=list(range(len(LABELS))), weights="quadratic")
    )
