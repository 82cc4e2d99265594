"""How good the answers to phones of known price range are."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from pricerange.phone import LABELS

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Quality:
    """Precision, recall and F1, each from 0 to 1, and 0 where it is undefined."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Accuracy; quality per class and its mean over the classes; `confusion[true][answered]` counts."""

    rows: int
    accuracy: float
    classes: dict[str, Quality]
    macro: Quality
    confusion: list[list[int]]


def evaluate(price_range: Labels, answered: Labels) -> Evaluation:
    """Compare the true price ranges int64 [n] with the answered ones."""
    labels: Any = range(len(LABELS))
    per_class = precision_recall_fscore_support(price_range, answered, labels=labels, zero_division=0.0)[:3]
    table = np.array(per_class).T
    return Evaluation(
        rows=len(price_range),
        accuracy=float(accuracy_score(price_range, answered)),
        classes={name: Quality(*row) for name, row in zip(LABELS, table.tolist(), strict=True)},
        macro=Quality(*table.mean(axis=0).tolist()),
        confusion=confusion_matrix(price_range, answered, labels=labels).tolist(),
    )
