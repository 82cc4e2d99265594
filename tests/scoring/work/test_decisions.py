"""Decisions and abstaining in files are the core's, in every form; without them nothing changes."""

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from scoring_tables import read, write

from pricerange import synthetic
from pricerange.answer.decisions import CostMatrix
from pricerange.answer.prediction_sets import PredictionSets, abstains
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor
from scoring.errors import JobDiffersError
from scoring.job.job import WorthAsked
from scoring.order import Options
from scoring.score import score

COSTS = CostMatrix.read("[[0,1,2,3],[2,0,1,2],[40,20,0,1],[60,40,20,0]]")
ROWS = synthetic.phones(200, block=4)[0].astype(np.float32)
DECIDING = Options("null", worth=WorthAsked(sets=0.95, costs=COSTS, abstain=True))


@pytest.fixture
def source(tmp_path):
    columns = {name: ROWS[:, k].astype(np.float64).round(6) for k, name in enumerate(FEATURE_NAMES)}
    columns["ram"][7] = 1  # no phone
    return str(write(pa.table(columns), tmp_path / "in.parquet"))


@pytest.mark.parametrize("form", ["csv", "parquet", "ndjson"])
def test_columns_tell_what_the_core_decides(tmp_path, model_repository, source, form):
    predictor = Predictor.load(model_repository)
    probabilities = predictor.predict(ROWS).probabilities
    decided = COSTS.decide(probabilities)
    sets = PredictionSets.of_version(predictor.bundle.passport).of(probabilities, 0.95)
    target = tmp_path / f"out.{form}"
    score([source], target, model_repository, options=DECIDING)
    answered = read(target)
    assert list(answered[0])[-4:] == ["abstain", "decision", "expected_cost", "error"]
    assert answered.pop(7)["decision"] is None
    good = np.arange(len(ROWS)) != 7
    assert [row["decision"] for row in answered] == decided.price_range[good].tolist()
    costs = np.array([row["expected_cost"] for row in answered], np.float32)
    assert costs.tobytes() == decided.expected_cost[good].tobytes()
    assert [row["abstain"] for row in answered] == abstains(sets)[good].tolist()
    if form == "parquet":
        schema = parquet.read_schema(target)
        assert (schema.field("decision").type, schema.field("expected_cost").type) == (
            pa.int64(),
            pa.float32(),
        )


def test_other_costs_are_another_job_and_none_is_one_too(tmp_path, model_repository, source):
    def run(worth):
        score([source], tmp_path / "out", model_repository, options=Options("null", worth=worth))

    run(WorthAsked(costs=COSTS))
    run(WorthAsked(costs=COSTS))
    for other in (WorthAsked(costs=CostMatrix(COSTS.costs[::-1])), WorthAsked()):
        with pytest.raises(JobDiffersError, match="--cost-matrix"):
            run(other)
    with pytest.raises(JobDiffersError, match="--abstain"):
        run(WorthAsked(costs=COSTS, abstain=True, sets=0.9))
