"""Logged predictions and labels that came later: who is judged, who is not, and how good the answers were."""

import csv
import gzip
import io
import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live_server import PRICERANGE
from pyarrow import parquet
from rich.console import Console
from scipy.stats import beta

from pricerange import synthetic
from pricerange.errors import SettingsError
from pricerange.phone import FEATURE_NAMES
from pricerange.prediction_log.pseudonyms import Pseudonyms
from pricerange.tables.errors import MissingColumnError, NoInputError, UnreadableTableError
from scoring.score import score
from training.errors import InvalidLabelError
from training.served import evaluate as served

ROOT = Path(__file__).parents[3]
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
Row = Mapping[str, object]


def prediction(request_id: str | None, price_range: int | None = 2, **more: object) -> Row:
    """A row of a log, of version 3 and a Wednesday, as sure as nine in ten."""
    sure = {f"probability_{k}": 0.9 if k == price_range else 0.1 / 3 for k in range(4)}
    time = MONDAY + timedelta(days=2)
    row = {"request_id": request_id, "row": None, "time": time, "version": "3", "price_range": price_range}
    return {**row, **sure, **more}


def write_log(folder: Path, rows: Sequence[Row], name: str = "predictions-1.parquet") -> str:
    folder.mkdir(exist_ok=True)
    types = {
        "request_id": pa.string(),
        "row": pa.int64(),
        "time": pa.timestamp("us", "UTC"),
        "version": pa.string(),
    }
    types |= {"price_range": pa.int64(), **{f"probability_{k}": pa.float32() for k in range(4)}}
    columns = {
        key: pa.array([row[key] for row in rows], kind) for key, kind in types.items() if key in rows[0]
    }
    parquet.write_table(pa.table(columns), folder / name)
    return str(folder)


def write_labels(path: Path, rows: Sequence[Row]) -> list[str]:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return [str(path)]


@pytest.fixture
def judged(tmp_path: Path) -> Callable[..., served.ServedEvaluation]:
    def evaluated(log: Sequence[Row], labels: Sequence[Row], **more: object) -> served.ServedEvaluation:
        found = write_labels(tmp_path / "labels.csv", labels)
        return served.evaluate(write_log(tmp_path / "log", log), found, **more)

    return evaluated


def label(request_id: str, price_range: object, **more: object) -> Row:
    return {"request_id": request_id, **more, "price_range": price_range}


def test_each_version_is_judged_week_by_week_and_in_all(
    judged: Callable[..., served.ServedEvaluation],
) -> None:
    sunday, next_monday = MONDAY + timedelta(days=6, hours=23, minutes=59), MONDAY + timedelta(days=7)
    log = [
        prediction("a", 2, time=MONDAY),
        prediction("b", 2, time=sunday),
        prediction("c", 2, time=next_monday),
        prediction("d", 1, time=MONDAY, version="10"),
        prediction("e", 1, time=MONDAY, version="10"),
    ]
    found = judged(log, [label("a", 2), label("b", 3), label("c", 2), label("d", 1)])
    assert [
        (each.version, each.week, each.predictions, each.judged, each.accuracy) for each in found.quality
    ] == [
        ("3", "2026-11-23", 2, 2, 0.5),
        ("3", "2026-11-30", 1, 1, 1.0),
        ("3", None, 3, 3, 2 / 3),
        ("10", "2026-11-23", 2, 1, 1.0),
        ("10", None, 2, 1, 1.0),
    ]
    first, *_ = found.quality
    assert first.nll == pytest.approx(-(np.log(0.9) + np.log(0.1 / 3)) / 2, rel=1e-6)


def test_the_interval_is_exact_also_where_all_are_right(
    judged: Callable[..., served.ServedEvaluation],
) -> None:
    ids = [f"id-{k}" for k in range(20)]
    found = judged(list(map(prediction, ids)), [label(each, 2) for each in ids])
    assert found.quality[-1].interval == (pytest.approx(beta.ppf(0.025, 20, 1)), 1.0)


