import csv
import os
import resource
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from corpus import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import csv as arrow_csv
from pyarrow import parquet
from scoring_tables import read, read_table, rejects_of

from pricerange.errors import ColumnTypeError, ModelNotFoundError, TargetError
from pricerange.phone import FEATURE_NAMES, FEATURES, LABELS, refusal
from pricerange.predictor import Predictor
from pricerange.tables.csv import file as csv_file
from pricerange.tables.errors import (
    BadRowError,
    BrokenRowError,
    MissingColumnError,
    TableFormatError,
    TableNotFoundError,
)
from pricerange.tables.source import blocks
from scoring.job.job import OnBadRow
from scoring.job.summary import Summary
from scoring.order import Options
from scoring.score import score as run

EXAMPLE = {feature.name: feature.example for feature in FEATURES}
PROBABILITIES = [f"probability_{k}" for k in range(4)]
ANSWERS = ["price_range", "label", *PROBABILITIES, "in_range", "outside"]
BAD = {"ram": "4 GB"}
BAD_REASON = refusal(FEATURES[FEATURE_NAMES.index("ram")], "4 GB")


def score(
    source: Path, target: Path | str, models: Path, version: int | None = None, on_bad_row: OnBadRow = "fail"
) -> Summary:
    return run([str(source)], target, models, version, options=Options(on_bad_row))


@pytest.fixture(scope="session")
def phones(phones_csv) -> pa.Table:
    """Phones as doubles, and the label column they come with."""
    return arrow_csv.read_csv(phones_csv)


@pytest.fixture(scope="session")
def predictor(model_repository) -> Predictor:
    return Predictor.load(model_repository)


