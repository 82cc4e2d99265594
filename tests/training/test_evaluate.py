"""A model version judged by a file: by the predictor that serves it, with what it has seen of the file."""

import gzip
import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from pricerange import synthetic
from pricerange.errors import ModelNotFoundError
from pricerange.predictor import Predictor
from training import data
from training import evaluate as evaluation


def shown(found: evaluation.VersionEvaluation) -> str:
    said = io.StringIO()
    evaluation.show(found, Console(file=said, width=100))
    return said.getvalue()


def test_measures_what_the_served_model_answers(model_repository: Path) -> None:
    found = evaluation.evaluate(model_repository, ["synthetic:500"])
    phones = data.generate(500)
    answered = Predictor.load(model_repository).predict(phones.features).price_range
    assert found.evaluation.accuracy == pytest.approx(np.mean(answered == phones.price_range))
    assert (found.evaluation.rows, found.learned, found.tuned) == (500, 0, 0)
    assert list(found.conformal) == ["0.9", "0.95", "0.99"]
    assert "of these phones trained it" not in shown(found)


def test_says_that_the_version_was_made_from_the_file(model_repository: Path) -> None:
    found = evaluation.evaluate(model_repository, ["synthetic:1000"], 1)
    assert (found.learned, found.tuned) == (800, 100)
    assert "800 of these phones trained it" in " ".join(shown(found).split())


def test_knows_the_data_that_the_version_was_made_from_by_its_bytes(
    model_repository: Path, tmp_path: Path
) -> None:
    text = synthetic.as_csv(*synthetic.phones(1_000)).encode()
    (tmp_path / "phones.csv").write_bytes(text)
    (tmp_path / "phones.csv.gz").write_bytes(gzip.compress(text))
    same, packed = (
        evaluation.evaluate(model_repository, [str(tmp_path / name)])
        for name in ("phones.csv", "phones.csv.gz")
    )
    assert same.evaluation == packed.evaluation
    assert (same.learned, same.tuned, packed.learned, packed.tuned) == (800, 100, 0, 0)


def test_shows_every_measure_for_people(model_repository: Path) -> None:
    found = evaluation.evaluate(model_repository, ["synthetic:500"])
    said = shown(found)
    assert said.startswith("phone_price_range 1 on synthetic:500: 500 phones")
    for word in ("accuracy", "kappa", "Brier", "very high", "95 %", "weighted mean", "prediction sets"):
        assert word in said
    low, high = found.evaluation.intervals["accuracy"]
    assert f"{found.evaluation.accuracy:.4f}  {low:.4f} to {high:.4f}" in said


def test_json_holds_all_of_it(model_repository: Path) -> None:
    found = evaluation.evaluate(model_repository, ["synthetic:500"])
    stored = json.loads(evaluation.as_json(found))
    assert stored["evaluation"]["accuracy"] == found.evaluation.accuracy
    assert stored["evaluation"]["intervals"]["nll"] == list(found.evaluation.intervals["nll"])
    assert stored["conformal"]["0.9"]["coverage"] == found.conformal["0.9"].coverage


def test_refuses_a_version_that_is_not_there(model_repository: Path) -> None:
    with pytest.raises(ModelNotFoundError):
        evaluation.evaluate(model_repository, ["synthetic:500"], 7)
