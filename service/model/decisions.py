"""Decisions as the settings ask for them, and as JSON has them."""

from collections.abc import Iterable
from dataclasses import dataclass

import orjson
from pydantic import BaseModel, Field

from pricerange.answer.decisions import CostMatrix, Decisions
from pricerange.phone import LABELS


@dataclass(frozen=True, slots=True)
class Deciding:
    """What answers decide: by which costs, if by any, and whether sets say that they leave it open."""

    costs: CostMatrix | None = None
    abstain: bool = False


NOTHING = Deciding()
TRUTH = (b"false", b"true")
"""Truth values as JSON has them."""


class DecisionOnPhone(BaseModel):
    """The price range whose expected cost is least; it need not be the most probable one."""

    price_range: int = Field(ge=0, lt=len(LABELS))
    label: str
    expected_cost: float = Field(description="By the probabilities and the service's cost matrix")


def decisions_json(decisions: Decisions) -> list[bytes]:
    """Write a `DecisionOnPhone` for each of n phones."""
    return [_BEGINS[k] + cost + b"}" for k, cost in _texts(decisions)]


def decisions_csv(decisions: Decisions) -> list[str]:
    """Write the cells of n phones, such as `2,0.12`."""
    return [f"{price_range},{cost.decode()}" for price_range, cost in _texts(decisions)]


def _texts(decisions: Decisions) -> Iterable[tuple[int, bytes]]:
    """Return each decision with its cost, the shortest text that reads back as the same float32."""
    if not len(decisions.price_range):
        return ()
    costs = orjson.dumps(decisions.expected_cost, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")
    return zip(decisions.price_range.tolist(), costs, strict=True)


_BEGINS = [
    f'{{"price_range":{price_range},"label":"{label}","expected_cost":'.encode()
    for price_range, label in enumerate(LABELS)
]
