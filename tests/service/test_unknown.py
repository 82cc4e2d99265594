"""Phones of which features are unknown get the same averages through every door, and say so."""

import csv
import gzip
import io
import json
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import pytest
from live_server import Server
from pyarrow import ipc

from pricerange import synthetic
from pricerange.answer.applicability import TrainingRegion
from pricerange.answer.prediction_sets import PredictionSets
from pricerange.answer.unknown import Averages
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Prediction, Predictor
from service.batch.averaged import FREE_PHONES

BATCH, INFER = "/predict/batch", "/v2/models/phone_price_range/infer"
CSV, NDJSON = {"Content-Type": "text/csv"}, {"Content-Type": "application/x-ndjson"}
ARROW = {"Content-Type": "application/vnd.apache.arrow.stream"}
AVERAGE = {"unknown": "average"}
RAM = FEATURE_NAMES.index("ram")


def rows() -> np.ndarray:
    """Phones with one gap, with five, with nothing but gaps, with none; some with too much memory."""
    table = synthetic.phones(30, block=5)[0].astype(np.float32)
    draw = np.random.default_rng(4)
    table[20:24, RAM] = 8_192
    for row, count in zip(table, [1] * 10 + [5] * 15 + [0] * 5, strict=True):
        row[draw.choice([place for place in range(20) if place != RAM], count, replace=False)] = np.nan
    table[24] = np.nan
    table[0, RAM] = np.nan
    return table


ROWS = rows()
UNKNOWN = np.isnan(ROWS)
NAMED = [[FEATURE_NAMES[place] for place in np.flatnonzero(row)] for row in UNKNOWN]
PHONES = [
    {
        name: None if np.isnan(value) else float(str(value))
        for name, value in zip(FEATURE_NAMES, row, strict=True)
    }
    for row in ROWS
]
LINES = "\n".join(map(json.dumps, PHONES)).encode()


def as_csv() -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, FEATURE_NAMES)
    writer.writeheader()
    writer.writerows(PHONES)
    return text.getvalue().encode()


