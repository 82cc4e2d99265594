"""What `GET /drift` answers."""

from typing import Self

from pydantic import BaseModel, Field

from pricerange.bundle import Bundle
from pricerange.drift.reference import ANSWERS, FALSE_ALARMS, Drift, Shift
from pricerange.phone import LABELS
from service.telemetry.drift.windows import Windows


class ShiftTold(BaseModel):
    """How a distribution differs from that of the training rows."""

    rows: int = Field(description="Phones of which the feature is known")
    psi: float | None = Field(description="Population stability index; null where there are too few rows")
    limit: float | None = Field(description="What chance alone exceeds as seldom as `false_alarms` says")
    p_value: float | None = Field(description="How likely chance alone makes an index as large")
    alarm: bool

    @classmethod
    def of(cls, shift: Shift) -> Self:
        """Tell a shift."""
        found = shift.psi
        return cls(
            rows=shift.rows,
            psi=found.value if found else None,
            limit=found.limit if found else None,
            p_value=found.p_value if found else None,
            alarm=shift.alarm,
        )


class DriftTold(BaseModel):
    """How some phones that were asked about differ from those learned from, and what answers they got."""

    rows: int
    alarms: list[str] = Field(description=f"The features that have changed, and {ANSWERS}: the answers")
    features: dict[str, ShiftTold]
    answers: ShiftTold
    answer_shares: dict[str, float] = Field(description="Share of each price range among the answers")
    mean_confidence: float | None
    expected_accuracy: float | None = Field(description="Told from the confidence of the answers (CBPE)")

    @classmethod
    def of(cls, drift: Drift) -> Self:
        """Tell a drift."""
        *features, answers = drift.shifts
        return cls(
            rows=drift.rows,
            alarms=list(drift.alarms),
            features={shift.name: ShiftTold.of(shift) for shift in features},
            answers=ShiftTold.of(answers),
            answer_shares=dict(zip(LABELS, answers.found, strict=False)),
            mean_confidence=drift.mean_confidence,
            expected_accuracy=drift.expected_accuracy,
        )


class ReferenceTold(BaseModel):
    """What is compared with: training rows, and answers of networks that had not learned from them."""

    answer_shares: dict[str, float]
    mean_confidence: float
    accuracy: float


class ModelTold(BaseModel):
    """The version that answers."""

    name: str
    version: str


class DriftDocument(BaseModel):
    """How what is asked differs from what was learned, by a sample of all workers' phones."""

    model: ModelTold
    false_alarms: float = Field(description="Share of windows without change in which there is an alarm")
    window_rows: int = Field(description="Phones of a window (setting drift_window)")
    windows: int = Field(description="Windows that are full")
    reference: ReferenceTold
    last_window: DriftTold | None = Field(description="The last window that is full")
    since_start: DriftTold

    @classmethod
    def of(cls, version: Bundle, windows: Windows) -> Self:
        """Tell what all workers have counted so far."""
        reference, counted = windows.reference, windows.counted()
        since_start = reference.drift(counted.since_start)
        return cls(
            model=ModelTold(name=version.name, version=version.version),
            false_alarms=FALSE_ALARMS,
            window_rows=windows.rows,
            windows=counted.windows,
            reference=ReferenceTold(
                answer_shares=dict(zip(LABELS, since_start.answers.reference, strict=True)),
                mean_confidence=reference.mean_confidence,
                accuracy=reference.accuracy,
            ),
            last_window=DriftTold.of(reference.drift(counted.last_window)) if counted.windows else None,
            since_start=DriftTold.of(since_start),
        )
