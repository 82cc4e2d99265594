"""What all sections of a recipe are made of: a class that knows its keys, and numbers with bounds."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(gt=0, lt=1)]
Portion = Annotated[float, Field(ge=0, lt=1)]
LARGEST = 3.4028234663852886e38
"""Of float32, in which a network calculates."""
Finite = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, le=LARGEST, allow_inf_nan=False)]
Strength = Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """Known keys only, each of its own type, none changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