def test_rows_of_a_batch_are_found_by_their_numbers_and_never_by_the_id_alone(
    judged: Callable[..., served.ServedEvaluation],
) -> None:
    log = [prediction("batch", k, row=k + 1) for k in range(4)] + [prediction("single", 1)]
    labels = [label("batch", k, row=k + 1) for k in range(3)] + [label("single", 1, row="")]
    found = judged(log, labels)
    assert (found.predictions.judged, found.quality[-1].accuracy) == (4, 1.0)
    assert (found.predictions.without_label, found.predictions.of_tables) == (1, 1)

    found = judged(log, [label("batch", 0), label("single", 1)])
    assert (found.predictions.judged, found.predictions.of_tables) == (1, 4)
    assert found.labels.without_prediction == 1


def test_repeated_and_contradicting_rows_are_told_apart(
    judged: Callable[..., served.ServedEvaluation],
) -> None:
    log = [
        *[prediction("retried", 1)] * 3,
        prediction("reused", 1),
        prediction("reused", 2),
        prediction("reused", 2, version="4"),
        prediction("denied", 0),
        prediction("", 0),
        prediction(None, 0),
        prediction("failed", None),
        prediction("late", 3),
    ]
    labels = [
        *[label("retried", 1)] * 2,
        label("reused", 2),
        label("denied", 0),
        label("denied", 1),
        label("denied", 1),
        label("failed", 0),
        label("nobody", 0),
        label("", 0),
    ]
    found = judged(log, labels)
    assert found.predictions == served.OfPredictions(
        rows=11,
        judged=1,
        without_label=1,
        of_tables=0,
        without_id=2,
        unanswered=1,
        repeated=2,
        ambiguous=3,
        contradicted=1,
    )
    assert found.labels == served.OfLabels(
        rows=9, with_prediction=2, without_prediction=2, repeated=1, contradicted=3, without_id=1
    )
    said = io.StringIO()
    served.show(found, Console(file=said, width=200))
    lines = [line.rstrip() for line in said.getvalue().splitlines()]
    assert "\n".join(lines) in (ROOT / "docs/prediction-log.md").read_text()


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "a", "b", "c"]),
            st.sampled_from([None, 1, 2]),
            st.sampled_from([None, 0, 1]),
            st.sampled_from(["1", "2"]),
        ),
        min_size=1,
        max_size=12,
    ),
    st.lists(
        st.tuples(st.sampled_from(["", "a", "b", "d"]), st.sampled_from(["", 1, 2]), st.integers(0, 1)),
        min_size=1,
        max_size=10,
    ),
)
def test_nothing_is_dropped_in_silence(
    tmp_path_factory: pytest.TempPathFactory,
    answers: list[tuple[str, int | None, int | None, str]],
    labels: list[tuple[str, object, int]],
) -> None:
    folder = tmp_path_factory.mktemp("served")
    log = [prediction(one, answer, row=row, version=version) for one, row, answer, version in answers]
    truth = [label(one, price_range, row=row) for one, row, price_range in labels]
    found = served.evaluate(write_log(folder / "log", log), write_labels(folder / "labels.csv", truth))
    told = found.predictions
    assert told.rows == len(log) == sum(each.predictions for each in found.quality if each.week is None)
    assert told.rows == (
        told.judged
        + told.without_label
        + told.without_id
        + told.unanswered
        + told.repeated
        + told.ambiguous
        + told.contradicted
    )
    assert told.judged == sum(each.judged for each in found.quality if each.week is None)
    read = found.labels
    assert read.rows == len(truth)
    assert read.rows == (
        read.with_prediction + read.without_prediction + read.repeated + read.contradicted + read.without_id
    )


