"""What answers in files are worth, in every form; phones out of range are refused where that is asked for."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from scoring_tables import read, rejects_of, write

from pricerange import bundle, synthetic
from pricerange.answer.applicability import TrainingRegion
from pricerange.answer.prediction_sets import PredictionSets
from pricerange.errors import UncalibratedError
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor
from pricerange.tables.errors import BadRowError
from scoring.errors import JobDiffersError
from scoring.job.job import WorthAsked
from scoring.order import Options
from scoring.score import score

RAM = FEATURE_NAMES.index("ram")
FORMS = ["csv", "parquet", "ndjson"]
REFUSE = WorthAsked("refuse")


@pytest.fixture(scope="module")
def rows():
    table = synthetic.phones(300, block=4)[0].astype(np.float32)
    table[100:110, RAM] = 8_192
    table[200:210, [FEATURE_NAMES.index("three_g"), FEATURE_NAMES.index("four_g")]] = 0, 1
    return table


@pytest.fixture
def source(tmp_path, rows):
    columns = {name: rows[:, k].astype(np.float64).round(6) for k, name in enumerate(FEATURE_NAMES)}
    return str(write(pa.table({**columns, "id": np.arange(len(rows))}), tmp_path / "in.parquet"))


@pytest.mark.parametrize("form", FORMS)
def test_columns_tell_what_the_core_says(tmp_path, model_repository, rows, source, form):
    predictor = Predictor.load(model_repository)
    found = TrainingRegion.of_version(predictor.bundle.passport).of(rows)
    sets = PredictionSets.of_version(predictor.bundle.passport).of(
        predictor.predict(rows).probabilities, 0.99
    )
    target = tmp_path / f"out.{form}"
    options = Options(worth=WorthAsked(sets=0.99))
    summary = score([source], target, model_repository, options=options)
    answered = read(target)
    assert [row["in_range"] for row in answered] == found.in_range.tolist()
    assert 10 <= (~found.in_range).sum() < len(rows)
    assert [row["outside"] or "" for row in answered] == [
        "|".join(found.features(k)) for k in range(len(rows))
    ]
    expected = [np.flatnonzero(row).tolist() for row in sets]
    if form == "csv":
        assert [str(row["prediction_set"]) for row in answered] == [
            "|".join(map(str, one)) for one in expected
        ]
    else:
        assert [row["prediction_set"] for row in answered] == expected
    if form == "parquet":
        assert parquet.read_schema(target).field("prediction_set").type.value_type == pa.int8()
    shares = dict(zip(FEATURE_NAMES, found.outside.mean(axis=0).tolist(), strict=True))
    assert summary.outside_training_range == pytest.approx(shares)


def test_nothing_is_told_where_that_is_asked_for(tmp_path, model_repository, source):
    options = Options(worth=WorthAsked("answer"))
    score([source], tmp_path / "out.csv", model_repository, options=options)
    assert list(read(tmp_path / "out.csv")[0])[-1] == "probability_3"


@pytest.mark.parametrize("form", FORMS)
def test_phones_out_of_range_are_bad_rows_where_they_are_refused(
    tmp_path, model_repository, rows, source, form
):
    predictor = Predictor.load(model_repository)
    region = TrainingRegion.of_version(predictor.bundle.passport)
    bad = np.flatnonzero(~region.of(rows).in_range)
    told = f"ram: expected {int(region.low[RAM])} to {int(region.high[RAM])}, the training range, found 8192"
    target = tmp_path / f"out.{form}"
    with pytest.raises(BadRowError, match=f"row {bad[0] + 1}: "):
        score([source], target, model_repository, options=Options(worth=REFUSE))
    summary = score([source], target, model_repository, options=Options("reject", worth=REFUSE))
    assert (summary.rows, summary.rejected) == (300, len(bad))
    assert summary.reasons["ram: out of range"] >= 10
    rejected = read(rejects_of(target))
    assert [row["row"] - 1 for row in rejected] == bad.tolist()
    assert rejected[bad.tolist().index(100)]["reason"].startswith(told)
    score([source], target, model_repository, options=Options("null", worth=REFUSE))
    row = read(target)[100]
    assert row["price_range"] is None
    assert row["error"].startswith(told)


def test_rows_without_an_answer_are_worth_nothing(tmp_path, model_repository, source):
    (tmp_path / "in.ndjson").write_text(json.dumps(dict.fromkeys(FEATURE_NAMES, 0)) + "\n")
    options = Options("null", worth=WorthAsked(sets=0.9))
    score([str(tmp_path / "in.ndjson")], tmp_path / "out.parquet", model_repository, options=options)
    [row] = read(tmp_path / "out.parquet")
    assert row["in_range"] is row["outside"] is row["prediction_set"] is None


def test_another_level_is_another_job(tmp_path, model_repository, source):
    score([source], tmp_path / "out", model_repository, options=Options(worth=WorthAsked(sets=0.9)))
    with pytest.raises(JobDiffersError, match="--sets"):
        score([source], tmp_path / "out", model_repository, options=Options(worth=WorthAsked(sets=0.95)))


def test_another_calibration_is_named_and_another_job(tmp_path, model_repository, source):
    options = Options(worth=WorthAsked(sets=0.9))
    version = bundle.read(bundle.find(model_repository))
    scores = version.passport.prediction_sets
    summary = score([source], tmp_path / "out", model_repository, options=options)
    assert summary.sets == {"level": 0.9, "calibration": scores.sha256[:12]}
    assert f"prediction sets of level 0.9, calibration {scores.sha256[:12]}" in str(summary)
    of_truth = [given[1:] for given in scores.of_truth]
    other = bundle.PredictionSetScores(
        folds=2, of_truth=of_truth, sha256=bundle.scores_sha256(of_truth, [], [])
    )
    passport = version.passport.model_copy(update={"prediction_sets": other})
    bundle.write(tmp_path / "models", version.model, passport, {})
    with pytest.raises(JobDiffersError, match="calibration of sets"):
        score([source], tmp_path / "out", tmp_path / "models", 1, options=options)


def test_a_version_without_sets_says_so(tmp_path, source):
    models = Path(__file__).parents[3] / "models"
    with pytest.raises(UncalibratedError, match="version 2 was not calibrated"):
        score([source], tmp_path / "out.csv", models, 2, options=Options(worth=WorthAsked(sets=0.9)))
