"""How an answer names the version that it is from."""

import orjson
from pydantic import BaseModel

from pricerange.bundle import Bundle


class ModelName(BaseModel):
    """The model version that answered."""

    name: str
    version: str


def model_json(version: Bundle) -> bytes:
    """Write a `ModelName`."""
    return orjson.dumps({"name": version.name, "version": version.version})
