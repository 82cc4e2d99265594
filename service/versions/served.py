"""A model version that is loaded: it answers, and says what its answers are worth."""

import logging
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from typing import Any, Self

import numpy as np
import orjson

from pricerange.answer.applicability import OutOfRange, TrainingRegion
from pricerange.answer.change.lattice import Lattice, Within
from pricerange.answer.change.what_if import WhatIf
from pricerange.answer.prediction_sets import PredictionSets
from pricerange.answer.reasons import Explainer
from pricerange.answer.unknown import Averages
from pricerange.approval import Approval
from pricerange.drift.reference import Reference
from pricerange.phone import FEATURES
from pricerange.predictor import BLOCK_ROWS, Predictor
from service.telemetry.drift.sample import DriftSample
from service.telemetry.drift.windows import Windows
from service.telemetry.seats import Seat
from service.telemetry.shared_counters import SharedCounters
from service.versions.names import model_json

_NOT_SHOWN: Mapping[str, bool | set[str]] = {
    "golden_rows": True,
    "background": True,
    "seen_rows": True,
    "prediction_sets": {"unknown"},
    "drift": {"features"},
}
"""What of the passport only the answers need: it is long."""

log = logging.getLogger(__name__)


class Served:
    """A version, verified and warm. It changes no more, and is freed with its last request."""

    def __init__(
        self, predictor: Predictor, seat: Seat, out_of_range: OutOfRange, windows: Windows | None
    ) -> None:
        """Count its answers in a seat, and its phones in windows if it keeps a reference for their drift.

        Raises `GoldenReasonsError` and `ApprovalError`.
        """
        self.predictor = predictor
        self.bundle = predictor.bundle
        self.version = predictor.bundle.version
        """Number of the version, as its folder writes it."""
        self.seat = seat
        self.windows = windows
        self.drift = DriftSample(windows) if windows else None
        self.end = b',"model":%b}' % model_json(predictor.bundle)
        """How the JSON of its answers ends."""
        self.region = TrainingRegion.of_version(predictor.bundle.passport)
        self.sets = PredictionSets.of_version(predictor.bundle.passport)
        self.averages = Averages.of_version(predictor)
        self.explainer = Explainer.of_version(predictor)
        self._refuses = out_of_range == "refuse"
        self._complained = False
        self._approval = Approval.read(predictor.bundle.path)

    @classmethod
    def of(
        cls,
        predictor: Predictor,
        seat: Seat,
        out_of_range: OutOfRange,
        counters: SharedCounters,
        drift_window: int,
    ) -> Self:
        """Make one that is warm, and counts drift in windows of so many phones.

        Raises `GoldenReasonsError`.
        """
        reference = Reference.of_version(predictor.bundle.passport)
        windows = None
        if reference is not None:
            windows = Windows(reference, counters, drift_window, seat)
        served = cls(predictor, seat, out_of_range, windows)
        _warm_up(predictor)
        return served

    def complain(self, error: Exception) -> None:
        """Log, once, that a run of the model fails."""
        if not self._complained:
            self._complained = True
            log.error("version %s fails, of which this is the first time: %s", self.version, error)

    @cached_property
    def told(self) -> bytes:
        """What `/model` tells of it, as JSON: its passport, and where it runs."""
        signer = self.predictor.signer
        told: dict[str, Any] = {
            "name": self.bundle.name,
            "version": self.bundle.version,
            "provider": self.predictor.provider,
            "requested_provider": self.predictor.requested_provider,
            "signer": None if signer is None else asdict(signer),
            "approval": None if self._approval is None else self._approval.model_dump(mode="json"),
            **self.bundle.passport.model_dump(mode="json", exclude=_NOT_SHOWN),
        }
        return orjson.dumps(told)

    @cached_property
    def what_if(self) -> WhatIf:
        """What looks for changes."""
        return WhatIf(self.bundle.passport, refuses=self._refuses)

    @cached_property
    def lattices(self) -> Mapping[Within, Lattice]:
        """The values that features are given in curves."""
        ranges = self.bundle.passport.feature_ranges
        return {
            "training_range": Lattice(ranges, "training_range"),
            "physical_limits": Lattice(ranges, "physical_limits"),
        }


def _warm_up(predictor: Predictor) -> None:
    """Let ONNX Runtime allocate for one row and for a whole block before anyone waits for it."""
    phone = np.array([[feature.example for feature in FEATURES]], np.float32)
    for rows in (1, BLOCK_ROWS):
        predictor.predict(np.repeat(phone, rows, axis=0))
