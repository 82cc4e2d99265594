"""The prediction log of a real server: what every door answers is in it, whatever ends the process."""

import csv
import io
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import pytest
from live_server import NO_TLS, PRICERANGE, Server
from pyarrow import parquet
from pydantic import ValidationError
from waiting import wait_until

from pricerange import synthetic
from pricerange.phone import FEATURE_NAMES
from pricerange.prediction_log.columns import NAMES
from pricerange.predictor import Predictor
from service.settings import Settings

ROWS = synthetic.phones(12, block=6)[0].astype(np.float32)
PHONES = [dict(zip(FEATURE_NAMES, map(float, map(str, row)), strict=True)) for row in ROWS]
SOON = ("--no-access-log", "--prediction-log-seconds", "0.05")
INFER = "/v2/models/phone_price_range/infer"


def parts(log: Path) -> list[Path]:
    return sorted(log.glob("predictions-*.parquet"))


def read(log: Path) -> pa.Table:
    return pa.concat_tables(map(parquet.read_table, parts(log)))


def rows_of(log: Path) -> int:
    return sum(parquet.read_metadata(part).num_rows for part in parts(log))


def metrics(client: httpx.Client) -> dict[str, float]:
    lines = client.get("/metrics").text.splitlines()
    told = (line.rpartition(" ") for line in lines if line.startswith("pricerange_prediction_log"))
    return {name.removeprefix("pricerange_prediction_log_"): float(value) for name, _, value in told}


