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
from training.quality.interval import Interval, exact
from training.quality.reliability import Bin, expected_calibration_error, reliability


@dataclass(frozen=True, slots=True)
class Quality:
    """Precision, recall and F1 of a price range, each from 0 to 1.

    One that occurs but is never answered has precision 0, one that is answered but never occurs recall 0; the
    F1 of both is 0 by its definition.
    """

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Measures:
    """Measures of n answers.

    A price range that neither occurs nor is answered has no quality: None in `classes`, and no part in
    `macro`, the mean of the others' qualities (as scikit-learn defines it). `weighted` is the mean that
    counts each by its rows; `confusion[true][answered]` counts; `kappa` has quadratic weights, and is None
    where truth and answers are one price range, 0 / 0 by its formula; `far_errors` is the share of answers
    that are wrong by more than one price range; `nll` is the mean negative log-likelihood in nats, `brier`
    the mean squared distance, from 0 to 2, `ece` the expected calibration error over the bins of
    `reliability`. `intervals` are of 95 %, by name: those of shares (`accuracy`, `far_errors`) exact, those
    of other measures a bootstrap's, None where that degenerates.
    """

    rows: int
    accuracy: float
    classes: dict[str, Quality | None]
    macro: Quality
    weighted: Quality
    confusion: list[list[int]]
    kappa: float | None
    far_errors: float
    nll: float
    brier: float
    ece: float
    reliability: list[Bin]
    intervals: dict[str, Interval | None]


def measure(probabilities: npt.NDArray[np.float32], price_range: npt.NDArray[np.int64]) -> Measures:
    """Compare answers float32 [n, 4] with the true price ranges int64 [n]; n is at least 1."""
    labels: Any = range(len(LABELS))
    answered = probabilities.argmax(axis=1)
    qualities = precision_recall_fscore_support(price_range, answered, labels=labels, zero_division=0.0)[:3]
    table = np.array(qualities).T
    rows_of_classes = np.bincount(price_range, minlength=len(LABELS))
    occurs = rows_of_classes + np.bincount(answered, minlength=len(LABELS)) > 0
    accuracy = float(accuracy_score(price_range, answered))
    far_errors = float(np.mean(np.abs(answered - price_range) > 1))
    bins = reliability(probabilities, price_range)
    return Measures(
        rows=len(price_range),
        accuracy=accuracy,
        classes={
            name: Quality(*row) if found else None
            for name, row, found in zip(LABELS, table.tolist(), occurs, strict=True)
        },
        macro=Quality(*table[occurs].mean(axis=0).tolist()),
        weighted=Quality(*np.average(table, axis=0, weights=rows_of_classes).tolist()),
        confusion=confusion_matrix(price_range, answered, labels=labels).tolist(),
        kappa=_kappa(price_range, answered),
        far_errors=far_errors,
        nll=float(log_loss(price_range, probabilities, labels=labels)),
        brier=float(brier_score_loss(price_range, probabilities, labels=labels)),
        ece=expected_calibration_error(bins),
        reliability=bins,
        intervals={
            "accuracy": exact(accuracy, len(price_range)),
            "far_errors": exact(far_errors, len(price_range)),
            **intervals(probabilities, price_range),
        },
    )


def _kappa(price_range: npt.NDArray[np.int64], answered: npt.NDArray[np.int64]) -> float | None:
    if len(np.union1d(price_range, answered)) == 1:
        return None
    return float(
        cohen_kappa_score(price_range, answered, labels=list(range(len(LABELS))), weights="quadratic")
    )