def as_arrow(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def with_nan() -> pa.Table:
    """The phones with NaN in place of null, in columns of floats."""
    return pa.table({name: ROWS[:, place] for place, name in enumerate(FEATURE_NAMES)})


def tensor(data: list[object], shape: tuple[int, ...], **parameters: object) -> dict[str, object]:
    features = {"name": "features", "datatype": "FP32", "shape": shape, "data": data}
    return {"inputs": [features], "parameters": {**AVERAGE, **parameters}}


NESTED = [[None if np.isnan(value) else float(value) for value in row] for row in ROWS]


@pytest.fixture(scope="module")
def predictor(model_repository: Path) -> Predictor:
    return Predictor.load(model_repository)


@pytest.fixture(scope="module")
def expected(predictor: Predictor) -> Prediction:
    averages = Averages.of_version(predictor)
    assert averages is not None
    return averages.predict(ROWS)


def bits(answers: list[dict[str, object]]) -> bytes:
    """The probabilities of answers in JSON, as float32."""
    return np.array([answer["probabilities"] for answer in answers], np.float32).tobytes()


def test_each_door_answers_the_same_bits_and_names_what_was_unknown(
    client: httpx.Client, expected: Prediction
) -> None:
    same = expected.probabilities.tobytes()
    one_by_one = [
        client.post("/predict", params=AVERAGE, json=phone).raise_for_status().json() for phone in PHONES
    ]
    together = client.post(BATCH, params=AVERAGE, json={"phones": PHONES}).raise_for_status().json()
    lines = client.post(BATCH, params=AVERAGE, content=LINES, headers=NDJSON).raise_for_status().text
    for answers in (one_by_one, together["predictions"], list(map(json.loads, lines.splitlines()))):
        assert bits(answers) == same
        assert [answer["price_range"] for answer in answers] == expected.price_range.tolist()
        assert [answer["unknown"] for answer in answers] == NAMED

    text = client.post(BATCH, params=AVERAGE, content=as_csv(), headers=CSV).raise_for_status().text
    of_csv = list(csv.DictReader(io.StringIO(text)))
    names = [f"probability_{one}" for one in range(4)]
    written = [[float(row[name]) for name in names] for row in of_csv]
    assert np.array(written, np.float32).tobytes() == same
    assert [row["unknown"] for row in of_csv] == ["|".join(each) for each in NAMED]

    for table in (pa.Table.from_pylist(PHONES), with_nan()):
        content = client.post(BATCH, params=AVERAGE, content=as_arrow(table), headers=ARROW).content
        of_arrow = ipc.open_stream(content).read_all()
        columns = [of_arrow[name].to_numpy() for name in names]
        assert np.column_stack(columns).tobytes() == same
        assert of_arrow["unknown"].to_pylist() == ["|".join(each) for each in NAMED]


def test_v2_answers_the_same_bits_in_every_form(client: httpx.Client, expected: Prediction) -> None:
    outputs = [{"name": name} for name in ("probabilities", "unknown")]
    flat = [value for row in NESTED for value in row]
    columns = [
        {"name": name, "datatype": "FP64", "shape": [len(ROWS)], "data": [row[place] for row in NESTED]}
        for place, name in enumerate(FEATURE_NAMES)
    ]
    for message in (
        tensor(NESTED, ROWS.shape),
        tensor(flat, ROWS.shape),
        {"inputs": columns, "parameters": AVERAGE},
    ):
        answer = client.post(INFER, json={**message, "outputs": outputs}).raise_for_status().json()
        probabilities, unknown = answer["outputs"]
        assert np.array(probabilities["data"], np.float32).tobytes() == expected.probabilities.tobytes()
        assert (unknown["datatype"], unknown["shape"]) == ("BOOL", [len(ROWS), 20])
        assert unknown["data"] == UNKNOWN.ravel().tolist()

    binary = {"name": "features", "datatype": "FP32", "shape": ROWS.shape}
    size = {"binary_data_size": ROWS.nbytes}
    message = {"inputs": [{**binary, "parameters": size}], "parameters": AVERAGE, "outputs": outputs}
    head = json.dumps(message).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))}
    answer = client.post(INFER, content=head + ROWS.tobytes(), headers=headers).raise_for_status().json()
    assert np.array(answer["outputs"][0]["data"], np.float32).tobytes() == expected.probabilities.tobytes()


def test_what_phones_with_gaps_are_worth_is_the_same_through_each_door(
    client: httpx.Client, predictor: Predictor, expected: Prediction
) -> None:
    passport = predictor.bundle.passport
    region, known = TrainingRegion.of_version(passport), PredictionSets.of_version(passport)
    assert known is not None
    found = region.of(ROWS)
    assert found.outside[20:24, RAM].all()
    worth = [region.details(found, row, ROWS[row]) for row in range(len(ROWS))]
    inside = known.of(expected.probabilities, 0.8, UNKNOWN)
    sets = [np.flatnonzero(row).tolist() for row in inside]
    # one unknown feature was calibrated, five were not
    assert (inside[:10].sum(axis=1) < 4).any()
    assert inside[10:25].all()

    asked = {**AVERAGE, "sets": "0.8"}
    one_by_one = [client.post("/predict", params=asked, json=phone).json() for phone in PHONES]
    together = client.post(BATCH, params=asked, json={"phones": PHONES}).json()["predictions"]
    for answers in (one_by_one, together):
        assert [answer["applicability"] for answer in answers] == json.loads(json.dumps(worth))
        assert [answer["prediction_set"] for answer in answers] == sets
    message = tensor(NESTED, ROWS.shape, sets=0.8)
    outputs = [{"name": "in_range"}, {"name": "prediction_set"}]
    of_v2 = client.post(INFER, json={**message, "outputs": outputs}).raise_for_status().json()["outputs"]
    assert [output["data"] for output in of_v2] == [found.in_range.tolist(), inside.ravel().tolist()]


