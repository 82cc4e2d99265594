"""A finished run: what it learned from, what it made and how good that is."""

from dataclasses import dataclass

from pricerange.answer.prediction_sets import PredictionSets
from pricerange.bundle import DriftReference, TrainingRegion
from pricerange.predictor import Prediction
from training.data import LabelledPhones
from training.fit.history import History
from training.network.network import PhoneModel
from training.quality.calibrate import Calibration
from training.quality.coverage import Coverage
from training.quality.importance import Importance
from training.quality.measures import Measures
from training.recipe.recipe import Recipe
from training.report.diagnose import Diagnosis
from training.split import SplitRows


@dataclass(frozen=True, slots=True)
class Run:
    """`answers` are ONNX Runtime's to all n phones.

    `evaluation`, `coverage` and `importances` are of those to the test part; `region` is where the training
    part lies, None where the model uses no feature; `drift` is what later phones are compared with.
    """

    recipe: Recipe
    phones: LabelledPhones
    parts: SplitRows
    model: PhoneModel
    history: History
    diagnosis: Diagnosis
    graph: bytes
    answers: Prediction
    evaluation: Measures
    calibration: Calibration
    sets: PredictionSets
    coverage: dict[str, Coverage]
    importances: list[Importance]
    region: TrainingRegion | None
    drift: DriftReference
