"""Changes over HTTP are those of the core, and `/predict` answers the changed phone alike."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from live_server import Server

from pricerange import bundle
from pricerange.answer.change.nearest import run
from pricerange.answer.change.what_if import NOTE, WhatIf
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor

PATH = "/predict/what-if"
Phone = dict[str, float]


def changed(phone: Phone, change: dict[str, Any]) -> Phone:
    return {**phone, **{each["feature"]: each["changed_to"] for each in change["features"]}}


def require_verified(client: httpx.Client, phone: Phone, answer: dict[str, Any], wanted: int) -> None:
    """The changed phones are answered by `/predict` in the words that were told."""
    for change in filter(None, answer["changes"].values()):
        assert change["price_range"] == wanted
        plain = client.post("/predict", json=changed(phone, change)).raise_for_status().json()
        told = {name: change[name] for name in ("price_range", "label", "probabilities", "applicability")}
        assert {**told, "model": answer["model"]} == plain


@pytest.mark.parametrize("wanted", range(4))
def test_the_answer_is_the_cores_and_verified(
    client: httpx.Client, model_repository: Path, phone: Phone, wanted: int
) -> None:
    answer = client.post(PATH, json={"phone": phone, "price_range": wanted}).raise_for_status().json()
    plain = client.post("/predict", json=phone).json()
    assert {name: answer[name] for name in plain} == plain
    assert answer["wanted"]["price_range"] == wanted
    assert answer["searched"] == list(FEATURE_NAMES)
    assert answer["note"] == NOTE
    predictor = Predictor.load(model_repository)
    row = np.array(list(phone.values()), np.float32)
    found = run(WhatIf(predictor.bundle.passport).search(row, wanted), predictor)
    for name, expected in (("one", found.one), ("two", found.two)):
        change = answer["changes"][name]
        assert expected is not None
        assert change["size"] == pytest.approx(expected.size, rel=1e-5)
        assert [each["feature"] for each in change["features"]] == [FEATURE_NAMES[k] for k in expected.places]
        assert list(changed(phone, change).values()) == pytest.approx(expected.phone.tolist(), rel=1e-6)
    require_verified(client, phone, answer, wanted)
    is_there = plain["price_range"] == wanted
    assert (answer["changes"]["one"]["size"] == 0) == is_there


def test_no_such_change_is_an_answer(client: httpx.Client, phone: Phone) -> None:
    body = {"phone": phone, "price_range": 0, "features": ["wifi", "three_g"]}
    answer = client.post(PATH, json=body).raise_for_status().json()
    assert answer["changes"] == {"one": None, "two": None}
    assert (answer["searched"], answer["inactive"]) == (["three_g", "wifi"], [])


def test_a_body_that_is_wrong_is_explained_by_its_place(client: httpx.Client, phone: Phone) -> None:
    body = {"phone": {**phone, "ram": 4}, "price_range": 7, "features": ["rum"], "why": 1}
    refused = client.post(PATH, json=body)
    assert refused.status_code == 422
    details = {each["pointer"]: each["detail"] for each in refused.json()["errors"]}
    assert details["/phone/ram"] == "ram must be a whole number between 128 and 131072 MB, got 4"
    assert details["/price_range"] == "price_range: Input should be less than 4, got 7"
    assert details["/features/0"].endswith("or 'wifi', got the string \"rum\"")
    assert details["/why"] == '"why" is not a known field: expected one of phone, price_range, features'
    refused = client.post(PATH, json={"phone": phone})
    assert refused.json()["errors"] == [{"detail": "price_range is missing", "pointer": "/price_range"}]
    refused = client.post(PATH, content=b"[" * 60_000)
    assert refused.status_code == 422
    refused = client.post(PATH, json={"phone": phone, "price_range": 1, "features": ["ram"] * 5_000})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/features")
    refused = client.post(f"{PATH}?sets=0.9", json={"phone": phone, "price_range": 1})
    assert "expected no parameters, found 'sets=0.9'" in refused.json()["detail"]
    assert client.post(PATH, content=b" " * 70_000).status_code == 413
    assert client.post(PATH, content=b"a", headers={"Content-Type": "text/csv"}).status_code == 415


def test_a_compressed_question_is_the_same_one(client: httpx.Client, phone: Phone) -> None:
    body = json.dumps({"phone": phone, "price_range": 1, "features": ["ram"]}).encode()
    headers = {"Content-Type": "application/json"}
    plain = client.post(PATH, content=body, headers=headers)
    packed = client.post(PATH, content=gzip.compress(body), headers={**headers, "Content-Encoding": "gzip"})
    assert packed.raise_for_status().content == plain.raise_for_status().content


def test_a_deadline_ends_a_search(client: httpx.Client, phone: Phone) -> None:
    body = {"phone": phone, "price_range": 0}
    late = client.post(PATH, json=body, headers={"X-Request-Timeout-Ms": "1"})
    assert (late.status_code, late.json()["title"]) == (504, "Deadline exceeded")


def test_it_is_documented_and_counted_by_its_route(client: httpx.Client, phone: Phone) -> None:
    document = client.get("/openapi.json").json()
    operation = document["paths"][PATH]["post"]
    assert "gzip" in operation["requestBody"]["description"]
    question = document["components"]["schemas"]["WhatIfQuestion"]
    (example,) = question["examples"]
    client.post(PATH, json=example).raise_for_status()
    text = client.get("/metrics").text
    assert f'pricerange_requests_total{{method="POST",route="{PATH}",status="200"}}' in text


def test_where_phones_are_refused_changes_lead_to_phones_in_range(
    start: Callable[..., Server], model_repository: Path, phone: Phone
) -> None:
    server = start(model_repository, "--out-of-range", "refuse", "--no-access-log").wait_until_ready()
    with httpx.Client(base_url=server.url) as client:
        refused = client.post(PATH, json={"phone": {**phone, "ram": 8_192}, "price_range": 0})
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:pricerange:problem:out-of-range")
        assert refused.json()["errors"][0]["pointer"] == "/phone/ram"
        answer = client.post(PATH, json={"phone": phone, "price_range": 0}).raise_for_status().json()
        assert "applicability" not in answer
        for change in answer["changes"].values():
            assert client.post("/predict", json=changed(phone, change)).json()["price_range"] == 0
        body = {"phone": phone, "feature": "ram", "within": "physical_limits", "points": 200}
        curve = client.post("/predict/curve", json=body).raise_for_status().json()["curve"]
        assert 1 < len(curve) < 20
        assert max(point["value"] for point in curve) < 4_100


def test_an_older_version_answers_too(start: Callable[..., Server], phone: Phone) -> None:
    models = Path("models")
    assert bundle.read(bundle.find(models, 2)).passport.training_region is None
    server = start(models, "--model-version", "2", "--no-access-log").wait_until_ready()
    with httpx.Client(base_url=server.url) as client:
        answer = client.post(PATH, json={"phone": phone, "price_range": 1}).raise_for_status().json()
        assert answer["model"]["version"] == "2"
        require_verified(client, phone, answer, 1)
        assert all(answer["changes"].values())