def test_reasons_give_the_unknown_no_share_and_are_the_same_through_each_door(client: httpx.Client) -> None:
    asked, some = {**AVERAGE, "explain": "true"}, [0, 12, 24]
    one_by_one = [client.post("/predict", params=asked, json=PHONES[row]).json() for row in some]
    body = {"phones": [PHONES[row] for row in some]}
    together = client.post(BATCH, params=asked, json=body).raise_for_status().json()["predictions"]
    lines = "\n".join(json.dumps(PHONES[row]) for row in some).encode()
    text = client.post(BATCH, params=asked, content=lines, headers=NDJSON).raise_for_status().text
    explained = [answer["explanation"] for answer in one_by_one]
    assert [answer["explanation"] for answer in together] == explained
    assert [json.loads(line)["explanation"] for line in text.splitlines()] == explained
    for row, answer, explanation in zip(some, one_by_one, explained, strict=True):
        shares = {reason["feature"]: reason["score"] for reason in explanation["reasons"]}
        assert all(shares[name] == 0 for name in NAMED[row])
        total = explanation["base"]["score"] + sum(shares.values())
        assert total == pytest.approx(explanation["value"]["score"], abs=1e-4)
        expected = sum(place * share for place, share in enumerate(answer["probabilities"]))
        assert explanation["value"]["score"] == pytest.approx(expected, abs=1e-5)


def test_who_knows_everything_gets_the_usual_answer(client: httpx.Client) -> None:
    for phone in PHONES[25:29]:
        usual = client.post("/predict", json=phone).json()
        assert client.post("/predict", params=AVERAGE, json=phone).json() == {**usual, "unknown": []}


def test_without_being_asked_for_a_gap_is_refused_as_ever(client: httpx.Client) -> None:
    refused = client.post("/predict", json=PHONES[0])
    assert refused.status_code == 422
    assert {error["pointer"] for error in refused.json()["errors"]} == {f"/{name}" for name in NAMED[0]}
    refused = client.post(BATCH, json={"phones": PHONES[:1]})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"][:10]) == (422, "/phones/0/")
    for content, headers in ((LINES, NDJSON), (as_csv(), CSV), (as_arrow(with_nan()), ARROW)):
        assert client.post(BATCH, content=content, headers=headers).status_code == 422
    message = {"inputs": tensor(NESTED, ROWS.shape)["inputs"]}
    assert client.post(INFER, json=message).status_code == 400


def test_an_unknown_feature_is_null_and_not_left_away_or_anything_else(client: httpx.Client) -> None:
    phone = PHONES[25]
    for ram in ("", "unknown", 1, [None]):
        refused = client.post("/predict", params=AVERAGE, json={**phone, "ram": ram})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/ram")
        refused = client.post(BATCH, params=AVERAGE, json={"phones": [{**phone, "ram": ram}]})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/phones/0/ram")
    lacking = {name: value for name, value in phone.items() if name != "ram"}
    assert client.post("/predict", params=AVERAGE, json=lacking).status_code == 422
    text = as_csv().splitlines()
    cells = text[26].split(b",")
    cells[RAM] = b"nan"
    content = b"\n".join([text[0], b",".join(cells)])
    refused = client.post(BATCH, params=AVERAGE, content=content, headers=CSV)
    assert refused.status_code == 422
    assert refused.json()["detail"].endswith('got the string "nan"')
    content = content.replace(b"nan", b" - ")
    params = {**AVERAGE, "null_values": "-"}
    answered = client.post(BATCH, params=params, content=content, headers=CSV).raise_for_status().text
    assert next(csv.DictReader(io.StringIO(answered)))["unknown"] == "ram"


@pytest.mark.parametrize("word", ["foo", "", "Average", "average,median"])
def test_another_word_is_refused(client: httpx.Client, word: str) -> None:
    for path, body in (("/predict", PHONES[25]), (BATCH, {"phones": PHONES})):
        refused = client.post(path, params={"unknown": word}, json=body)
        assert refused.status_code == 422
        assert f"unknown: expected average, found {word!r}" in refused.json()["detail"]
    message = {**tensor(NESTED, ROWS.shape), "parameters": {"unknown": word}}
    refused = client.post(INFER, json=message)
    assert refused.status_code == 400
    assert "unknown" in refused.json()["error"]


def test_rows_that_are_no_phones_have_no_unknown_features(client: httpx.Client) -> None:
    params = {**AVERAGE, "on_bad_row": "null"}
    body = {"phones": [PHONES[0], {**PHONES[1], "ram": 1}]}
    good, bad = client.post(BATCH, params=params, json=body).raise_for_status().json()["predictions"]
    assert (good["unknown"], bad["unknown"]) == (NAMED[0], None)
    assert bad["error"]


