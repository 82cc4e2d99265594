"""What a version keeps of the phones that it has learned from, to compare later ones with them."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, NonNegativeInt, model_validator

from pricerange.phone import FEATURE_NAMES, LABELS


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FeatureBins(_Record):
    """Training rows in each bin of a feature; `edges` are the largest values of all bins but the last."""

    edges: list[FiniteFloat] = Field(max_length=9)
    counts: list[NonNegativeInt]

    @model_validator(mode="after")
    def _has_a_count_for_each_bin(self) -> Self:
        if self.edges != sorted(set(self.edges)) or len(self.counts) != len(self.edges) + 1:
            raise ValueError("expected edges that rise, and a count more than edges")
        if not sum(self.counts):
            raise ValueError("counts: expected rows")
        return self


class DriftReference(_Record):
    """What the phones learned from and the answers to them were like; `pricerange.drift` compares others.

    Features are those of the training rows. Answers are those of networks of other folds to the training and
    validation rows: how often each was given, how sure they were and how often right. `intercept` and `slope`
    lead from the logit of a confidence to that of being right.
    """

    features: dict[str, FeatureBins]
    answers: list[NonNegativeInt] = Field(min_length=len(LABELS), max_length=len(LABELS))
    mean_confidence: float = Field(ge=0, le=1)
    accuracy: float = Field(ge=0, le=1)
    intercept: FiniteFloat
    slope: FiniteFloat

    @model_validator(mode="after")
    def _has_all_features_and_answers(self) -> Self:
        if self.features.keys() != set(FEATURE_NAMES):
            differing = sorted(self.features.keys() ^ set(FEATURE_NAMES))
            raise ValueError(f"features: expected the 20 features, missing or unknown {differing}")
        if not sum(self.answers):
            raise ValueError("answers: expected some")
        return self