def write_csv(path: Path, rows: list[dict[str, object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return path


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_parquet(path: Path, columns: pa.Table) -> Path:
    parquet.write_table(columns, path, row_group_size=100)
    return path


def probabilities_of(path: Path) -> bytes:
    """Return the probabilities' bits, row by row."""
    if path.suffix == ".csv":
        columns = [[np.float32(row[name]) for row in read_csv(path)] for name in PROBABILITIES]
    else:
        columns = [parquet.read_table(path)[name].to_numpy() for name in PROBABILITIES]
    return np.array(columns, np.float32).T.tobytes()


def only(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("source", ["in.csv", "in.parquet"])
@pytest.mark.parametrize("target", ["out.csv", "out.parquet"])
def test_answers_are_the_predictors_to_the_last_bit(
    tmp_path, phones, model_repository, predictor, source, target
):
    if source == "in.csv":
        write_csv(tmp_path / source, phones.to_pylist())
    else:
        write_parquet(tmp_path / source, phones)
    summary = score(tmp_path / source, tmp_path / target, model_repository)
    rows = np.array([phones[name].to_numpy() for name in FEATURE_NAMES], np.float64).T.astype(
        np.float32, order="C"
    )
    expected = predictor.predict(rows)
    assert probabilities_of(tmp_path / target) == expected.probabilities.tobytes()
    answers = read_table(tmp_path / target)
    assert answers["price_range"].to_pylist() == expected.price_range.tolist()
    assert answers["label"].to_pylist() == [LABELS[k] for k in expected.price_range]
    assert [*summary.price_ranges.values()] == np.bincount(expected.price_range, minlength=4).tolist()
    assert (summary.rows, summary.rejected) == (len(phones), 0)
    assert only(tmp_path) == sorted([source, target])


def test_columns_of_parquet_keep_their_types_nulls_and_metadata(tmp_path, phones, model_repository):
    n = len(phones)
    source = phones.append_column("seller", pa.array((["a", None] * n)[:n]).dictionary_encode())
    source = source.append_column(
        pa.field("seen", pa.timestamp("ms", "UTC"), metadata={"k": "v"}),
        pa.nulls(n, pa.timestamp("ms", "UTC")),
    )
    source = source.append_column("tags", pa.array(([["x"], []] * n)[:n])).replace_schema_metadata(
        {"made": "here"}
    )
    write_parquet(tmp_path / "in.parquet", source)
    score(tmp_path / "in.parquet", tmp_path / "out.parquet", model_repository)
    result = parquet.read_table(tmp_path / "out.parquet")
    assert result.column_names == [*FEATURE_NAMES, "input_price_range", "seller", "seen", "tags", *ANSWERS]
    kept = result.select(range(source.num_columns)).rename_columns(source.column_names)
    assert kept.equals(source)
    assert kept.schema.field("seen").metadata[b"k"] == b"v"
    assert result.schema.metadata == {b"made": b"here"}
    assert [str(result.schema.field(name).type) for name in ANSWERS] == [
        *("int64", "string", *["float"] * 4),
        *("bool", "string"),
    ]


def test_text_of_csv_stays_as_it_was_and_is_quoted_only_where_needed(tmp_path, model_repository):
    shops = ["plain", "a,b", 'say "hi"', "two\nlines", "", " padded ", "007", "é"]
    write_csv(tmp_path / "in.csv", [EXAMPLE | {"shop, name": shop, "ram": "2800.0"} for shop in shops])
    score(tmp_path / "in.csv", tmp_path / "out.csv", model_repository)
    rows = read_csv(tmp_path / "out.csv")
    assert [row["shop, name"] for row in rows] == shops
    assert {row["ram"] for row in rows} == {"2800.0"}
    text = (tmp_path / "out.csv").read_text(encoding="utf-8")
    quoted = ['"shop, name"', '"a,b"', '"say ""hi"""', '"two\nlines"']
    assert all(f",{cell}," in text for cell in quoted)
    assert text.count('"') == "".join(quoted).count('"')
    assert text.startswith("battery_power,")
    assert text.endswith("\n")


def test_csv_becomes_parquet_with_doubles_as_features_and_text_beside(tmp_path, model_repository):
    row = EXAMPLE | {"blue": "TRUE", "ram": " 2800", "clock_speed": "0.7", "code": "007"}
    write_csv(tmp_path / "in.csv", [row])
    score(tmp_path / "in.csv", tmp_path / "out.parquet", model_repository)
    result = parquet.read_table(tmp_path / "out.parquet")
    assert {str(result.schema.field(name).type) for name in FEATURE_NAMES} == {"double"}
    expected = EXAMPLE | {"blue": 1.0, "ram": 2800.0, "clock_speed": 0.7, "code": "007"}
    assert result.select([*FEATURE_NAMES, "code"]).to_pylist() == [expected]


def test_parquet_becomes_csv(tmp_path, phones, model_repository):
    one = phones.slice(0, 1).append_column("seen", pa.array([1], pa.date32()))
    one = one.append_column("seller", pa.array(["x"]).dictionary_encode()).append_column("none", pa.nulls(1))
    write_parquet(tmp_path / "in.parquet", one.append_column("new", pa.array([True])))
    score(tmp_path / "in.parquet", tmp_path / "out.csv", model_repository)
    (row,) = read_csv(tmp_path / "out.csv")
    assert [row[name] for name in ("seen", "seller", "none", "new")] == [
        "1970-01-02",
        "x",
        "",
        "true",
    ]
    assert [float(row[name]) for name in FEATURE_NAMES] == [one[name][0].as_py() for name in FEATURE_NAMES]


def test_a_column_that_csv_cannot_hold_is_named(tmp_path, phones, model_repository):
    write_parquet(tmp_path / "in.parquet", phones.slice(0, 1).append_column("tags", pa.array([["x"]])))
    with pytest.raises(ColumnTypeError, match="the column tags has type list"):
        score(tmp_path / "in.parquet", tmp_path / "out.csv", model_repository)
    assert only(tmp_path) == ["in.parquet"]


def test_a_result_can_be_scored_again(tmp_path, phones_csv, model_repository):
    score(phones_csv, tmp_path / "1.csv", model_repository)
    score(tmp_path / "1.csv", tmp_path / "2.csv", model_repository)
    kept = ["input_price_range", "input_input_price_range", *(f"input_{name}" for name in ANSWERS[1:])]
    assert list(read_csv(tmp_path / "2.csv")[0]) == [*FEATURE_NAMES, *kept, *ANSWERS]
    assert probabilities_of(tmp_path / "2.csv") == probabilities_of(tmp_path / "1.csv")


@pytest.mark.parametrize("name", ["in.csv", "in.parquet"])
def test_a_table_without_rows_gives_a_table_without_rows(tmp_path, phones, model_repository, name):
    if name == "in.csv":
        (tmp_path / name).write_text(",".join(FEATURE_NAMES) + "\n")
    else:
        write_parquet(tmp_path / name, phones.slice(0, 0).select(FEATURE_NAMES))
    for target in ("out.csv", "out.parquet"):
        summary = score(tmp_path / name, tmp_path / target, model_repository)
        assert summary.rows == 0
        found = read_table(tmp_path / target)
        assert (found.num_rows, found.column_names) == (0, [*FEATURE_NAMES, *ANSWERS])


@pytest.mark.parametrize("target", ["out.csv", "out.parquet"])
def test_files_of_different_forms_become_one(tmp_path, phones, model_repository, target):
    doubles = phones.cast(pa.schema([(name, pa.float64()) for name in phones.column_names]))
    doubles = doubles.drop_columns(["price_range"]).append_column("id", pa.array(["x"] * len(phones)))
    (tmp_path / "in").mkdir()
    for name in ("a.csv", "c.csv"):
        arrow_csv.write_csv(doubles, tmp_path / "in" / name)
    for name in ("b.parquet", "d.parquet"):
        write_parquet(tmp_path / "in" / name, doubles)
    summary = score(tmp_path / "in", tmp_path / target, model_repository)
    assert (summary.rows, summary.files) == (4 * len(phones), 4)
    bits, quarter = probabilities_of(tmp_path / target), len(phones) * 16
    assert bits == bits[:quarter] * 4


# bad rows


def test_fail_names_the_first_bad_row_and_leaves_nothing(tmp_path, model_repository, monkeypatch):
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 1024)
    write_csv(tmp_path / "in.csv", [EXAMPLE] * 99 + [EXAMPLE | BAD] * 2)
    with pytest.raises(BadRowError) as refused:
        score(tmp_path / "in.csv", tmp_path / "out.csv", model_repository)
    assert str(refused.value) == f"{tmp_path / 'in.csv'}, row 100: {BAD_REASON}"
    assert only(tmp_path) == ["in.csv"]


def test_an_older_result_stays_when_a_job_fails(tmp_path, model_repository):
    write_csv(tmp_path / "in.csv", [EXAMPLE | BAD])
    for name in ("out.csv", "out.csv.rejected"):
        (tmp_path / name).write_text("older")
    with pytest.raises(BadRowError):
        score(tmp_path / "in.csv", tmp_path / "out.csv", model_repository)
    assert [(tmp_path / name).read_text() for name in ("out.csv", "out.csv.rejected")] == ["older", "older"]


def test_rejected_rows_keep_their_columns_and_get_number_and_reason(tmp_path, model_repository):
    good, bad = EXAMPLE | {"row": "good", "price_range": 1}, EXAMPLE | BAD | {"row": "a,b", "price_range": 1}
    write_csv(tmp_path / "in.csv", [good, bad, good, bad])
    summary = score(tmp_path / "in.csv", tmp_path / "out.csv", model_repository, on_bad_row="reject")
    assert (summary.rows, summary.rejected, sum(summary.price_ranges.values())) == (4, 2, 2)
    assert str(rejects_of(tmp_path / "out.csv")) in str(summary)
    rejects = read_csv(tmp_path / "out.csv.rejected")
    assert list(rejects[0]) == ["file", "row", "reason", *FEATURE_NAMES, "input_row", "price_range"]
    assert [(row["row"], row["reason"]) for row in rejects] == [("2", BAD_REASON), ("4", BAD_REASON)]
    assert {(row["ram"], row["input_row"]) for row in rejects} == {("4 GB", "a,b")}


def test_rejected_rows_of_a_csv_stay_text_in_parquet(tmp_path, model_repository):
    write_csv(tmp_path / "in.csv", [EXAMPLE, EXAMPLE | BAD])
    score(tmp_path / "in.csv", tmp_path / "out.parquet", model_repository, on_bad_row="reject")
    (row,) = parquet.ParquetFile(tmp_path / "out.parquet.rejected").read().to_pylist()
    assert (row["row"], row["reason"], row["ram"]) == (2, BAD_REASON, "4 GB")


def test_rejects_of_an_earlier_job_go(tmp_path, model_repository):
    write_csv(tmp_path / "in.csv", [EXAMPLE])
    (tmp_path / "out.csv.rejected").write_text("older")
    score(tmp_path / "in.csv", tmp_path / "out.csv", model_repository, on_bad_row="reject")
    assert only(tmp_path) == ["in.csv", "out.csv"]


def test_a_table_of_bad_rows_alone_gives_answers_without_rows(tmp_path, model_repository):
    write_csv(tmp_path / "in.csv", [EXAMPLE | BAD] * 3)
    summary = score(tmp_path / "in.csv", tmp_path / "out.csv", model_repository, on_bad_row="reject")
    assert (summary.rows, summary.rejected) == (3, 3)
    assert read_csv(tmp_path / "out.csv") == []


ROWS = st.lists(
    st.tuples(
        st.sampled_from(
            [{}, {}, {"ram": 4096}, {"m_dep": 0.1}, BAD, {"wifi": ""}, {"fc": "nan"}, {"pc": 1e9}]
        ),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    ),
    min_size=1,
    max_size=40,
)


@pytest.mark.parametrize("source", ["in.csv", "in.parquet"])
@pytest.mark.parametrize("target", ["out.csv", "out.parquet"])
@settings(
    max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(drawn=ROWS)
def test_every_row_is_answered_or_rejected_once_and_in_order(
    tmp_path, model_repository, source, target, drawn
):
    rows = [EXAMPLE | changed | {"name": name, "place": place} for place, (changed, name) in enumerate(drawn)]
    with pytest.MonkeyPatch.context() as patch:
        # many small batches
        patch.setattr(csv_file, "BLOCK_BYTES", 512)
        patch.setattr(blocks, "BLOCK_ROWS", 3)
        if source == "in.csv":
            write_csv(tmp_path / source, rows)
        else:
            columns = {name: pa.array([str(row[name]) for row in rows]) for name in rows[0]}
            write_parquet(tmp_path / source, pa.table(columns))
        summary = score(tmp_path / source, tmp_path / target, model_repository, on_bad_row="reject")
        rejects = rejects_of(tmp_path / target)
        read_rows = read_csv if target == "out.csv" else read
        answered, rejected = read_rows(tmp_path / target), read_rows(rejects) if rejects.exists() else []
    bad = [
        place
        for place, (changed, _) in enumerate(drawn)
        if set(changed) & {"wifi", "fc", "pc"} or changed is BAD
    ]
    assert [int(row["row"]) - 1 for row in rejected] == bad
    assert [int(row["place"]) for row in rejected] == bad
    assert [int(row["place"]) for row in answered] == [
        place for place in range(len(rows)) if place not in bad
    ]
    assert all(row["name"] == drawn[int(row["place"])][1] for row in [*answered, *rejected])
    assert (summary.rows, summary.rejected, sum(summary.price_ranges.values())) == (
        len(rows),
        len(bad),
        len(answered),
    )


# what cannot be done


@pytest.mark.parametrize(
    ("source", "target", "error", "message"),
    [
        pytest.param("in.csv", "in.csv", TargetError, "would overwrite the input", id="onto itself"),
        pytest.param(
            "in.csv",
            "x/../in.csv",
            TargetError,
            "would overwrite the input",
            id="onto itself by another path",
        ),
        pytest.param("in.csv", "gone/out.csv", TargetError, "gone does not exist", id="no such folder"),
        pytest.param("x/in.csv", "x", TargetError, "would overwrite the input", id="around the input"),
        pytest.param(
            "in.csv", "folder", TargetError, "was not created by a scoring job", id="onto other things"
        ),
        pytest.param(
            "in.csv", "out.txt", TableFormatError, "or have no extension (a folder)", id="unknown target"
        ),
        pytest.param(
            "in.txt", "out.csv", TableFormatError, "in.txt: the name must end in", id="unknown source"
        ),
        pytest.param("gone.csv", "out.csv", TableNotFoundError, "gone.csv: no such file", id="no source"),
        pytest.param("other.csv", "out.csv", MissingColumnError, "lacks 20 columns: ", id="other columns"),
        pytest.param(
            "ragged.csv", "out.csv", BrokenRowError, "row 1: expected 2 cells, found 1", id="ragged"
        ),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(
    tmp_path, model_repository, source, target, error, message
):
    write_csv(tmp_path / "in.csv", [EXAMPLE])
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "ragged.csv").write_text("a,b\n1\n")
    (tmp_path / "in.txt").write_text("text")
    for folder in ("folder", "x"):
        (tmp_path / folder).mkdir()
        write_csv(tmp_path / folder / "in.csv", [EXAMPLE])
    before = only(tmp_path), (tmp_path / "in.csv").read_bytes()
    with pytest.raises(error) as refused:
        score(tmp_path / source, tmp_path / target, model_repository)
    assert message in str(refused.value)
    assert (only(tmp_path), (tmp_path / "in.csv").read_bytes()) == before


def test_a_version_that_is_not_there_is_named(tmp_path, model_repository):
    write_csv(tmp_path / "in.csv", [EXAMPLE])
    with pytest.raises(ModelNotFoundError, match="version 99"):
        score(tmp_path / "in.csv", tmp_path / "out.csv", model_repository, version=99)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        pytest.param(
            "hdfs://h/out.csv", "hdfs://h/out.csv cannot be written: expected a URI that", id="hdfs"
        ),
        pytest.param("file://host/out.csv", "expected file:/// and an absolute path", id="file"),
        pytest.param("x" * 300, "its name has 300 bytes, expected at most 204", id="a long name"),
        pytest.param(
            f"{'é' * 120}.csv", "its name has 244 bytes, expected at most 204", id="a name of many bytes"
        ),
        pytest.param("/".join(["x" * 200] * 30), "cannot be written", id="a long path"),
    ],
)
def test_a_target_that_no_file_can_have_is_said(
    tmp_path, phones_csv, model_repository, monkeypatch, target, message
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TargetError, match=message):
        score(phones_csv, target, model_repository)
    assert only(tmp_path) == []


def test_the_longest_name_can_be_written(tmp_path, phones_csv, model_repository):
    target = tmp_path / f"{'x' * 200}.csv"
    assert score(phones_csv, target, model_repository, on_bad_row="reject").rows == len(read_csv(target))


# interruption


@pytest.mark.parametrize(
    ("number", "raised", "code"),
    [(signal.SIGTERM, SystemExit, (143,)), (signal.SIGINT, KeyboardInterrupt, ())],
    ids=["SIGTERM", "SIGINT"],
)
@pytest.mark.parametrize("target", ["out.csv", "out.parquet"])
def test_a_signal_ends_the_job_and_leaves_nothing(
    tmp_path, phones_csv, model_repository, monkeypatch, capfd, number, raised, code, target
):
    predict = Predictor.predict

    def interrupted(self, rows):
        if only(tmp_path):
            os.kill(os.getpid(), number)
        return predict(self, rows)

    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 1024)
    monkeypatch.setattr(Predictor, "predict", interrupted)
    # a machine under load may be slow, and this process is not to end
    monkeypatch.setattr("scoring.score.GRACE_SECONDS", 600.0)
    before = signal.getsignal(number)
    if number == signal.SIGINT:  # as on a terminal: in the background a shell lets programs ignore it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    during = signal.getsignal(number)
    try:
        with pytest.raises(raised) as ended:
            score(phones_csv, tmp_path / target, model_repository)
        assert signal.getsignal(number) == during
    finally:
        signal.signal(number, before)
    assert ended.value.args == code
    assert only(tmp_path) == []
    said = "interrupted: nothing was written; run the same command again to continue\n"
    assert capfd.readouterr().err == said


def test_a_job_may_run_outside_the_main_thread(tmp_path, phones_csv, model_repository):
    with ThreadPoolExecutor() as pool:
        summary = pool.submit(score, phones_csv, tmp_path / "out.csv", model_repository).result()
    assert summary.rows == len(read_csv(tmp_path / "out.csv"))


@pytest.mark.parametrize("target", ["out.csv", "out.parquet"])
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path, phones_csv, model_repository, target):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
    try:
        with pytest.raises(TargetError, match=rf"{target} cannot be written: .*File too large"):
            score(phones_csv, tmp_path / target, model_repository)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert only(tmp_path) == []
