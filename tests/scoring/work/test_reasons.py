"""Why answers in files are what they are: the columns of the service, bit by bit, in every form."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from scoring_tables import read, write

from pricerange import bundle, synthetic
from pricerange.answer.reasons import Explainer
from pricerange.errors import NoBackgroundError
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor
from scoring.errors import JobDiffersError
from scoring.job.job import WorthAsked
from scoring.order import Options
from scoring.score import look, score

FORMS = ["csv", "parquet", "ndjson"]
EXPLAINED = WorthAsked(explain=True)
ROWS = synthetic.phones(150, block=11)[0].astype(np.float32)


@pytest.fixture
def source(tmp_path):
    columns = {name: ROWS[:, k].astype(np.float64).round(6) for k, name in enumerate(FEATURE_NAMES)}
    columns["score"] = np.arange(len(ROWS))
    return str(write(pa.table(columns), tmp_path / "in.parquet"))


@pytest.fixture(scope="module")
def expected(pruned_repository):
    predictor = Predictor.load(pruned_repository)
    found = Explainer.of_version(predictor).explain(ROWS, predictor.predict(ROWS).price_range)
    return {
        "score": found.value[:, 0],
        "score_base": found.base[:, 0],
        **{f"reason_{name}": found.contributions[:, k, 0] for k, name in enumerate(found.features)},
    }


@pytest.mark.parametrize("form", FORMS)
def test_columns_tell_what_each_feature_adds(tmp_path, pruned_repository, source, expected, form):
    target = tmp_path / f"out.{form}"
    score([source], target, pruned_repository, options=Options(worth=EXPLAINED))
    answered = read(target)
    assert list(answered[0])[-len(expected) :] == list(expected)
    assert [row["input_score"] for row in answered] == list(range(len(ROWS)))
    for name, values in expected.items():
        assert np.array([row[name] for row in answered], np.float32).tobytes() == values.tobytes()
    if form == "parquet":
        assert parquet.read_schema(target).field("reason_ram").type == pa.float32()


def test_rows_without_answer_have_no_reasons(tmp_path, pruned_repository, expected):
    columns = {name: ROWS[:, k].astype(np.float64).round(6) for k, name in enumerate(FEATURE_NAMES)}
    columns["ram"][[0, 77]] = 1
    source = str(write(pa.table(columns), tmp_path / "in.csv"))
    target = tmp_path / "out.parquet"
    score([source], target, pruned_repository, options=Options("null", worth=EXPLAINED))
    found = parquet.read_table(target)["reason_ram"]
    assert found.is_null().to_numpy().nonzero()[0].tolist() == [0, 77]
    assert found[78].as_py() == expected["reason_ram"][78]


def test_a_feature_that_is_unknown_has_no_share(tmp_path, pruned_repository):
    rows = ROWS[:3].copy()
    rows[1, FEATURE_NAMES.index("ram")] = np.nan
    columns = {name: pa.array(rows[:, k], from_pandas=True) for k, name in enumerate(FEATURE_NAMES)}
    source, target = str(write(pa.table(columns), tmp_path / "in.parquet")), tmp_path / "out.parquet"
    score(
        [source],
        target,
        pruned_repository,
        options=Options(worth=WorthAsked(explain=True, unknown="average")),
    )
    predictor = Predictor.load(pruned_repository)
    price_range = parquet.read_table(target)["price_range"].to_numpy()
    found = Explainer.of_version(predictor).explain(rows, price_range)
    answered = parquet.read_table(target)
    assert answered["score"].to_numpy().tobytes() == found.value[:, 0].tobytes()
    assert [value == 0 for value in answered["reason_ram"].to_pylist()] == [False, True, False]


def test_a_folder_of_parts_is_resumed_by_the_same_command_alone(tmp_path, pruned_repository, source):
    options = Options(worth=EXPLAINED)
    score([source], tmp_path / "out", pruned_repository, options=options)
    with pytest.raises(JobDiffersError, match="--explain"):
        score([source], tmp_path / "out", pruned_repository)


def test_a_dry_run_says_which_column_gives_way(pruned_repository, source):
    for worth, gives_way in ((WorthAsked(), False), (EXPLAINED, True)):
        told = look([source], "out.csv", pruned_repository, options=Options(worth=worth))
        assert ("score as input_score" in told) == gives_way


def test_where_coalitions_are_drawn_a_column_tells_the_error(tmp_path, model_repository, source):
    target = tmp_path / "out.parquet"
    score([source], target, model_repository, options=Options(worth=EXPLAINED))
    names = parquet.read_schema(target).names
    assert names[-1] == "reason_error"
    assert bundle.read(bundle.find(model_repository)).passport.active_features == tuple(
        name.removeprefix("reason_") for name in names[-21:-1]
    )


@pytest.mark.parametrize("run", [score, look])
def test_a_version_without_background_says_so(tmp_path, source, run):
    with pytest.raises(NoBackgroundError, match="version 2 keeps no background rows"):
        run([source], tmp_path / "out.csv", Path("models"), 2, options=Options(worth=EXPLAINED))
