"""Versions that a bench spoils cannot be served, and each for the reason that its name says."""

import shutil
from pathlib import Path

import pytest

from bench.rollout.faults.spoilt import SPOILT
from pricerange import bundle
from pricerange.errors import (
    ChecksumError,
    GoldenRowError,
    MissingFileError,
    PassportError,
    PriceRangeError,
    TruncatedModelError,
    UnloadableModelError,
    UnreadableFileError,
)
from pricerange.predictor import Predictor

REASONS: dict[str, type[PriceRangeError]] = {
    "model.onnx cut short": TruncatedModelError,
    "a bit of model.onnx flipped": ChecksumError,
    "model.onnx is no graph": UnloadableModelError,
    "model.onnx is a pipe": UnreadableFileError,
    "bundle.json cut short": PassportError,
    "no bundle.json": MissingFileError,
    "golden rows have other answers": GoldenRowError,
}


@pytest.mark.parametrize("case", [pytest.param(case, id=case) for case in REASONS])
def test_a_spoilt_version_cannot_be_loaded(model_repository: Path, tmp_path: Path, case: str) -> None:
    models = shutil.copytree(model_repository, tmp_path / "models")
    version = bundle.find(models)
    SPOILT[case](version)
    with pytest.raises(REASONS[case]):
        Predictor(bundle.read(version))


def test_a_rejected_version_is_not_promotable(model_repository: Path, tmp_path: Path) -> None:
    models = shutil.copytree(model_repository, tmp_path / "models")
    version = bundle.find(models)
    assert bundle.promotion(version).promotable
    [rejected] = SPOILT.keys() - REASONS
    SPOILT[rejected](version)
    assert not bundle.promotion(version).promotable
