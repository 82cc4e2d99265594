"""The sections of a recipe: a class for each choice, so that a key it does not use is unknown to it.

Names and meanings are those of torch, or of Keras where torch has none. Lengths of schedules are in epochs.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from pricerange.phone import FEATURE_NAMES

Activation = Literal["relu", "leaky_relu", "prelu", "tanh", "sigmoid"]

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


class Split(Section):
    """Shares of the rows; the rest is the training part."""

    validation: Share = Field(description="Share of rows for early stopping and calibration")
    test: Share = Field(description="Share of rows held out for the evaluation")


class Sets(Section):
    """What prediction sets are made by: answers to phones that the answering network has not learned from."""

    folds: int = Field(
        default=5,
        ge=2,
        description="Networks whose answers calibrate the sets, each to a fold that it has not seen",
    )
    patterns: int = Field(
        default=256,
        ge=0,
        description="Most combinations of unknown features that sets are calibrated for, small ones first",
    )


class Preprocess(Section):
    """What is done to the features before the network; part of the exported graph."""

    standardise: bool = Field(default=True, description="Mean 0 and deviation 1 in the training rows")
    svd: int | None = Field(
        default=None, ge=1, le=len(FEATURE_NAMES), description="Dimensions that a truncated SVD keeps"
    )


class Mlp(Section):
    """Blocks of Linear -> BatchNorm1d -> activation -> Dropout."""

    name: Literal["mlp"]
    hidden: list[Count] = Field(min_length=1, description="Width of each block")
    activation: Activation
    dropout: list[Portion] = Field(description="Dropout probability of each block")
    batch_norm: bool = True
    batch_norm_bias: Finite = Field(
        default=0.0,
        description="Initial bias of batch normalisation: from about 3 on, every ReLU starts active",
    )
    linear_skip: bool = Field(default=False, description="The head gets the inputs as well as the last block")
    input_sparsity: Strength = Field(
        default=0.0, description="Weight of the group-sparsity penalty on the first layer's input columns"
    )
    skip_sparsity: Strength = Field(
        default=0.0, description="Weight of the group-sparsity penalty on the linear skip's input columns"
    )
    pruning: Strength = Field(
        default=0.0,
        description="Price of an input, in times of the BIC's for one weight: those that lower the training "
        "loss by less get weights of 0, and the network is trained anew without them; 0 keeps all",
    )


class Lstm(Section):
    """The features as a sequence of 20 numbers; the head sees the last hidden state."""

    name: Literal["lstm"]
    hidden: Count = Field(description="Width of the hidden state")
    layers: Count = 1
    dropout: Portion = Field(default=0.0, description="Dropout probability of the last hidden state")


Network = Annotated[Mlp | Lstm, Field(discriminator="name")]


class Softmax(Section):
    """One logit a price range."""

    name: Literal["softmax"]
    loss: Literal["cross_entropy"] = "cross_entropy"
    label_smoothing: Portion = 0.0


class Ordinal(Section):
    """One score and three ordered thresholds; the binary cross-entropy of each, summed."""

    name: Literal["ordinal"]
    loss: Literal["binary_cross_entropy"] = "binary_cross_entropy"


class Number(Section):
    """The price range as a number."""

    name: Literal["number"]
    loss: Literal["mse", "mae", "smooth_l1"]


Head = Annotated[Softmax | Ordinal | Number, Field(discriminator="name")]


class ByRule(Section):
    """A spread by a layer's widths; `auto` is kaiming_normal for the ReLU family, xavier_normal else."""

    name: Literal[
        "auto", "kaiming_normal", "kaiming_uniform", "xavier_normal", "xavier_uniform", "torch_default"
    ]


class Normal(Section):
    """Weights from a normal distribution around 0."""

    name: Literal["normal"]
    deviation: Positive = 0.05


class Uniform(Section):
    """Weights from -bound to bound."""

    name: Literal["uniform"]
    bound: float = Field(
        default=0.05,
        gt=0,
        le=LARGEST / 2,
        allow_inf_nan=False,
        description="Half of a width that is a float32",
    )


class Constant(Section):
    """All weights the same."""

    name: Literal["constant"]
    value: Finite


class Fixed(Section):
    """All weights 0 or all weights 1."""

    name: Literal["zeros", "ones"]


Initialisation = Annotated[ByRule | Normal | Uniform | Constant | Fixed, Field(discriminator="name")]


