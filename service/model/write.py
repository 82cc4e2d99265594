"""Answers as JSON text, many at once."""

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import BaseModel

from pricerange.bundle import Bundle
from pricerange.phone import LABELS

ROW_BEGINS: tuple[bytes, ...] = tuple(
    f'{{"price_range":{price_range},"label":"{label}","probabilities":['.encode()
    for price_range, label in enumerate(LABELS)
)
"""How the JSON of an answer begins, by price range; its probabilities and `]` follow."""


class ModelName(BaseModel):
    """The model version that answered."""

    name: str
    version: str


def model_json(version: Bundle) -> bytes:
    """Write a `ModelName`."""
    return orjson.dumps({"name": version.name, "version": version.version})


def probabilities_json(probabilities: npt.NDArray[np.float32]) -> list[bytes]:
    """Write float32 [n, 4] as n texts such as `0.1,0.2,0.3,0.4`, each number the shortest that reads back."""
    if not len(probabilities):
        return []
    # a hundred times as fast as Python could
    return orjson.dumps(probabilities, option=orjson.OPT_SERIALIZE_NUMPY)[2:-2].split(b"],[")
