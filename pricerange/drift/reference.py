"""What a version says of the phones that it learned from, and what is asked beside it."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from pricerange.bundle import Passport
from pricerange.drift.bins import Binning
from pricerange.drift.expected_accuracy import Recalibration
from pricerange.drift.psi import LEAST_ROWS, Psi, psi
from pricerange.drift_reference import DriftReference
from pricerange.phone import FEATURE_NAMES, LABELS
from pricerange.predictor import Prediction

FALSE_ALARMS = 0.01
"""Share of windows without change in which anything raises an alarm: any of the features, or the answers."""
ANSWERS = "price_range"
"""What the distribution of the answers is called, beside those of the features."""

Tally = npt.NDArray[np.float64]
"""Numbers of phones in each bin of each feature, then by answer, then sums of confidence and of what is right
of it: [size]. Those of some phones and of others add up."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A feature's distribution, or the answers', beside its reference: shares of bins, and the index.

    Of a feature that is unknown in all rows there are no shares; `psi` is None where nothing can be told.
    """

    name: str
    rows: int
    found: tuple[float, ...]
    reference: tuple[float, ...]
    psi: Psi | None

    @property
    def alarm(self) -> bool:
        """Whether the distribution has changed beyond doubt."""
        return self.psi is not None and self.psi.alarm


@dataclass(frozen=True, slots=True)
class Drift:
    """How `rows` phones differ from those learned from, and how sure and right their answers are.

    Shifts are those of the 20 features, then of the answers. Means are None where there are no rows.
    """

    rows: int
    shifts: tuple[Shift, ...]
    mean_confidence: float | None
    expected_accuracy: float | None

    @property
    def answers(self) -> Shift:
        """How the answers are distributed."""
        return self.shifts[-1]

    @property
    def alarms(self) -> tuple[str, ...]:
        """Names of what has changed."""
        return tuple(shift.name for shift in self.shifts if shift.alarm)

    @property
    def judged(self) -> bool:
        """Whether there are rows enough to tell anything."""
        return self.rows >= LEAST_ROWS


class Reference:
    """Counts phones and their answers, and compares the counts with those of a version's training.

    Each feature is tested at `FALSE_ALARMS` divided by the number of tests (Bonferroni's correction): then
    the share holds for all together, however they depend on each other.
    """

    def __init__(self, known: DriftReference) -> None:
        self.accuracy, self.mean_confidence = known.accuracy, known.mean_confidence
        self.edges = {name: tuple(bins.edges) for name, bins in known.features.items()}
        self.binning = Binning(self.edges)
        self.size = self.binning.size + len(LABELS) + 2
        self._recalibration = Recalibration(known.intercept, known.slope)
        of_features = [np.array(known.features[name].counts, np.float64) for name in FEATURE_NAMES]
        self._counts = [*of_features, np.array(known.answers, np.float64)]
        tests = sum(len(counts) > 1 for counts in self._counts)
        self.rate = FALSE_ALARMS / tests

    @classmethod
    def of_version(cls, passport: Passport) -> Self | None:
        """Return that of a version, None where it keeps none."""
        return None if passport.drift is None else cls(passport.drift)

    def rows(self, tally: Tally) -> float:
        """Return how many phones were counted."""
        return float(self._answers(tally).sum())

    def tally(self, rows: npt.NDArray[np.float32], prediction: Prediction) -> Tally:
        """Count n phones float32 [n, 20], NaN where a feature is unknown, and their answers."""
        confidence = prediction.probabilities.max(axis=1).astype(np.float64)
        return np.concatenate(
            [
                self.binning.count(rows),
                np.bincount(prediction.price_range, minlength=len(LABELS)),
                [confidence.sum(), self._recalibration.right(confidence).sum()],
            ]
        )

    def drift(self, tally: Tally) -> Drift:
        """Compare what was counted with the reference."""
        rows = self.rows(tally)
        found = [*self.binning.of_features(tally[: self.binning.size]), self._answers(tally)]
        shifts = [
            self._shift(name, of_name, reference)
            for name, of_name, reference in zip((*FEATURE_NAMES, ANSWERS), found, self._counts, strict=True)
        ]
        confidence, right = (tally[-2:] / rows).tolist() if rows else (None, None)
        return Drift(int(rows), tuple(shifts), confidence, right)

    def _answers(self, tally: Tally) -> Tally:
        return tally[self.binning.size : -2]

    def _shift(self, name: str, found: Tally, reference: Tally) -> Shift:
        rows = found.sum()
        shares = tuple((found / rows).tolist()) if rows else ()
        expected = tuple((reference / reference.sum()).tolist())
        return Shift(name, int(rows), shares, expected, psi(reference, found, self.rate))
