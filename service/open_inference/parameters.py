"""Parameters of an inference request, whatever message carries them."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.errors import InferenceInputError


class Parameters(BaseModel):
    """Parameters of a request; those that are not known are let through."""

    model_config = ConfigDict(strict=True)

    sets: float | None = Field(
        None, gt=0, lt=1, description="Share of phones whose `prediction_set` holds the true price range"
    )
    unknown: Literal["average"] | None = Field(
        None,
        description="Features may be null, NaN in bytes: the answer is the average of those to phones with "
        "these features of training phones",
    )


class _Message(BaseModel):
    parameters: Parameters


def parameters_of(values: Mapping[str, object]) -> Parameters:
    """Check the values of parameters. Raises `InferenceInputError`."""
    try:
        return _Message.model_validate({"parameters": values}).parameters
    except ValidationError as error:
        raise InferenceInputError.of(error) from None
