"""Phones to ask about, and ONNX Runtime's own answers to them."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from pricerange import bundle
from pricerange.bundle import MODEL_FILE, PASSPORT_FILE
from pricerange.phone import FEATURE_NAMES, FEATURES
from pricerange.predictor import Prediction

Rows = npt.NDArray[np.float32]
"""Phones, float32 [n, 20], in the table's order."""


def phones(models: Path, count: int, seed: int = 0) -> Rows:
    """Draw phones from where the newest version's training rows lay, one decimal where they have any."""
    passport = json.loads((bundle.find(models) / PASSPORT_FILE).read_bytes())
    random = np.random.default_rng(seed)
    columns = []
    for feature in FEATURES:
        lay = passport["feature_ranges"][feature.name]
        drawn = random.uniform(max(lay["low"], feature.low), min(lay["high"], feature.high), count)
        columns.append(np.round(drawn, 1 if feature.kind == "number" else 0))
    return np.column_stack(columns).astype(np.float32)


def as_objects(rows: Rows) -> list[dict[str, int | float]]:
    """Write phones as clients have them: whole numbers as such, the others as their shortest decimal."""
    whole = [feature.kind != "number" for feature in FEATURES]
    return [
        {
            name: int(value) if is_whole else float(str(value))
            for name, value, is_whole in zip(FEATURE_NAMES, row, whole, strict=True)
        }
        for row in rows
    ]


class Oracle:
    """The newest version in a session of ONNX Runtime's, without anything of ours around it."""

    def __init__(self, models: Path) -> None:
        self._session = onnxruntime.InferenceSession(bundle.find(models) / MODEL_FILE)

    def answer(self, rows: Rows) -> Prediction:
        """Answer n phones."""
        probabilities, price_range = self._session.run(["probabilities", "price_range"], {"features": rows})
        return Prediction(probabilities, price_range)


def same(found: Prediction, expected: Prediction) -> bool:
    """Whether two answers are equal to the last bit."""
    return (
        found.probabilities.tobytes() == expected.probabilities.tobytes()
        and found.price_range.tobytes() == expected.price_range.tobytes()
    )
