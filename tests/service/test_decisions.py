"""Decisions by the cost of mistakes, and abstaining, are the same through every door."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest
from live_server import Server
from pyarrow import ipc

from pricerange import synthetic
from pricerange.answer.decisions import CostMatrix
from pricerange.answer.prediction_sets import PredictionSets, abstains
from pricerange.phone import FEATURE_NAMES, LABELS
from pricerange.predictor import Predictor

ARROW = "application/vnd.apache.arrow.stream"
COSTS = "[[0,1,2,3],[2,0,1,2],[40,20,0,1],[60,40,20,0]]"
ROWS = synthetic.phones(60, block=4)[0].astype(np.float32)
PHONES = [dict(zip(FEATURE_NAMES, map(float, map(str, row)), strict=True)) for row in ROWS]
INFER = "/v2/models/phone_price_range/infer"


def as_csv() -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, FEATURE_NAMES)
    writer.writeheader()
    writer.writerows(PHONES)
    return text.getvalue().encode()


def as_arrow() -> bytes:
    table, sink = pa.Table.from_pylist(PHONES), io.BytesIO()
    with ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def tensor(*outputs: str) -> dict[str, Any]:
    data = ROWS.astype(float).ravel().tolist()
    features = {"name": "features", "datatype": "FP32", "shape": ROWS.shape, "data": data}
    return {"inputs": [features], "outputs": [{"name": name} for name in outputs]}


@pytest.fixture(scope="module")
def deciding(model_repository: Path) -> Iterator[httpx.Client]:
    flags = ("--cost-matrix", COSTS, "--abstain", "--no-access-log")
    server = Server(model_repository, *flags).wait_until_ready()
    with httpx.Client(base_url=server.url) as client:
        yield client
    assert server.end() == 0


@pytest.fixture(scope="module")
def probabilities(model_repository: Path) -> np.ndarray:
    return Predictor.load(model_repository).predict(ROWS).probabilities


def test_each_door_decides_what_the_core_decides(deciding: httpx.Client, probabilities: np.ndarray) -> None:
    decided = CostMatrix.read(COSTS).decide(probabilities)
    assert 0 < (decided.price_range != probabilities.argmax(axis=1)).sum() < len(ROWS)
    pairs = list(zip(decided.price_range.tolist(), decided.expected_cost, strict=True))
    expected = [
        {"price_range": k, "label": LABELS[k], "expected_cost": float(str(cost))} for k, cost in pairs
    ]

    one_by_one = [deciding.post("/predict", json=phone).raise_for_status().json() for phone in PHONES]
    assert [answer["decision"] for answer in one_by_one] == expected
    assert [answer["price_range"] for answer in one_by_one] == probabilities.argmax(axis=1).tolist()
    for path, more in (("what-if", {"price_range": 0}), ("curve", {"feature": "ram"})):
        asked = deciding.post(f"/predict/{path}", json={"phone": PHONES[0], **more}).raise_for_status().json()
        assert asked["decision"] == expected[0]
    queried = deciding.post("/predict", params={"sets": "0.9"}, json=PHONES[0]).json()
    assert queried["decision"] == expected[0]
    answers = deciding.post("/predict/batch", json={"phones": PHONES}).raise_for_status().json()
    assert [answer["decision"] for answer in answers["predictions"]] == expected
    lines = "\n".join(map(json.dumps, PHONES)).encode()
    headers = {"Content-Type": "application/x-ndjson"}
    answered = deciding.post("/predict/batch", content=lines, headers=headers).text.splitlines()
    assert [json.loads(line)["decision"] for line in answered] == expected

    text = deciding.post("/predict/batch", content=as_csv(), headers={"Content-Type": "text/csv"}).text
    of_csv = list(csv.DictReader(io.StringIO(text)))
    assert [(int(row["decision"]), np.float32(row["expected_cost"])) for row in of_csv] == pairs
    headers = {"Content-Type": ARROW}
    table = ipc.open_stream(
        deciding.post("/predict/batch", content=as_arrow(), headers=headers).content
    ).read_all()
    assert table["decision"].to_pylist() == decided.price_range.tolist()
    assert table["expected_cost"].to_numpy().tobytes() == decided.expected_cost.tobytes()

    answer = deciding.post(INFER, json=tensor("decision", "expected_cost")).raise_for_status().json()
    decision, cost = answer["outputs"]
    assert (decision["name"], decision["datatype"]) == ("decision", "INT64")
    assert decision["data"] == decided.price_range.tolist()
    assert (cost["name"], cost["datatype"]) == ("expected_cost", "FP32")
    assert np.array(cost["data"], np.float32).tobytes() == decided.expected_cost.tobytes()
    listed = deciding.get("/v2/models/phone_price_range").json()["outputs"]
    assert {"name": "decision", "datatype": "INT64", "shape": [-1]} in listed
    assert {"name": "expected_cost", "datatype": "FP32", "shape": [-1]} in listed


def test_answers_with_sets_say_whether_these_leave_it_open(
    deciding: httpx.Client, model_repository: Path, probabilities: np.ndarray
) -> None:
    sets = PredictionSets.of_version(Predictor.load(model_repository).bundle.passport)
    assert sets is not None
    expected = abstains(sets.of(probabilities, 0.95)).tolist()
    assert 0 < sum(expected) < len(expected)
    asked = {"sets": "0.95"}
    one_by_one = [deciding.post("/predict", params=asked, json=phone).json() for phone in PHONES]
    assert [answer["abstain"] for answer in one_by_one] == expected
    assert [len(answer["prediction_set"]) != 1 for answer in one_by_one] == expected
    answers = deciding.post("/predict/batch", params=asked, json={"phones": PHONES}).json()
    assert [answer["abstain"] for answer in answers["predictions"]] == expected
    headers = {"Content-Type": "text/csv"}
    text = deciding.post("/predict/batch", params=asked, content=as_csv(), headers=headers).text
    assert [row["abstain"] == "true" for row in csv.DictReader(io.StringIO(text))] == expected
    headers = {"Content-Type": ARROW}
    content = deciding.post("/predict/batch", params=asked, content=as_arrow(), headers=headers).content
    assert ipc.open_stream(content).read_all()["abstain"].to_pylist() == expected
    # without sets there is nothing to say
    assert "abstain" not in deciding.post("/predict", json=PHONES[0]).json()
    assert "abstain" not in deciding.post("/predict/batch", json={"phones": PHONES[:1]}).text


def test_rows_that_are_no_phones_have_no_decision(deciding: httpx.Client) -> None:
    body = {"phones": [PHONES[0], {**PHONES[1], "ram": 1}]}
    asked = {"on_bad_row": "null", "sets": "0.9"}
    _, bad = deciding.post("/predict/batch", params=asked, json=body).json()["predictions"]
    assert bad["decision"] is bad["abstain"] is bad["prediction_set"] is None
    lines = as_csv().splitlines()
    text = b"\n".join([lines[0], lines[1], b",".join([b"x"] * 20)])
    headers = {"Content-Type": "text/csv"}
    answered = deciding.post("/predict/batch", params=asked, content=text, headers=headers).text
    *_, row = csv.DictReader(io.StringIO(answered))
    assert row["decision"] == row["expected_cost"] == row["abstain"] == ""
    assert row["error"]


def test_columns_that_only_a_setting_adds_are_no_names_of_answers_without_it(
    client: httpx.Client, deciding: httpx.Client
) -> None:
    body = {"phones": [{**PHONES[0], "decision": 7, "abstain": "?"}]}
    asked = {"columns": "decision,abstain"}
    (plain,) = client.post("/predict/batch", params=asked, json=body).raise_for_status().json()["predictions"]
    assert (plain["decision"], plain["abstain"]) == (7, "?")
    (row,) = deciding.post("/predict/batch", params=asked, json=body).raise_for_status().json()["predictions"]
    assert (row["input_decision"], row["abstain"]) == (7, "?")
    assert row["decision"]["label"] in LABELS


def test_without_a_cost_matrix_there_is_no_decision(client: httpx.Client) -> None:
    assert "decision" not in client.post("/predict", json=PHONES[0]).text
    assert "decision" not in client.post("/predict/batch", json={"phones": PHONES}).text
    refused = client.post(INFER, json=tensor("decision"))
    assert refused.status_code == 400
    expected = "probabilities or price_range or in_range or prediction_set or unknown"
    assert refused.json()["detail"] == f"output: expected {expected}, found 'decision'"
    listed = client.get("/v2/models/phone_price_range").json()["outputs"]
    assert "decision" not in [output["name"] for output in listed]


def test_a_matrix_that_is_none_ends_the_start(start: Callable[..., Server], model_repository: Path) -> None:
    server = start(model_repository, "--cost-matrix", "[[0,1],[1,0]]")
    assert server.wait() == 22
    assert "cost_matrix: expected 4 rows of 4 numbers" in "\n".join(server.lines)
