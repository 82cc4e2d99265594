"""A model in this process, which answers as the service does."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from pricerange.answer import columns
from pricerange.answer.applicability import TrainingRegion
from pricerange.answer.prediction_sets import PredictionSets
from pricerange.answer.reasons import QUANTITIES, Explainer, Explanations
from pricerange.answer.unknown import Averages
from pricerange.ask.asked import Asked, Rows
from pricerange.ask.show import Document
from pricerange.errors import NoBackgroundError, UncalibratedError
from pricerange.phone import FEATURE_NAMES, LABELS
from pricerange.predictor import Predictor

_ORDER = (
    *("price_range", "label", "probabilities", "applicability"),
    *("prediction_set", "sets", "explanation", "unknown", "model"),
)
"""In which a service says it."""


@dataclass(frozen=True, slots=True)
class Model:
    """A version, with what is asked of it."""

    predictor: Predictor
    region: TrainingRegion
    asked: Asked
    sets: PredictionSets | None
    explainer: Explainer | None
    averages: Averages | None

    @classmethod
    def of(cls, predictor: Predictor, asked: Asked) -> Self:
        """Take a version. Raises `UncalibratedError` or `NoBackgroundError` where it cannot tell that."""
        passport, version = predictor.bundle.passport, predictor.bundle.version
        sets = None if asked.sets is None else PredictionSets.of_version(passport)
        if asked.sets is not None and sets is None:
            raise UncalibratedError(version)
        explainer = Explainer.of_version(predictor) if asked.explain else None
        if asked.explain and explainer is None:
            raise NoBackgroundError("--explain", version)
        averages = Averages.of_version(predictor) if asked.unknown else None
        if asked.unknown and averages is None:
            raise NoBackgroundError("--unknown", version)
        return cls(predictor, TrainingRegion.of_version(passport), asked, sets, explainer, averages)

    def one(self, phone: Rows) -> Document:
        """Answer one phone, and name the version."""
        (answer,) = self.many(phone)
        bundle = self.predictor.bundle
        answer["model"] = {"name": bundle.name, "version": bundle.version}
        if self.asked.sets is not None and bundle.passport.prediction_sets is not None:
            calibration = bundle.passport.prediction_sets.calibration
            answer["sets"] = {"level": self.asked.sets, "calibration": calibration}
        return {name: answer[name] for name in _ORDER if name in answer}

    def many(self, phones: Rows) -> list[Document]:
        """Answer n phones."""
        prediction = (self.averages or self.predictor).predict(phones)
        unknown = np.isnan(phones) if self.averages else None
        found = self.region.of(phones)
        answers: list[Document] = [
            {
                "price_range": price_range,
                "label": LABELS[price_range],
                "probabilities": [*map(_plain, probabilities)],
                "applicability": self.region.details(found, row, phones[row]),
            }
            for row, (price_range, probabilities) in enumerate(
                zip(prediction.price_range.tolist(), prediction.probabilities, strict=True)
            )
        ]
        if self.sets and self.asked.sets is not None:
            sets = self.sets.of(prediction.probabilities, self.asked.sets, unknown)
            for answer, code in zip(answers, columns.codes(sets), strict=True):
                answer["prediction_set"] = list(columns.SETS[code])
        if self.explainer:
            explained = self.explainer.explain(phones, prediction.price_range)
            told = _explanations(explained, phones, len(self.explainer.background))
            for answer, explanation in zip(answers, told, strict=True):
                answer["explanation"] = explanation
        if unknown is not None:
            for answer, row in zip(answers, unknown, strict=True):
                answer["unknown"] = [FEATURE_NAMES[place] for place in np.flatnonzero(row)]
        return answers


def _explanations(found: Explanations, phones: Rows, background_rows: int) -> Iterator[Document]:
    places = [FEATURE_NAMES.index(name) for name in found.features]
    for row, order in enumerate(found.order().tolist()):
        exact = bool(found.exact[row])
        reasons = []
        for one in order:
            value = phones[row, places[one]]
            reason: Document = {
                "feature": found.features[one],
                "value": None if np.isnan(value) else _short(_plain(value)),
                **_quantities(found.contributions[row, one]),
            }
            reasons.append(reason if exact else {**reason, "error": _quantities(found.errors[row, one])})
        yield {
            "value": _quantities(found.value[row]),
            "base": _quantities(found.base[row]),
            "reasons": reasons,
            "exact": exact,
            "background_rows": background_rows,
        }


def _quantities(values: npt.NDArray[np.float32]) -> dict[str, float]:
    return dict(zip(QUANTITIES, map(_plain, values), strict=True))


def _plain(value: np.float32) -> float:
    """Return a value by the shortest decimal that reads back as the same float32, as the service does."""
    return float(str(value))


def _short(value: float) -> float:
    return int(value) if value.is_integer() else value
