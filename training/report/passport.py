"""bundle.json of a run: what the model is, where it comes from, how good it is."""

import dataclasses
import hashlib
import math
import platform
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np
import numpy.typing as npt

from pricerange.answer.reasons import Explainer, golden_reasons
from pricerange.bundle import (
    Background,
    FeatureRange,
    GoldenReasons,
    GoldenRow,
    Passport,
    PredictionSetScores,
    SeenRows,
    TrainingData,
    UnknownFeatures,
    scores_sha256,
)
from pricerange.phone import FEATURE_NAMES, LABELS
from training.export import answering
from training.quality.unknown import background
from training.report.run import Run
from training.row_hashes import as_text, row_hashes

GOLDEN_ROWS = 4
"""Golden rows of each price range."""
_MOST_HASHES = 1_000_000
"""Of rows that the version has seen: they take 8 MB, and bundle.json may have 16."""

_PACKAGES = ("numpy", "torch", "onnx", "onnxscript", "onnxruntime", "scikit-learn")


def passport(run: Run) -> Passport:
    """Fill in the passport of a run."""
    phones, parts = run.phones, run.parts
    used = run.model.used_features()
    kept = _background(run)
    return Passport(
        features=list(FEATURE_NAMES),
        labels=list(LABELS),
        model_sha256=hashlib.sha256(run.graph).hexdigest(),
        model_bytes=len(run.graph),
        created=datetime.now(UTC).replace(microsecond=0),
        recipe=run.recipe.model_dump(mode="json"),
        training_data=TrainingData(
            source=phones.source,
            sha256=phones.sha256,
            rows=len(phones.features),
            training_rows=len(parts.training),
        ),
        seen_rows=_seen_rows(run),
        feature_ranges=feature_ranges(phones.features[parts.training]),
        training_region=run.region,
        prediction_sets=_scores(run),
        background=kept,
        drift=run.drift,
        metrics={
            **dataclasses.asdict(run.evaluation),
            "conformal": {level: dataclasses.asdict(found) for level, found in run.coverage.items()},
            "condition_number": _finite(run.model.preprocess.condition_number),
            "condition_number_after_svd": _finite(run.model.preprocess.condition_number_left),
            "parts": {
                "training": len(parts.training),
                "validation": len(parts.validation),
                "test": len(parts.test),
            },
            "epochs": len(run.history.epochs),
            "leaks": [dataclasses.asdict(leak) for leak in run.leaks],
            "diagnosis": dataclasses.asdict(run.diagnosis),
            "usage": dataclasses.asdict(run.usage),
            "kept_epoch": dataclasses.asdict(run.history.kept),
        },
        calibration=dataclasses.asdict(run.calibration),
        verdict=run.verdict,
        golden_rows=_golden_rows(run, _explainer(run, kept, used)),
        packages={"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}},
    )


def feature_ranges(training_rows: npt.NDArray[np.float32]) -> dict[str, FeatureRange]:
    """Return where each feature lay in n rows float32 [n, 20]."""
    low, high = training_rows.min(axis=0), training_rows.max(axis=0)
    deciles = np.quantile(training_rows, np.arange(1, 10) / 10, axis=0).astype(np.float32)
    return {
        name: FeatureRange(
            low=_shortest(low[place]),
            high=_shortest(high[place]),
            deciles=[_shortest(value) for value in deciles[:, place]],
        )
        for place, name in enumerate(FEATURE_NAMES)
    }


def _seen_rows(run: Run) -> SeenRows | None:
    seen = (run.parts.training, run.parts.validation)
    if sum(map(len, seen)) > _MOST_HASHES:
        return None
    training, validation = (as_text(row_hashes(run.phones.features[rows])) for rows in seen)
    return SeenRows(training=training, validation=validation)


def _scores(run: Run) -> PredictionSetScores:
    of_truth, patterns = run.sets.of_truth, run.sets.patterns
    unknown = [
        UnknownFeatures(features=list(features), thresholds=thresholds)
        for features, thresholds in patterns.kept.items()
    ]
    levels = list(patterns.levels)
    return PredictionSetScores(
        folds=run.recipe.sets.folds,
        of_truth=of_truth,
        levels=levels,
        unknown=unknown,
        sha256=scores_sha256(of_truth, levels, unknown),
    )


def _background(run: Run) -> Background:
    rows = background(run.phones, run.parts.training, run.recipe.seed)
    return Background(rows=[[_shortest(value) for value in row] for row in rows])


def _explainer(run: Run, kept: Background, used: npt.NDArray[np.intp]) -> Explainer:
    # where nothing is used, a version says so of no feature
    features = [FEATURE_NAMES[place] for place in used] or FEATURE_NAMES
    return Explainer(answering(run.graph), np.array(kept.rows, np.float32), features)


def _golden_rows(run: Run, explainer: Explainer) -> list[GoldenRow]:
    """Take the first test phones of each price range, with ONNX Runtime's answers; of the first also why."""

    def reasons(row: int) -> GoldenReasons:
        return golden_reasons(explainer, run.phones.features[row], int(run.answers.price_range[row]))

    of_test = run.phones.price_range[run.parts.test]
    return [
        GoldenRow(
            features=[_shortest(value) for value in run.phones.features[row]],
            probabilities=[_shortest(value) for value in run.answers.probabilities[row]],
            reasons=None if place else reasons(row),
        )
        for price_range in range(len(LABELS))
        for place, row in enumerate(run.parts.test[of_test == price_range][:GOLDEN_ROWS])
    ]


def _finite(value: float) -> float | None:
    """Return what JSON can hold: None for an infinite number."""
    return value if math.isfinite(value) else None


def _shortest(value: np.float32) -> float:
    """Return the double with the shortest text that is this float32: 0.1, not 0.10000000149011612."""
    return float(str(value))
