"""Phones of which features are unknown, in files of every form: averages, as the core has them."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet
from scoring_tables import read, rejects_of, write

from pricerange import synthetic
from pricerange.answer.prediction_sets import PredictionSets
from pricerange.answer.unknown import Averages
from pricerange.errors import NoBackgroundError
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor
from pricerange.tables.errors import BadRowError
from scoring.errors import JobDiffersError
from scoring.job.job import WorthAsked
from scoring.order import Options
from scoring.score import score

FORMS = ["csv", "parquet", "ndjson"]
AVERAGE = WorthAsked(sets=0.8, unknown="average")
PROBABILITIES = [f"probability_{one}" for one in range(4)]


@pytest.fixture(scope="module")
def rows():
    table = synthetic.phones(60, block=6)[0].astype(np.float32)
    draw = np.random.default_rng(2)
    for row, count in zip(table[:40], draw.integers(1, 5, 40), strict=True):
        row[draw.choice(20, count, replace=False)] = np.nan
    return table


@pytest.fixture(scope="module")
def columns(rows):
    exact = {name: rows[:, k].astype(np.float64).round(6) for k, name in enumerate(FEATURE_NAMES)}
    nulls = {name: pa.array(values, from_pandas=True) for name, values in exact.items()}
    return pa.table({**nulls, "id": np.arange(len(rows))})


def bits(answered):
    return np.array([[row[name] for name in PROBABILITIES] for row in answered], np.float32).tobytes()


@pytest.mark.parametrize("target", FORMS)
@pytest.mark.parametrize("source", ["csv", "ndjson", "parquet", "arrow"])
def test_every_form_has_the_same_averages_and_names_what_was_unknown(
    tmp_path, model_repository, rows, columns, source, target
):
    predictor, unknown = Predictor.load(model_repository), np.isnan(rows)
    expected = Averages.of_version(predictor).predict(rows)
    sets = PredictionSets.of_version(predictor.bundle.passport).of(expected.probabilities, 0.8, unknown)
    out = tmp_path / f"out.{target}"
    path = write(columns, tmp_path / f"in.{source}")
    summary = score([str(path)], out, model_repository, options=Options(worth=AVERAGE))
    answered = read(out)
    assert (summary.rows, summary.rejected) == (len(rows), 0)
    assert bits(answered) == expected.probabilities.tobytes()
    assert [row["price_range"] for row in answered] == expected.price_range.tolist()
    names = [[FEATURE_NAMES[place] for place in np.flatnonzero(row)] for row in unknown]
    assert [row["unknown"] or "" for row in answered] == ["|".join(each) for each in names]
    found = [np.flatnonzero(row).tolist() for row in sets]
    as_text = ["|".join(map(str, each)) for each in found]
    assert [row["prediction_set"] for row in answered] == (found if target != "csv" else as_text)
    # what came without a value stays without one
    assert [[name for name in FEATURE_NAMES if row[name] is None] for row in answered] == names


def test_nan_in_a_column_of_floats_is_unknown_too(tmp_path, model_repository, rows):
    table = pa.table({name: rows[:, k] for k, name in enumerate(FEATURE_NAMES)})
    parquet.write_table(table, tmp_path / "in.parquet")
    options = Options(worth=AVERAGE)
    score([str(tmp_path / "in.parquet")], tmp_path / "out.parquet", model_repository, options=options)
    expected = Averages.of_version(Predictor.load(model_repository)).predict(rows)
    assert bits(read(tmp_path / "out.parquet")) == expected.probabilities.tobytes()


def test_without_being_asked_for_a_gap_is_a_bad_row_as_ever(tmp_path, model_repository, columns):
    source = str(write(columns, tmp_path / "in.csv"))
    with pytest.raises(BadRowError, match=r"row 1: .*, got null"):
        score([source], tmp_path / "out.csv", model_repository)
    summary = score([source], tmp_path / "out.csv", model_repository, options=Options("reject"))
    assert (summary.rows, summary.rejected) == (60, 40)


def test_text_that_is_no_number_is_a_bad_row_still(tmp_path, model_repository, columns):
    texts = [None, "nan", "?", " "] + ["512"] * 56
    table = columns.set_column(FEATURE_NAMES.index("ram"), "ram", pa.array(texts))
    csv.write_csv(table, tmp_path / "in.csv")
    options = Options("reject", worth=AVERAGE)
    score([str(tmp_path / "in.csv")], tmp_path / "out.csv", model_repository, options=options)
    rejected = read(rejects_of(tmp_path / "out.csv"))
    assert [row["row"] for row in rejected] == [2, 3]
    assert [str(row["reason"]).rsplit(", ", 1)[1] for row in rejected] == [
        'got the string "nan"',
        'got the string "?"',
    ]


def test_to_average_or_not_is_another_job(tmp_path, model_repository, columns):
    source = str(write(columns.slice(40), tmp_path / "in.parquet"))
    score([source], tmp_path / "out", model_repository, options=Options(worth=WorthAsked(sets=0.8)))
    with pytest.raises(JobDiffersError, match="--unknown"):
        score([source], tmp_path / "out", model_repository, options=Options(worth=AVERAGE))


def test_a_version_without_background_phones_says_so(tmp_path, columns):
    models, source = Path(__file__).parents[3] / "models", str(write(columns, tmp_path / "in.parquet"))
    asked = Options(worth=WorthAsked(unknown="average"))
    with pytest.raises(NoBackgroundError, match="version 2 keeps no background rows"):
        score([source], tmp_path / "out.csv", models, 2, options=asked)
    assert not (tmp_path / "out.csv").exists()