@pytest.mark.parametrize("form", ["csv", "csv.gz", "ndjson", "parquet"])
def test_labels_come_in_any_form(tmp_path: Path, form: str) -> None:
    log = write_log(tmp_path / "log", [prediction("one", 2), prediction("7", 1, row=2)])
    rows = [
        {"request_id": "one", "row": None, "price_range": 2},
        {"request_id": "7", "row": 2, "price_range": 0},
    ]
    path = tmp_path / f"labels.{form}"
    if form == "parquet":
        parquet.write_table(pa.Table.from_pylist(rows), path)
    elif form == "ndjson":
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    else:
        text = b"price_range,request_id,row,remark\n2,one,,sold\n0,7,2,returned\n"
        path.write_bytes(gzip.compress(text) if form == "csv.gz" else text)
    found = served.evaluate(log, [str(path)])
    assert (found.predictions.judged, found.quality[-1].accuracy) == (2, 0.5)


def test_ids_that_were_hashed_are_joined_by_their_key(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a key that is long enough")
    (tmp_path / "other").write_text("another key, long enough too")
    pseudonyms = Pseudonyms.read(tmp_path / "key", "--key-file")
    log = write_log(tmp_path / "log", [prediction("plain", 2)], "predictions-0.parquet")
    table = parquet.read_table(tmp_path / "log")
    hashed = pa.field("request_id", pa.string(), metadata=pseudonyms.metadata)
    ids = pseudonyms.of("request_id", pa.array(["secret"]))
    parquet.write_table(table.set_column(0, hashed, ids), tmp_path / "log" / "predictions-1.parquet")
    labels = write_labels(tmp_path / "labels.csv", [label("secret", 2), label("plain", 2)])
    assert served.evaluate(log, labels, key_file=tmp_path / "key").predictions.judged == 2
    for key in (None, tmp_path / "other"):
        with pytest.raises(SettingsError, match=f"whose fingerprint is {pseudonyms.fingerprint}"):
            served.evaluate(log, labels, key_file=key)


LISTS = pa.array([["a"]])


@pytest.mark.parametrize("name", ["request_id", "row", "time", "version", "price_range", "probability_0"])
def test_a_column_of_predictions_that_is_of_no_use_is_named(tmp_path: Path, name: str) -> None:
    log = write_log(tmp_path / "log", [prediction("a", row=1)])
    labels = write_labels(tmp_path / "labels.csv", [label("a", 2, row=1)])
    path = tmp_path / "log" / "predictions-1.parquet"
    table = parquet.read_table(path)
    parquet.write_table(table.set_column(table.schema.names.index(name), name, LISTS), path)
    with pytest.raises(UnreadableTableError, match=rf"predictions-1\.parquet cannot be read: {name}: "):
        served.evaluate(log, labels)


@pytest.mark.parametrize("ids", [LISTS, pa.array([b"\xff"])], ids=["lists", "bytes that are no text"])
def test_ids_of_labels_that_are_no_texts_are_named(tmp_path: Path, ids: pa.Array) -> None:
    log = write_log(tmp_path / "log", [prediction("a")])
    parquet.write_table(pa.table({"request_id": ids, "price_range": [2]}), tmp_path / "labels.parquet")
    with pytest.raises(UnreadableTableError, match=r"labels\.parquet cannot be read: request_id: "):
        served.evaluate(log, [str(tmp_path / "labels.parquet")])


@pytest.mark.parametrize("answer", [4, -1, 99])
def test_an_answer_that_is_no_price_range_is_not_judged_as_a_wrong_one(
    judged: Callable[..., served.ServedEvaluation], answer: int
) -> None:
    rows = [prediction("a", None), prediction("b", answer)]
    with pytest.raises(InvalidLabelError, match=rf"row 2: price_range must be .* got {answer}"):
        judged(rows, [label("a", 2)])


def test_times_as_pandas_has_them_are_of_their_week(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", [prediction("a")])
    labels = write_labels(tmp_path / "labels.csv", [label("a", 2)])
    path = tmp_path / "log" / "predictions-1.parquet"
    table = parquet.read_table(path)
    finer = pa.array([table["time"][0].value * 1_000 + 1], pa.timestamp("ns", "UTC"))
    parquet.write_table(table.set_column(table.schema.names.index("time"), "time", finer), path)
    week, _ = served.evaluate(log, labels).quality
    assert (week.week, week.judged) == (MONDAY.date().isoformat(), 1)


@pytest.mark.parametrize("name", ["price_range", "row", "time", "probability_2"])
def test_a_column_whose_values_count_is_not_read_from_hashes(tmp_path: Path, name: str) -> None:
    (tmp_path / "key").write_text("a key that is long enough")
    pseudonyms = Pseudonyms.read(tmp_path / "key", "--key-file")
    log = write_log(tmp_path / "log", [prediction("a", row=1)])
    table = parquet.read_table(log)
    place = table.schema.names.index(name)
    hashed = pa.field(name, pa.string(), metadata=pseudonyms.metadata)
    texts = pseudonyms.of(name, table.column(name).combine_chunks())
    parquet.write_table(table.set_column(place, hashed, texts), tmp_path / "log" / "predictions-1.parquet")
    labels = write_labels(tmp_path / "labels.csv", [label("a", 2, row=1)])
    with pytest.raises(UnreadableTableError, match=f"{name} is hashed, its values cannot be told"):
        served.evaluate(log, labels, key_file=tmp_path / "key")


def test_what_score_wrote_is_judged_by_an_id_of_its_own(model_repository: Path, tmp_path: Path) -> None:
    features, truth = synthetic.phones(50)
    phones = pa.table(dict(zip(FEATURE_NAMES, features.T.astype(float), strict=True)))
    parquet.write_table(phones.append_column("sku", pa.array(range(50))), tmp_path / "phones.parquet")
    score([str(tmp_path / "phones.parquet")], str(tmp_path / "answered.csv"), model_repository)
    labels = write_labels(
        tmp_path / "labels.csv", [{"sku": k, "price_range": int(one)} for k, one in enumerate(truth)]
    )
    found = served.evaluate(str(tmp_path / "answered.csv"), labels, "sku")
    lines = (tmp_path / "answered.csv").read_text().splitlines()
    answered = [int(row["price_range"]) for row in csv.DictReader(lines)]
    week, total = found.quality
    assert (week.version, week.week) == ("not said", "not said")
    assert total.accuracy == np.mean(np.array(answered) == truth)
    assert total.nll is not None


def test_a_log_without_probabilities_has_no_likelihood(
    judged: Callable[..., served.ServedEvaluation],
) -> None:
    bare = {key: value for key, value in prediction("a").items() if not key.startswith("probability")}
    found = judged([bare], [label("a", 2)])
    assert (found.quality[-1].accuracy, found.quality[-1].nll) == (1.0, None)


def test_what_cannot_be_joined_is_an_error_that_says_why(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", [prediction("a")])
    labels = write_labels(tmp_path / "labels.csv", [label("a", 2)])
    with pytest.raises(MissingColumnError, match=r"labels\.csv lacks the column sku"):
        served.evaluate(log, labels, "sku")
    with pytest.raises(SettingsError, match="--id: expected a column that says which phone"):
        served.evaluate(log, labels, "price_range")
    with pytest.raises(InvalidLabelError, match=r"labels\.csv, row 2: price_range must be"):
        served.evaluate(log, write_labels(tmp_path / "labels.csv", [label("a", 2), label("b", 7)]))
    (tmp_path / "empty").mkdir()
    labels = write_labels(tmp_path / "labels.csv", [label("a", 2)])
    with pytest.raises(NoInputError):
        served.evaluate(str(tmp_path / "empty"), labels)


def test_the_command_joins_or_evaluates_and_does_not_guess(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", [prediction("a")])
    (labels,) = write_labels(tmp_path / "labels.csv", [label("a", 2)])

    def run(*flags: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([PRICERANGE, "evaluate", *flags], capture_output=True, text=True, check=False)

    told = run("--predictions", log, "--labels", labels, "--json")
    assert told.returncode == 0
    assert json.loads(told.stdout)["quality"][-1]["judged"] == 1
    refused = run("--predictions", log, "--data", labels)
    assert refused.returncode == 22
    assert "either --data, or --predictions and --labels, found '--data, --predictions'" in refused.stderr
