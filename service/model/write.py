"""Answers as JSON text, many at once."""

from collections.abc import Iterable
from typing import Annotated

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import BaseModel, Field

from pricerange.answer.applicability import Applicability, TrainingRegion
from pricerange.phone import LABELS
from service.model.decisions import DecisionOnPhone

ROW_BEGINS: tuple[bytes, ...] = tuple(
    f'{{"price_range":{price_range},"label":"{label}","probabilities":['.encode()
    for price_range, label in enumerate(LABELS)
)
"""How the JSON of an answer begins, by price range; its probabilities and `]` follow."""


IN_RANGE = b'{"in_range":true}'
"""What is written of a phone that is in range."""


class OutsideValue(BaseModel):
    """A value outside the range that its feature had in the training rows."""

    feature: str
    value: float
    low: float
    high: float


class Distance(BaseModel):
    """Mahalanobis distance of a phone to the training rows, over the features that the model uses."""

    value: float
    limit: float = Field(description="What hardly any phone exceeds that is like the training rows")


class ApplicabilityOfPhone(BaseModel):
    """Whether a phone is like those that the model learned from, and where it is not, why."""

    in_range: bool
    outside: list[OutsideValue] = Field([], description="Values outside the training range of their feature")
    distance: Distance | None = Field(None, description="Where it is beyond the limit")
    note: str = Field("", description="What the answer is worth then")


class AnswerOfPhone(BaseModel):
    """The answer to one phone."""

    price_range: int = Field(ge=0, lt=len(LABELS), description="0 low to 3 very high cost")
    label: str
    probabilities: Annotated[
        list[float],
        Field(
            min_length=len(LABELS),
            max_length=len(LABELS),
            description="Probability of each price range",
        ),
    ]
    applicability: ApplicabilityOfPhone | None = Field(
        None, description="Left out where the setting out_of_range is answer or refuse"
    )
    decision: DecisionOnPhone | None = Field(None, description="Where the setting cost_matrix is set")


def applicability_json(
    region: TrainingRegion, found: Applicability, rows: npt.NDArray[np.float32]
) -> Iterable[bytes]:
    """Write how each of n phones float32 [n, 20] lies to the training rows."""
    told = [IN_RANGE] * len(rows)
    for row in np.flatnonzero(~found.in_range[: len(rows)]).tolist():
        told[row] = orjson.dumps(region.details(found, row, rows[row]))
    return told


def probabilities_json(probabilities: npt.NDArray[np.float32]) -> list[bytes]:
    """Write float32 [n, 4] as n texts such as `0.1,0.2,0.3,0.4`, each number the shortest that reads back."""
    if not len(probabilities):
        return []
    # a hundred times as fast as Python could
    return orjson.dumps(probabilities, option=orjson.OPT_SERIALIZE_NUMPY)[2:-2].split(b"],[")
