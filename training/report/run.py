"""A finished run: what it learned from, what it made and how good that is."""

from dataclasses import dataclass

from pricerange.answer.prediction_sets import PredictionSets
from pricerange.bundle import TrainingRegion
from pricerange.drift_reference import DriftReference
from pricerange.predictor import Prediction
from pricerange.verdict import Verdict
from training.data import LabelledPhones
from training.fit.history import History
from training.network.network import PhoneModel
from training.quality.calibrate import Calibration
from training.quality.coverage import Coverage
from training.quality.importance import Importance
from training.quality.leak import Leak
from training.quality.measures import Measures
from training.quality.usage import Usage
from training.recipe.recipe import Recipe
from training.report.diagnose import Diagnosis
from training.split import SplitRows


@dataclass(frozen=True, slots=True)
class Run:
    """`answers` are ONNX Runtime's to all n phones.

    `evaluation`, `coverage`, `importances` and `verdict` are of those to the test part; `region` is where the
    training part lies, None where the model uses no feature, and `usage` what it makes use of in all phones.
    `leaks` are of the training and the validation part; `drift` is what later phones are compared with.
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
    leaks: list[Leak]
    usage: Usage
    verdict: Verdict
