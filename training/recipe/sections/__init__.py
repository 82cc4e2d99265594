"""The sections of a recipe: a class for each choice, so that a key it does not use is unknown to it.

Names and meanings are those of torch, or of Keras where torch has none.
"""

from training.recipe.sections.data import Augmentation, Preprocess, Sets, Split
from training.recipe.sections.head import Head, Number, Ordinal, Softmax
from training.recipe.sections.initialisation import (
    ByRule,
    Constant,
    Fixed,
    Initialisation,
    LayerInitialisation,
    Normal,
    PerLayer,
    Uniform,
)
from training.recipe.sections.loop import Bagging, Loop, Pretraining
from training.recipe.sections.network import Activation, Lstm, Mlp, Network
from training.recipe.sections.optimiser import Adagrad, Adam, Momentum, Optimiser, RmsProp, Sgd
from training.recipe.sections.schedule import (
    Cosine,
    Exponential,
    InverseTime,
    MultiStep,
    OneCycle,
    PiecewiseConstant,
    ReduceOnPlateau,
    Schedule,
    Steady,
    Step,
)
from training.recipe.sections.section import Section

__all__ = [
    "Activation",
    "Adagrad",
    "Adam",
    "Augmentation",
    "Bagging",
    "ByRule",
    "Constant",
    "Cosine",
    "Exponential",
    "Fixed",
    "Head",
    "Initialisation",
    "InverseTime",
    "LayerInitialisation",
    "Loop",
    "Lstm",
    "Mlp",
    "Momentum",
    "MultiStep",
    "Network",
    "Normal",
    "Number",
    "OneCycle",
    "Optimiser",
    "Ordinal",
    "PerLayer",
    "PiecewiseConstant",
    "Preprocess",
    "Pretraining",
    "ReduceOnPlateau",
    "RmsProp",
    "Schedule",
    "Section",
    "Sets",
    "Sgd",
    "Softmax",
    "Split",
    "Steady",
    "Step",
    "Uniform",
]