def as_csv(phones: list[dict[str, float]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, FEATURE_NAMES)
    writer.writeheader()
    writer.writerows(phones)
    return text.getvalue().encode()


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("predictions") / "log"


@pytest.fixture(scope="module")
def asked(model_repository: Path, log: Path) -> Iterator[httpx.Client]:
    server = Server(model_repository, *SOON, "--prediction-log", str(log)).wait_until_ready()
    with httpx.Client(base_url=server.url, verify=NO_TLS) as client:
        yield client
    assert server.end() == 0
    assert not server.log(level="warning")


def logged(log: Path, request_id: str, rows: int) -> list[dict[str, object]]:
    """Wait for the rows of a request, and return them in order."""

    def found() -> list[dict[str, object]]:
        return [row for row in read(log).to_pylist() if row["request_id"] == request_id] if parts(log) else []

    wait_until(lambda: len(found()) >= rows)
    return sorted(found(), key=lambda row: row["row"] or 0)


def test_every_door_is_logged_with_its_answers(
    asked: httpx.Client, log: Path, model_repository: Path
) -> None:
    predictor = Predictor.load(model_repository)
    expected = predictor.predict(ROWS)
    tensor = {"name": "features", "datatype": "FP32", "shape": ROWS.shape, "data": ROWS.ravel().tolist()}
    lines = "\n".join(map(json.dumps, PHONES)).encode()
    doors: dict[str, tuple[str, str, dict[str, object]]] = {
        "json": ("batch", "/predict/batch", {"json": {"phones": PHONES}}),
        "csv": (
            "batch",
            "/predict/batch",
            {"content": as_csv(PHONES), "headers": {"Content-Type": "text/csv"}},
        ),
        "ndjson": (
            "batch",
            "/predict/batch",
            {"content": lines, "headers": {"Content-Type": "application/x-ndjson"}},
        ),
        "v1": ("v1", "/v1/models/phone_price_range:predict", {"json": {"instances": PHONES}}),
        "v2": ("v2", INFER, {"json": {"inputs": [tensor]}}),
    }
    for name, (_, path, body) in doors.items():
        headers = {**body.pop("headers", {}), "X-Request-Id": f"all-{name}"}
        asked.post(path, headers=headers, **body).raise_for_status()
    for name, (door, _, _) in doors.items():
        found = logged(log, f"all-{name}", len(ROWS))
        assert [row["row"] for row in found] == list(range(1, len(ROWS) + 1))
        assert {row["door"] for row in found} == {door}
        assert [row["price_range"] for row in found] == expected.price_range.tolist()
        probabilities = np.array([[row[f"probability_{k}"] for k in range(4)] for row in found], np.float32)
        assert np.array_equal(probabilities, expected.probabilities)
        features = np.array([[row[feature] for feature in FEATURE_NAMES] for row in found], np.float32)
        assert np.array_equal(features, ROWS)


@pytest.mark.parametrize(
    "path", ["/predict", "/predict?sets=0.9", "/predict?unknown=average", "/predict/explain"]
)
def test_one_phone_is_logged_by_the_id_that_its_client_gave(
    asked: httpx.Client, log: Path, path: str
) -> None:
    request_id = f"mine{path}"
    answer = asked.post(path, json=PHONES[3], headers={"X-Request-Id": request_id}).raise_for_status()
    (row,) = logged(log, request_id, 1)
    assert list(row) == list(NAMES)
    assert (row["row"], row["door"], row["version"]) == (None, "predict", "1")
    assert row["label"] == answer.json()["label"]
    assert row["in_range"] == answer.json()["applicability"]["in_range"]
    assert abs(datetime.now(UTC) - row["time"]) < timedelta(minutes=1)


def test_a_client_that_gives_no_id_finds_it_in_the_answer(asked: httpx.Client, log: Path) -> None:
    answer = asked.post("/predict", json=PHONES[0]).raise_for_status()
    assert len(logged(log, answer.headers["X-Request-Id"], 1)) == 1


def test_rows_without_an_answer_are_not_logged_and_count_all_the_same(asked: httpx.Client, log: Path) -> None:
    body = {"phones": [PHONES[0], {**PHONES[1], "ram": 1}, PHONES[2]]}
    headers = {"X-Request-Id": "gap"}
    asked.post("/predict/batch?on_bad_row=null", json=body, headers=headers).raise_for_status()
    assert [row["row"] for row in logged(log, "gap", 2)] == [1, 3]
    assert asked.post("/predict", json={**PHONES[1], "ram": 1}).status_code == 422


def test_unknown_features_are_null_and_rows_of_a_long_table_go_on_counting(
    asked: httpx.Client, log: Path
) -> None:
    answer = asked.post(
        "/predict?unknown=average", json={**PHONES[0], "ram": None}, headers={"X-Request-Id": "unknown"}
    )
    answer.raise_for_status()
    (row,) = logged(log, "unknown", 1)
    assert row["ram"] is None
    assert row["price_range"] == answer.json()["price_range"]

    many = as_csv(PHONES * 1_500)
    asked.post(
        "/predict/batch", content=many, headers={"Content-Type": "text/csv", "X-Request-Id": "long"}
    ).raise_for_status()
    found = logged(log, "long", 18_000)
    assert [row["row"] for row in found] == list(range(1, 18_001))


def test_questions_that_explore_are_not_logged(asked: httpx.Client, log: Path) -> None:
    headers = {"X-Request-Id": "what-if"}
    question = {"phone": PHONES[0], "price_range": 3}
    asked.post("/predict/what-if", json=question, headers=headers).raise_for_status()
    asked.post("/predict", json=PHONES[0], headers={"X-Request-Id": "after"}).raise_for_status()
    logged(log, "after", 1)
    assert "what-if" not in read(log)["request_id"].to_pylist()


def test_metrics_count_what_is_on_the_disk(asked: httpx.Client, log: Path) -> None:
    asked.post("/predict", json=PHONES[0]).raise_for_status()
    wait_until(lambda: metrics(asked)["rows_total"] == rows_of(log))
    told = metrics(asked)
    assert (
        told['rows_dropped_total{reason="no_room"}'] == told['rows_dropped_total{reason="not_written"}'] == 0
    )
    assert told["errors_total"] == 0


def test_without_the_setting_there_is_no_log(client: httpx.Client) -> None:
    assert metrics(client) == {}


def test_kill_9_leaves_whole_parts_and_the_next_start_tidies_up_and_ends_with_its_last_rows(
    model_repository: Path, start: Callable[..., Server], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    server = start(model_repository, *SOON, "--prediction-log", str(log)).wait_until_ready()
    with httpx.Client(base_url=server.url, verify=NO_TLS) as client:
        for _ in range(200):
            client.post("/predict", json=PHONES[0]).raise_for_status()
        wait_until(lambda: parts(log))
        for _ in range(50):
            client.post("/predict", json=PHONES[0]).raise_for_status()
    assert server.end(signal.SIGKILL) == -signal.SIGKILL
    before = rows_of(log)
    assert 0 < before <= 250
    draft = log / f".writing-{parts(log)[0].name}"
    draft.write_bytes(b"half of a part")
    (log / "notes").write_text("not ours")
    flags = ("--no-access-log", "--prediction-log-seconds", "3600", "--prediction-log", str(log))
    server = start(model_repository, *flags).wait_until_ready()
    wait_until(lambda: not draft.exists())
    httpx.post(f"{server.url}/predict", json=PHONES[0], verify=NO_TLS).raise_for_status()
    assert server.end() == 0
    assert rows_of(log) == before + 1
    assert (log / "notes").exists()


def test_a_killed_worker_loses_its_last_rows_alone(
    model_repository: Path, start: Callable[..., Server], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    server = start(model_repository, *SOON, "--workers", "2", "--prediction-log", str(log)).wait_until_ready()

    def ask() -> None:
        httpx.post(f"{server.url}/predict", json=PHONES[0], verify=NO_TLS).raise_for_status()

    ask()
    wait_until(lambda: rows_of(log) == 1)
    server.workers()[0].kill()
    wait_until(lambda: server.log(level="error"))
    for _ in range(20):
        ask()
    wait_until(lambda: rows_of(log) == 21)
    assert server.end() == 0


def test_a_folder_that_cannot_be_written_to_fails_no_request(
    model_repository: Path, start: Callable[..., Server], tmp_path: Path
) -> None:
    place = tmp_path / "place"
    server = start(model_repository, *SOON, "--prediction-log", str(place / "log")).wait_until_ready()
    with httpx.Client(base_url=server.url, verify=NO_TLS) as client:
        place.rename(tmp_path / "elsewhere")
        place.write_text("a file where the folder was")
        for _ in range(30):
            client.post("/predict", json=PHONES[0]).raise_for_status()
            time.sleep(0.01)
        wait_until(lambda: metrics(client)['rows_dropped_total{reason="not_written"}'] == 30)
        assert metrics(client)["errors_total"] > 1
        place.unlink()
        (tmp_path / "elsewhere").rename(place)
        client.post("/predict", json=PHONES[0]).raise_for_status()
        wait_until(lambda: metrics(client)["rows_total"] == 1)
        assert rows_of(place / "log") == 1
    assert server.end() == 0
    said = [line["message"] for line in server.log(logger="service.telemetry.prediction_log.log")]
    assert len(said) == 2
    assert said[0].startswith("the prediction log cannot be written, rows are dropped: ")
    assert said[1] == "the prediction log is written again"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param({"omit": "ram,weight"}, "not 'weight'", id="unknown column"),
        pytest.param({"hash": "request_id"}, "prediction_log_key_file to be set", id="no key"),
        pytest.param({"sample": 0}, "greater than 0", id="no sample"),
        pytest.param({"omit": ",".join(NAMES)}, "a column to be left", id="no column"),
        pytest.param({"seconds": 1e-9}, "greater than or equal to 0.05", id="a file all the time"),
        pytest.param({"max_bytes": 1_000}, "greater than or equal to 16777216", id="no room for a part"),
    ],
)
def test_settings_that_make_no_log_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings(**{f"prediction_log_{name}": value for name, value in settings.items()})


def test_a_folder_that_cannot_be_one_ends_the_start(model_repository: Path) -> None:
    ended = subprocess.run(
        [PRICERANGE, "serve", "--models", model_repository, "--port", "0", "--prediction-log", __file__],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 22
    assert "error: --prediction-log: expected a folder that can be made or is there" in ended.stderr
