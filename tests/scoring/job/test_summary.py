"""What a job says of itself: on the terminal, as JSON, to Prometheus."""

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from pyarrow import csv
from typer.testing import CliRunner

from pricerange.cli import app
from pricerange.phone import FEATURE_NAMES, LABELS
from pricerange.predictor import Predictor
from scoring.job.tally import Tally


@pytest.fixture
def job(tmp_path, phones_csv, model_repository):
    """Score the phones and two bad ones by the command line."""
    source = tmp_path / "in.csv"
    header, *rows = phones_csv.read_text().splitlines()[:401]
    bad = [rows[0].split(","), rows[0].split(",")]
    bad[0][header.split(",").index("ram")] = "4"
    bad[1][header.split(",").index("wifi")] = ""
    source.write_text("\n".join([header, *(",".join(row) for row in bad), *rows]) + "\n")
    command = ["score", source, tmp_path / "out", "--models", model_repository, "--on-bad-row", "reject"]
    command += ["--metrics-textfile", tmp_path / "score.prom"]
    done = CliRunner().invoke(app, [str(part) for part in command])
    assert done.exit_code == 0, done.output
    predictor = Predictor.load(model_repository)
    table = csv.read_csv(phones_csv).slice(0, 400)
    features = np.column_stack([table[name].to_numpy().astype(np.float32) for name in FEATURE_NAMES])
    return tmp_path, done.stdout, predictor, features


def test_the_summary_says_what_became_of_the_rows_and_which_model_answered(job):
    folder, terminal, predictor, features = job
    found = json.loads((folder / "out" / "summary.json").read_text())
    price_range = predictor.predict(features).price_range
    counts = dict(zip(LABELS, np.bincount(price_range, minlength=4).tolist(), strict=True))
    assert found["rows"] == 402
    assert found["rejected"] == 2
    assert found["reasons"] == {"ram: out of limits": 1, "wifi: null": 1}
    assert found["price_ranges"] == counts
    passport = predictor.bundle.passport
    assert found["model"] == {
        "name": predictor.bundle.name,
        "version": predictor.bundle.version,
        "sha256": passport.model_sha256,
    }
    lay = passport.feature_ranges
    for place, name in enumerate(FEATURE_NAMES):
        low, high = np.float32(lay[name].low), np.float32(lay[name].high)
        outside = ((features[:, place] < low) | (features[:, place] > high)).mean()
        assert found["outside_training_range"][name] == pytest.approx(outside)
    assert found["rows_per_second"] == pytest.approx(402 / found["seconds"], rel=0.01)
    assert "402 rows from 1 file, scored by phone_price_range version 1" in terminal
    assert f"400 answered in {folder}/out: {counts['low']} low, " in terminal
    assert f"2 rejected to {folder}/out.rejected: ram: out of limits 1, wifi: null 1" in terminal


def test_the_textfile_is_the_same_for_prometheus(job):
    folder, _, predictor, _ = job
    found = json.loads((folder / "out" / "summary.json").read_text())
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families((folder / "score.prom").read_text())
        for sample in family.samples
    }
    assert samples["pricerange_score_rows",] == 402
    assert samples["pricerange_score_bad_rows", "ram: out of limits"] == 1
    for label, count in found["price_ranges"].items():
        assert samples["pricerange_score_answered_rows", label] == count
    for name, share in found["outside_training_range"].items():
        assert samples["pricerange_score_outside_training_range_ratio", name] == share
    assert samples["pricerange_score_duration_seconds",] == found["seconds"]
    sha256 = predictor.bundle.passport.model_sha256
    assert samples["pricerange_score_model_info", "phone_price_range", sha256, "1"] == 1
    assert samples["pricerange_score_completion_timestamp_seconds",] > 1.7e9


COUNTS = st.builds(
    lambda ranges, outside, bad: Tally(
        sum(ranges) + sum(bad.values()), np.array(ranges), np.array(outside), bad
    ),
    st.lists(st.integers(0, 99), min_size=4, max_size=4),
    st.lists(st.integers(0, 99), min_size=20, max_size=20),
    st.dictionaries(st.sampled_from(["ram: null", "fc: NaN"]), st.integers(1, 9)).map(Counter),
)


@given(st.lists(COUNTS, max_size=5), st.randoms())
def test_counts_add_up_in_any_order_and_survive_a_file(counters, order):
    total, again = Tally(), Tally()
    for tally in counters:
        total.add(tally)
    order.shuffle(counters)
    for tally in counters:
        again.add(Tally.of_json(json.loads(json.dumps(tally.as_json()))))
    assert again.as_json() == total.as_json()
    assert total.phones + sum(total.bad.values()) == total.rows