class _Rated(Section):
    learning_rate: Positive = Field(description="The schedule's highest rate")
    weight_decay: Strength = 0.0


class Sgd(_Rated):
    """Steps along the gradient."""

    name: Literal["sgd"]


class Momentum(_Rated):
    """Steps along the gradient and, fading, the steps before; `nesterov` looks one step ahead."""

    name: Literal["momentum", "nesterov"]
    momentum: Share = 0.9


class Adagrad(_Rated):
    """Rates that fall with the squared gradients so far."""

    name: Literal["adagrad"]
    initial_accumulator: Strength = 0.0
    epsilon: Positive = 1e-10


class RmsProp(_Rated):
    """Rates by the running mean of squared gradients."""

    name: Literal["rmsprop"]
    alpha: Portion = 0.99
    momentum: Portion = 0.0
    epsilon: Positive = 1e-8


class Adam(_Rated):
    """Rates by running means of the gradient and its square; `adamw` decays weights apart from them."""

    name: Literal["adam", "adamw"]
    beta1: Portion = 0.9
    beta2: Portion = 0.999
    epsilon: Positive = 1e-8


Optimiser = Annotated[Sgd | Momentum | Adagrad | RmsProp | Adam, Field(discriminator="name")]


class Steady(Section):
    """The same rate all the time."""

    name: Literal["constant"]


class Step(Section):
    """The rate times `gamma` after every `step_size` epochs."""

    name: Literal["step"]
    step_size: Count
    gamma: Share = 0.1


class MultiStep(Section):
    """The rate times `gamma` after each of these epochs."""

    name: Literal["multistep"]
    milestones: list[Count] = Field(min_length=1)
    gamma: Share = 0.1


class PiecewiseConstant(Section):
    """The rate times the first factor up to the first boundary, times the second up to the next."""

    name: Literal["piecewise_constant"]
    boundaries: list[Count] = Field(min_length=1, description="Last epoch of each piece except the last")
    factors: list[Positive] = Field(description="One more than boundaries")


class Exponential(Section):
    """The rate times `gamma` with every epoch, step by step."""

    name: Literal["exponential"]
    gamma: Share


class InverseTime(Section):
    """The rate over 1 + `decay_rate` x epochs."""

    name: Literal["inverse_time"]
    decay_rate: Positive


class Cosine(Section):
    """Half a cosine from the rate down to `minimum_rate`."""

    name: Literal["cosine"]
    minimum_rate: Strength = 0.0


class OneCycle(Section):
    """Up from a fraction of the rate, then down to almost nothing; the momentum goes the other way."""

    name: Literal["one_cycle"]
    warm_up: Share = Field(description="Share of the steps in which the rate rises")
    start_divisor: Positive = Field(
        default=25.0, description="The initial rate is the highest divided by this"
    )
    end_divisor: Positive = Field(
        default=1e4, description="The final rate is the initial one divided by this"
    )
    base_momentum: Portion = Field(
        default=0.85,
        description="Replaces the optimiser's momentum or beta1, if it has one, at the highest rate",
    )
    max_momentum: Portion = Field(
        default=0.95,
        description="Replaces the optimiser's momentum or beta1, if it has one, at the lowest rates",
    )


Schedule = Annotated[
    Steady | Step | MultiStep | PiecewiseConstant | Exponential | InverseTime | Cosine | OneCycle,
    Field(discriminator="name"),
]


def _known_batch_size(value: object) -> object:
    if value == "full" or (type(value) is int and value >= 1):
        return value
    raise PydanticCustomError("batch_size", "Input should be 'full' or a whole number from 1")


BatchSize = Annotated[int | Literal["full"], BeforeValidator(_known_batch_size)]


class Loop(Section):
    """How long and in what pieces. A key that is left out is a measure that is not taken."""

    epochs: Count
    batch_size: BatchSize = Field(
        description="Rows per step: 1 is stochastic, `full` is batch gradient descent, between is mini-batch"
    )
    shuffle: bool = True
    patience: Count | None = Field(
        default=None, description="Epochs without a validation loss near the lowest after which the run ends"
    )
    clip_value: Positive | None = Field(default=None, description="Largest size of a gradient's element")
    clip_norm: Positive | None = Field(default=None, description="Largest norm of all gradients combined")
    ema_decay: Share | None = Field(
        default=None, description="Share of the averaged weights that a step keeps"
    )
