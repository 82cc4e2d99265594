"""A model version judged by a file: by the predictor that serves it, with what it has seen of the file."""

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from pricerange import synthetic
from pricerange.errors import ModelNotFoundError
from pricerange.predictor import Predictor
from training import data
from training import evaluate as evaluation
from training.recipe.recipe import Recipe
from training.split import three_ways

COMMITTED = Path(__file__).parents[2] / "models"


def shown(found: evaluation.VersionEvaluation) -> str:
    said = io.StringIO()
    evaluation.show(found, Console(file=said, width=100))
    return said.getvalue()


def test_measures_what_the_served_model_answers(model_repository: Path) -> None:
    found = evaluation.evaluate(model_repository, ["synthetic:500"])
    phones = data.generate(500)
    answered = Predictor.load(model_repository).predict(phones.features).price_range
    assert found.evaluation.accuracy == pytest.approx(np.mean(answered == phones.price_range))
    assert (found.evaluation.rows, found.learned, found.tuned, found.new) == (500, 0, 0, None)
    assert list(found.conformal) == ["0.9", "0.95", "0.99"]
    assert "trained it" not in shown(found)


def test_says_which_phones_trained_the_version_and_measures_the_others(
    model_repository: Path, quick: Recipe
) -> None:
    found = evaluation.evaluate(model_repository, ["synthetic:1000"], 1)
    assert (found.learned, found.tuned, found.evaluation.rows) == (800, 100, 1_000)
    assert found.new is not None
    phones = data.generate(1_000)
    test = three_ways(phones.price_range, quick.split, quick.seed).test
    answered = Predictor.load(model_repository).predict(phones.features[test]).price_range
    assert found.new.evaluation.rows == 100
    assert found.new.evaluation.accuracy == pytest.approx(np.mean(answered == phones.price_range[test]))
    said = " ".join(shown(found).split())
    assert "800 of them trained it and 100 were used to stop and calibrate it" in said
    assert "of the 100 that are new to it" in said
    assert said.index(f"{found.new.evaluation.nll:.4f}") < said.index("Of all 1000 phones")
    assert said.index("Of all 1000 phones") < said.index(f"{found.evaluation.nll:.4f}")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        pytest.param("phones.csv", bytes, id="the same bytes"),
        pytest.param("phones.csv.gz", gzip.compress, id="gzip"),
        pytest.param("phones.csv", lambda text: text[:-1].replace(b",", b";"), id="other bytes"),
    ],
)
def test_knows_the_phones_that_it_has_learned_from_in_any_file(
    model_repository: Path, tmp_path: Path, name: str, written: Callable[[bytes], bytes]
) -> None:
    text = synthetic.as_csv(*synthetic.phones(1_000)).encode()
    (tmp_path / name).write_bytes(written(text))
    found = evaluation.evaluate(model_repository, [str(tmp_path / name)])
    assert (found.learned, found.tuned) == (800, 100)


def test_a_line_is_a_line_and_a_files_name_is_no_markup(model_repository: Path, tmp_path: Path) -> None:
    file = tmp_path / "[red]phones[0].csv"
    file.write_text(synthetic.as_csv(*synthetic.phones(1_000)))
    said = io.StringIO()
    evaluation.show(evaluation.evaluate(model_repository, [str(file)]), Console(file=said, width=40))
    first, second, third, *_ = said.getvalue().splitlines()
    assert first == "phone_price_range 1 on [red]phones[0].csv: 1000 phones"
    assert second.endswith(" 800 of them trained it and 100 were used to stop and calibrate it.")
    assert third == "What follows is of the 100 that are new to it; of all, at the end."


def test_a_few_phones_that_it_has_learned_from_are_told_from_others(
    model_repository: Path, quick: Recipe, tmp_path: Path
) -> None:
    features, price_range = synthetic.phones(1_000)
    training = three_ways(price_range, quick.split, quick.seed).training[:7]
    others, of_others = synthetic.phones(1_400)
    kept = slice(1_300, 1_400)
    table = np.concatenate([features[training], others[kept]])
    text = synthetic.as_csv(table, np.concatenate([price_range[training], of_others[kept]]))
    (tmp_path / "mixed.csv").write_text(text)
    found = evaluation.evaluate(model_repository, [str(tmp_path / "mixed.csv")])
    assert (found.learned, found.tuned, found.evaluation.rows) == (7, 0, 107)
    assert found.new is not None
    assert found.new.evaluation.rows == 100


def test_of_phones_that_are_all_known_there_is_nothing_else_to_measure(
    model_repository: Path, quick: Recipe, tmp_path: Path
) -> None:
    features, price_range = synthetic.phones(1_000)
    training = three_ways(price_range, quick.split, quick.seed).training[:3]
    (tmp_path / "known.csv").write_text(synthetic.as_csv(features[training], price_range[training]))
    found = evaluation.evaluate(model_repository, [str(tmp_path / "known.csv")])
    assert (found.learned, found.new) == (3, None)
    assert "None is new to it, so these results are too optimistic." in " ".join(shown(found).split())


def test_a_version_that_keeps_no_hashes_does_not_know() -> None:
    found = evaluation.evaluate(COMMITTED, ["synthetic:50"], 2)
    assert found.learned is found.tuned is found.new is None
    assert "Version 2 does not keep which phones it learned from." in " ".join(shown(found).split())


def test_shows_every_measure_for_people(model_repository: Path) -> None:
    found = evaluation.evaluate(model_repository, ["synthetic:500"])
    said = shown(found)
    assert said.startswith("phone_price_range 1 on synthetic:500: 500 phones")
    for word in ("accuracy", "kappa", "Brier", "very high", "95 %", "weighted mean", "prediction sets"):
        assert word in said
    assert found.evaluation.intervals["accuracy"]
    low, high = found.evaluation.intervals["accuracy"]
    assert f"{found.evaluation.accuracy:.4f}  {low:.4f} to {high:.4f}" in said


def test_json_holds_all_of_it(model_repository: Path) -> None:
    found = evaluation.evaluate(model_repository, ["synthetic:500"])
    stored = json.loads(evaluation.as_json(found))
    assert stored["evaluation"]["accuracy"] == found.evaluation.accuracy
    assert tuple(stored["evaluation"]["intervals"]["nll"]) == found.evaluation.intervals["nll"]
    assert stored["conformal"]["0.9"]["coverage"] == found.conformal["0.9"].coverage


def test_refuses_a_version_that_is_not_there(model_repository: Path) -> None:
    with pytest.raises(ModelNotFoundError):
        evaluation.evaluate(model_repository, ["synthetic:500"], 7)


def test_three_phones_are_too_few_to_be_sure_of(model_repository: Path, tmp_path: Path) -> None:
    features, price_range = synthetic.phones(1_400)
    answered = Predictor.load(model_repository).predict(features[1_300:].astype(np.float32)).price_range
    right = 1_300 + np.flatnonzero(answered == price_range[1_300:])[:3]
    (tmp_path / "three.csv").write_text(synthetic.as_csv(features[right], price_range[right]))
    found = evaluation.evaluate(model_repository, [str(tmp_path / "three.csv")])
    lines = shown(found).splitlines()
    (accuracy,) = [line for line in lines if line.startswith("accuracy")]
    assert accuracy.split() == ["accuracy", "1.0000", "0.2924", "to", "1.0000"]
    (macro_f1,) = [line for line in lines if line.startswith("macro F1")]
    assert macro_f1.split() == ["macro", "F1", "1.0000"]
