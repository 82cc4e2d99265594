"""The messages of the protocol: they check requests and make the OpenAPI document."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from pricerange.phone import FEATURES
from service.open_inference.parameters import Parameters

Item = TypeVar("Item")
Few = Annotated[list[Item], Field(max_length=8)]
"""More would be refused in any case, and to check them all first would cost time."""

Datatype = Literal["FP32", "INT64", "BOOL"]

_NUMBERS = {"type": "array", "items": {"type": ["number", "null"]}}
_TENSOR = {"anyOf": [_NUMBERS, {"type": "array", "items": _NUMBERS}]}

Data = Annotated[
    Any, WithJsonSchema(_TENSOR), Field(description="Row by row, nested or flat; null with `unknown` only")
]
"""Numbers of a tensor: looked at where they become an array, not one by one here."""


class _Message(BaseModel):
    """Fields that are not known here are let through: the protocol leaves room for extensions."""

    model_config = ConfigDict(strict=True)


class InputParameters(_Message):
    """Parameters of an input."""

    binary_data_size: int | None = Field(None, ge=0, description="Bytes of the tensor after the JSON object")


class InputTensor(_Message):
    """A tensor that is sent."""

    name: str
    datatype: str
    shape: Few[int]
    parameters: InputParameters | None = None
    data: Data = None


class OutputParameters(_Message):
    """Parameters of an output that is asked for."""

    model_config = ConfigDict(extra="allow")

    binary_data: bool | None = Field(None, description="Send this output as bytes after the JSON object")


class RequestedOutput(_Message):
    """An output that is asked for."""

    name: str
    parameters: OutputParameters | None = None


class RequestParameters(Parameters):
    """Parameters of a request."""

    binary_data_output: bool | None = Field(None, description="Send all outputs as bytes")


class InferRequest(_Message):
    """An inference request; rows are the 20 features in the order of `FEATURES`, as `/model` lists them."""

    id: str | None = Field(None, description="Returned unchanged in the answer")
    parameters: RequestParameters | None = None
    inputs: Annotated[list[InputTensor], Field(max_length=len(FEATURES))] = Field(
        description="`features`, or an input for each feature, named after it"
    )
    outputs: Few[RequestedOutput] | None = None


class LoadRequest(_Message):
    """What is to be loaded; parameters would override what the model repository says."""

    parameters: dict[str, Any] = {}


class UnloadRequest(_Message):
    """What is to be unloaded; there is nothing that depends on it."""

    parameters: dict[str, Any] = {}


class IndexRequest(_Message):
    """What the repository index should list."""

    ready: bool = Field(False, description="List only models that are ready")


class OutputTensor(BaseModel):
    """A tensor of an answer: `data`, or `binary_data_size` among its parameters."""

    name: str
    datatype: Datatype
    shape: list[int]
    parameters: dict[str, int] | None = None
    data: list[float] | list[bool] | None = Field(None, description="Row by row, flat")


class ResponseParameters(BaseModel):
    """What `prediction_set` promises, where it is among the outputs."""

    sets: float = Field(description="The level: the share of phones whose set holds the true price range")
    calibration: str = Field(description="What the sets were made by: the first digits of its sha256")


class InferResponse(BaseModel):
    """The answers to an inference request."""

    id: str | None = None
    model_name: str
    model_version: str
    parameters: ResponseParameters | None = None
    outputs: list[OutputTensor]


class Live(BaseModel):
    """The process is alive."""

    live: bool


class Ready(BaseModel):
    """The service is ready."""

    ready: bool


class ModelReady(Ready):
    """The model is ready."""

    name: str


class ServerMetadata(BaseModel):
    """What serves, and which extensions of the protocol it has."""

    name: str
    version: str
    extensions: list[str]


class TensorMetadata(BaseModel):
    """A tensor of the model; -1 is the number of rows."""

    name: str
    datatype: Datatype
    shape: list[int]


class ModelMetadata(BaseModel):
    """What the model takes and gives."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class IndexEntry(BaseModel):
    """A version of a model of the repository."""

    name: str
    version: str
    state: Literal["READY", "LOADING", "UNAVAILABLE"]
    reason: str
