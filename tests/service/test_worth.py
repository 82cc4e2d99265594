"""What an answer is worth is the same through every door: whether a phone is in range, and its set."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import pytest
from live_server import Server
from pyarrow import ipc

from pricerange import bundle, synthetic
from pricerange.answer.applicability import NOTE, TrainingRegion
from pricerange.answer.prediction_sets import PredictionSets
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor

RAM = FEATURE_NAMES.index("ram")
ARROW = "application/vnd.apache.arrow.stream"


def rows() -> np.ndarray:
    """Phones like those learned from, some with too much memory, some impossible inside every range."""
    table = synthetic.phones(60, block=4)[0].astype(np.float32)
    table[10:20, RAM] = 8_192
    table[20:30] = table[:10]
    table[20:30, [FEATURE_NAMES.index("three_g"), FEATURE_NAMES.index("four_g")]] = 0, 1
    return table


ROWS = rows()
PHONES = [dict(zip(FEATURE_NAMES, map(float, map(str, row)), strict=True)) for row in ROWS]


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


def tensor(phones: np.ndarray, **more: object) -> dict[str, object]:
    data = phones.astype(float).ravel().tolist()
    return {"inputs": [{"name": "features", "datatype": "FP32", "shape": phones.shape, "data": data}], **more}


@pytest.fixture(scope="module")
def predictor(model_repository: Path) -> Predictor:
    return Predictor.load(model_repository)


@pytest.fixture(scope="module")
def refusing(model_repository: Path) -> Iterator[httpx.Client]:
    server = Server(model_repository, "--out-of-range", "refuse", "--no-access-log").wait_until_ready()
    with httpx.Client(base_url=server.url) as client:
        yield client
    assert server.end() == 0


def test_each_door_says_what_the_core_says_of_a_phone(client: httpx.Client, predictor: Predictor) -> None:
    region = TrainingRegion.of_version(predictor.bundle.passport)
    found = region.of(ROWS)
    assert 10 <= (~found.in_range).sum() < len(ROWS)
    expected = [region.details(found, row, ROWS[row]) for row in range(len(ROWS))]
    assert expected[10]["note"] == NOTE

    one_by_one = [client.post("/predict", json=phone).json()["applicability"] for phone in PHONES]
    assert one_by_one == json.loads(json.dumps(expected))
    answers = client.post("/predict/batch", json={"phones": PHONES}).raise_for_status().json()
    assert [answer["applicability"] for answer in answers["predictions"]] == one_by_one
    lines = "\n".join(map(json.dumps, PHONES)).encode()
    answered = client.post(
        "/predict/batch", content=lines, headers={"Content-Type": "application/x-ndjson"}
    ).text.splitlines()
    assert [json.loads(line)["applicability"] for line in answered] == one_by_one

    text = client.post("/predict/batch", content=as_csv(), headers={"Content-Type": "text/csv"}).text
    of_csv = [(row["in_range"] == "true", row["outside"]) for row in csv.DictReader(io.StringIO(text))]
    content = client.post("/predict/batch", content=as_arrow(), headers={"Content-Type": ARROW}).content
    table = ipc.open_stream(content).read_all()
    of_arrow = list(zip(table["in_range"].to_pylist(), table["outside"].to_pylist(), strict=True))
    flagged = found.in_range.tolist()
    assert of_csv == of_arrow
    assert of_csv == [(flag, "|".join(found.features(row))) for row, flag in enumerate(flagged)]

    message = tensor(ROWS, outputs=[{"name": "in_range"}])
    answer = client.post("/v2/models/phone_price_range/infer", json=message).json()
    assert answer["outputs"] == [
        {"name": "in_range", "datatype": "BOOL", "shape": [len(ROWS)], "data": flagged}
    ]


@pytest.mark.parametrize("level", ["0.5", "0.9", "0.99"])
def test_each_door_answers_the_same_sets(client: httpx.Client, predictor: Predictor, level: str) -> None:
    sets = PredictionSets.of_version(predictor.bundle.passport)
    assert sets is not None
    inside = sets.of(predictor.predict(ROWS).probabilities, float(level))
    expected = [np.flatnonzero(row).tolist() for row in inside]
    asked = {"sets": level}

    one_by_one = [
        client.post("/predict", params=asked, json=phone).raise_for_status().json() for phone in PHONES
    ]
    assert [answer["prediction_set"] for answer in one_by_one] == expected
    promise = {"level": float(level), "calibration": predictor.bundle.passport.prediction_sets.sha256[:12]}
    assert [answer["sets"] for answer in one_by_one] == [promise] * len(PHONES)
    answers = client.post("/predict/batch", params=asked, json={"phones": PHONES}).raise_for_status().json()
    assert answers["sets"] == promise
    assert [answer["prediction_set"] for answer in answers["predictions"]] == expected

    headers = {"Content-Type": "text/csv"}
    answered = client.post("/predict/batch", params=asked, content=as_csv(), headers=headers)
    text = answered.text
    told = f"level={promise['level']}; calibration={promise['calibration']}"
    assert answered.headers["X-Prediction-Sets"] == told
    of_csv = [row["prediction_set"] for row in csv.DictReader(io.StringIO(text))]
    assert of_csv == ["|".join(map(str, one)) for one in expected]
    headers = {"Content-Type": ARROW}
    content = client.post("/predict/batch", params=asked, content=as_arrow(), headers=headers).content
    assert ipc.open_stream(content).read_all()["prediction_set"].to_pylist() == expected

    message = tensor(ROWS, outputs=[{"name": "prediction_set"}], parameters={"sets": float(level)})
    answer = client.post("/v2/models/phone_price_range/infer", json=message).json()
    assert answer["outputs"][0]["shape"] == [len(ROWS), 4]
    assert answer["outputs"][0]["data"] == inside.ravel().tolist()
    assert answer["parameters"] == {"sets": promise["level"], "calibration": promise["calibration"]}


@pytest.mark.parametrize("level", ["0", "1", "-0.9", "2", "nan", "ninety", ""])
def test_a_level_that_is_none_is_refused(client: httpx.Client, level: str) -> None:
    for path, body in (("/predict", PHONES[0]), ("/predict/batch", {"phones": PHONES})):
        refused = client.post(path, params={"sets": level}, json=body)
        assert refused.status_code == 422
        assert "sets: expected a number between 0 and 1" in refused.json()["detail"]


def test_rows_that_are_no_phones_have_nulls(client: httpx.Client) -> None:
    body = {"phones": [PHONES[0], {**PHONES[1], "ram": 1}]}
    answers = client.post("/predict/batch", params={"on_bad_row": "null", "sets": "0.9"}, json=body).json()
    _, bad = answers["predictions"]
    assert bad["applicability"] is bad["prediction_set"] is None
    params, headers = {"on_bad_row": "null", "sets": "0.9"}, {"Content-Type": "text/csv"}
    lines = as_csv().splitlines()
    text = b"\n".join([lines[0], lines[1], b",".join([b"x"] * 20)])
    answered = client.post("/predict/batch", params=params, content=text, headers=headers).text
    *_, row = csv.DictReader(io.StringIO(answered))
    assert row["in_range"] == row["outside"] == row["prediction_set"] == ""
    assert row["error"]


def test_phones_out_of_range_are_refused_where_they_shall_be(
    refusing: httpx.Client, predictor: Predictor
) -> None:
    region = TrainingRegion.of_version(predictor.bundle.passport)
    assert region.of(ROWS[:1]).in_range[0]
    answer = refusing.post("/predict", json=PHONES[0]).raise_for_status().json()
    assert "applicability" not in answer
    high = region.high[RAM]
    told = f"ram: expected {int(region.low[RAM])} to {int(high)}, the training range, found 8192"

    for _ in range(2):  # alone, and beside others
        refused = refusing.post("/predict", json=PHONES[10])
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:pricerange:problem:out-of-range")
        assert refused.json()["errors"][0] == {"detail": told, "pointer": "/ram"}

    body = {"phones": [PHONES[0], PHONES[10]]}
    refused = refusing.post("/predict/batch", json=body)
    assert refused.status_code == 422
    assert refused.json()["errors"][0] == {"detail": f"row 2: {told}", "pointer": "/phones/1/ram"}
    answers = refusing.post("/predict/batch?on_bad_row=null", json=body).raise_for_status().json()
    good, bad = answers["predictions"]
    assert (good["price_range"], bad["price_range"]) == (answer["price_range"], None)
    assert bad["error"].startswith(told)
    assert "applicability" not in good

    refused = refusing.post("/v2/models/phone_price_range/infer", json=tensor(ROWS[[0, 10]]))
    assert refused.status_code == 400
    assert refused.json()["error"].startswith(f"row 2: {told}")
    assert refusing.post("/v2/models/phone_price_range/infer", json=tensor(ROWS[:1])).status_code == 200


def test_rows_out_of_range_are_counted_by_feature(model_repository: Path, predictor: Predictor) -> None:
    found = TrainingRegion.of_version(predictor.bundle.passport).of(ROWS)
    server = Server(model_repository, "--no-access-log").wait_until_ready()
    with httpx.Client(base_url=server.url) as client:
        client.post("/predict/batch", json={"phones": PHONES}).raise_for_status()
        client.post("/predict", json=PHONES[10]).raise_for_status()
        text = client.get("/metrics").text
    assert server.end() == 0
    again = found.outside[10]
    assert counted(text) == {
        **dict(zip(FEATURE_NAMES, (found.outside.sum(axis=0) + again).tolist(), strict=True)),
        "combination": float((found.far & ~found.outside.any(axis=1)).sum()),
    }


def counted(metrics: str) -> dict[str, float]:
    return {
        line.split('"')[1]: float(line.split()[-1])
        for line in metrics.splitlines()
        if line.startswith("pricerange_out_of_range_rows_total{")
    }


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/predict", PHONES[10], id="predict"),
        pytest.param("/predict?unknown=average", PHONES[10] | {"wifi": None}, id="unknown"),
        pytest.param("/predict/what-if", {"phone": PHONES[10], "price_range": 0}, id="what-if"),
        pytest.param("/predict/batch", {"phones": [PHONES[0], PHONES[10]]}, id="batch"),
        pytest.param(
            "/predict/batch?on_bad_row=null",
            {"phones": [PHONES[10], PHONES[0] | {"ram": 4}]},
            id="batch beside a row that is no phone",
        ),
        pytest.param("/v1/models/phone_price_range:predict", {"instances": [PHONES[10]]}, id="v1"),
        pytest.param("/v2/models/phone_price_range/infer", tensor(ROWS[[0, 10]]), id="v2"),
    ],
)
def test_phones_that_are_refused_are_counted_by_feature(
    refusing: httpx.Client, predictor: Predictor, path: str, body: dict[str, object]
) -> None:
    found = TrainingRegion.of_version(predictor.bundle.passport).of(ROWS[10:11])
    before = counted(refusing.get("/metrics").text)
    refusing.post(path, json=body)
    after = counted(refusing.get("/metrics").text)
    more = {name: after[name] - before[name] for name in after}
    assert more == {**dict(zip(FEATURE_NAMES, found.outside[0].astype(float), strict=True)), "combination": 0}


def test_an_older_version_says_what_it_cannot_tell() -> None:
    server = Server(Path("models"), "--model-version", "2", "--no-access-log").wait_until_ready()
    with httpx.Client(base_url=server.url) as client:
        answer = client.post("/predict", json=PHONES[10]).raise_for_status().json()
        assert [each["feature"] for each in answer["applicability"]["outside"]] == ["ram"]
        assert "distance" not in answer["applicability"]
        refused = client.post("/predict?sets=0.9", json=PHONES[0])
        assert refused.status_code == 422
        assert "version 2 was not calibrated for prediction sets" in refused.json()["detail"]
        outputs = client.get("/v2/models/phone_price_range").json()["outputs"]
        assert [output["name"] for output in outputs] == ["probabilities", "price_range", "in_range"]
    assert server.end() == 0


def test_the_versions_found_here_know_where_their_training_rows_lie(model_repository: Path) -> None:
    passport = bundle.read(bundle.find(model_repository)).passport
    assert passport.training_region is not None
    assert passport.prediction_sets is not None
    assert sum(map(len, passport.prediction_sets.of_truth)) == round(0.9 * 1000)