def test_few_bytes_do_not_buy_any_number_of_averages(client: httpx.Client) -> None:
    """A phone with a gap costs as much as a hundred others, and columns of nulls compress to nothing."""
    many = FREE_PHONES + 500
    line = ",".join(["512" if name == "ram" else "" for name in FEATURE_NAMES]).encode()
    content = gzip.compress(b"\n".join([as_csv().splitlines()[0], *[line] * many]))
    headers = {**CSV, "Content-Encoding": "gzip"}
    refused = client.post(BATCH, params=AVERAGE, content=content, headers=headers)
    assert refused.status_code == 422
    assert "phones of which features are unknown" in refused.json()["detail"]
    answered = client.post(BATCH, params=AVERAGE, content=gzip.decompress(content), headers=CSV)
    assert len(answered.raise_for_status().text.splitlines()) == 1 + many


def test_unknown_features_are_counted(model_repository: Path) -> None:
    server = Server(model_repository, "--no-access-log").wait_until_ready()
    with httpx.Client(base_url=server.url) as client:
        client.post("/predict", params=AVERAGE, json=PHONES[0]).raise_for_status()
        client.post(BATCH, params=AVERAGE, json={"phones": PHONES}).raise_for_status()
        client.post(INFER, json=tensor(NESTED, ROWS.shape)).raise_for_status()
        text = client.get("/metrics").text
    assert server.end() == 0
    told = {
        line.split('"')[1]: float(line.split()[-1])
        for line in text.splitlines()
        if line.startswith("pricerange_unknown_features_total{")
    }
    counts = (2 * UNKNOWN.sum(axis=0) + UNKNOWN[0]).tolist()
    assert told == dict(zip(FEATURE_NAMES, counts, strict=True))


def test_phones_with_gaps_are_refused_where_what_is_known_is_out_of_range(model_repository: Path) -> None:
    server = Server(model_repository, "--out-of-range", "refuse", "--no-access-log").wait_until_ready()
    with httpx.Client(base_url=server.url) as client:
        good, bad = PHONES[0], PHONES[20]
        assert "applicability" not in client.post("/predict", params=AVERAGE, json=good).json()
        refused = client.post("/predict", params=AVERAGE, json=bad)
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:pricerange:problem:out-of-range")
        params = {**AVERAGE, "on_bad_row": "null"}
        _, answer = client.post(BATCH, params=params, json={"phones": [good, bad]}).json()["predictions"]
        assert answer["error"].startswith("ram: expected ")
        assert client.post(INFER, json=tensor(NESTED[20:21], (1, 20))).status_code == 400
    assert server.end() == 0


def test_an_older_version_says_that_it_has_no_phones_to_average_over() -> None:
    told = "version 2 keeps no background rows to average over"
    server = Server(Path("models"), "--model-version", "2", "--no-access-log").wait_until_ready()
    with httpx.Client(base_url=server.url) as client:
        for path, body in (("/predict", PHONES[0]), (BATCH, {"phones": PHONES})):
            refused = client.post(path, params=AVERAGE, json=body)
            assert refused.status_code == 422
            assert told in refused.json()["detail"]
        refused = client.post(INFER, json=tensor(NESTED, ROWS.shape))
        assert refused.status_code == 400
        assert told in refused.json()["error"]
    assert server.end() == 0


def test_the_document_says_that_features_may_be_null(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    either = {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("Phone", "PartialPhone")]}
    for path in ("/predict", "/predict/explain"):
        body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        assert body["schema"] == either
    assert schemas["Phones"]["properties"]["phones"]["items"] == either
    partial = schemas["PartialPhone"]
    ram = {"type": "integer", "minimum": 128, "maximum": 131072}
    assert partial["properties"]["ram"]["anyOf"] == [ram, {"type": "null"}]
    assert partial["required"] == list(FEATURE_NAMES)
    flat, _ = schemas["InputTensor"]["properties"]["data"]["anyOf"]
    assert flat["items"]["type"] == ["number", "null"]
