"""KServe's V1 protocol: the same answers as `/predict`, the same checks, errors that name the instance."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live_server import Server

from pricerange import synthetic
from pricerange.phone import FEATURE_NAMES

MODEL = "/v1/models/phone_price_range"
RAM = FEATURE_NAMES.index("ram")


def phones(count: int = 5) -> list[dict[str, float]]:
    table = synthetic.phones(count, block=6)[0]
    table[1:2, RAM] = 8_192
    return [dict(zip(FEATURE_NAMES, row, strict=True)) for row in table.tolist()]


PHONES = phones()


def as_lists(instances: list[dict[str, float]]) -> list[list[float]]:
    return [list(instance.values()) for instance in instances]


def predict(client: httpx.Client, instances: object, **more: object) -> httpx.Response:
    return client.post(f"{MODEL}:predict", json={"instances": instances, **more})


@pytest.fixture(scope="module")
def refusing(model_repository: Path) -> Iterator[httpx.Client]:
    server = Server(model_repository, "--out-of-range", "refuse", "--no-access-log").wait_until_ready()
    with httpx.Client(base_url=server.url) as client:
        yield client
    assert server.end() == 0


def test_predictions_are_the_answers_of_predict(client: httpx.Client) -> None:
    expected = []
    for phone in PHONES:
        answer = client.post("/predict", json=phone).json()
        assert answer.pop("model")["name"] == "phone_price_range"
        expected.append(answer)
    assert not expected[1]["applicability"]["in_range"]
    for instances in (PHONES, as_lists(PHONES), [PHONES[0], *as_lists(PHONES[1:])]):
        assert predict(client, instances).raise_for_status().json() == {"predictions": expected}
    assert predict(client, PHONES[:1]).json()["predictions"] == expected[:1]
    assert predict(client, []).json() == {"predictions": []}
    assert predict(client, PHONES, signature_name="serving_default").status_code == 200


def test_explanations_stand_beside_predictions(client: httpx.Client) -> None:
    body = client.post(f"{MODEL}:explain", json={"instances": PHONES}).raise_for_status().json()
    assert list(body) == ["predictions", "explanations"]
    assert {"predictions": body["predictions"]} == predict(client, PHONES).json()
    for prediction, explanation in zip(body["predictions"], body["explanations"], strict=True):
        value = explanation["value"]
        assert value["probability"] == prediction["probabilities"][prediction["price_range"]]
        total = explanation["base"]["score"] + sum(reason["score"] for reason in explanation["reasons"])
        assert total == pytest.approx(value["score"], abs=1e-6)
    empty = client.post(f"{MODEL}:explain", json={"instances": []})
    assert empty.json() == {"predictions": [], "explanations": []}


def test_the_models_are_listed_and_ready(client: httpx.Client) -> None:
    assert client.get("/v1/models").json() == {"models": ["phone_price_range"]}
    assert client.get(MODEL).json() == {"name": "phone_price_range", "ready": True}


@pytest.mark.parametrize(("method", "verb"), [("GET", ""), ("POST", ":predict"), ("POST", ":explain")])
def test_another_model_is_unknown(client: httpx.Client, method: str, verb: str) -> None:
    refused = client.request(method, f"/v1/models/other{verb}", json={"instances": []})
    assert refused.status_code == 404
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["detail"] == "the model 'other' is not served here, only phone_price_range"


@pytest.mark.parametrize(
    ("instance", "pointer", "detail"),
    [
        pytest.param({**PHONES[0], "ram": 1}, "/ram", "ram must be", id="out-of-limits"),
        pytest.param({**PHONES[0], "ram": "x"}, "/ram", "ram must be", id="text"),
        pytest.param({**PHONES[0], "fc": True}, "/fc", "fc must be", id="truth-value"),
        pytest.param({**PHONES[0], "ram": 10**400}, "/ram", "ram must be", id="too-long"),
        pytest.param({**PHONES[0], "rom": 1}, "/rom", "not a known field", id="unknown-field"),
        pytest.param(dict(list(PHONES[0].items())[1:]), "/battery_power", "is missing", id="missing-field"),
        pytest.param([*as_lists(PHONES)[0][:-1], 0.5], "/19", "wifi must be", id="half-a-truth"),
        pytest.param([None, *as_lists(PHONES)[0][1:]], "/0", "battery_power must be", id="null"),
        pytest.param([[1], *as_lists(PHONES)[0][1:]], "/0", "battery_power must be", id="nested"),
        pytest.param(as_lists(PHONES)[0][1:], "", "list of 20 numbers, found a list of 19", id="short-list"),
        pytest.param([], "", "list of 20 numbers, found a list of 0", id="empty-list"),
        pytest.param("phone", "", 'numbers, found the string "phone"', id="a-string"),
        pytest.param("twenty characters ab", "", "numbers, found the string", id="a-string-of-twenty"),
        pytest.param(None, "", "expected an object or a list of 20 numbers, found null", id="nothing"),
        pytest.param(7, "", "numbers, found 7", id="a-number"),
    ],
)
def test_a_bad_instance_is_named(client: httpx.Client, instance: object, pointer: str, detail: str) -> None:
    refused = predict(client, [PHONES[0], instance])
    assert refused.status_code == 422
    problem = refused.json()["errors"][0]
    assert problem["pointer"] == f"/instances/1{pointer}"
    assert problem["detail"].startswith("instance 2: ")
    assert detail in problem["detail"]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        pytest.param(b"{", "not valid JSON", id="cut-short"),
        pytest.param(b"[]", "", id="a-list"),
        pytest.param(b"{}", "instances", id="nothing"),
        pytest.param(b'{"instances": {}}', "instances", id="an-object"),
        pytest.param(b"\x1f\x8b\x08\x00", "gzip", id="compressed"),
    ],
)
def test_a_body_without_instances_is_refused(client: httpx.Client, body: bytes, detail: str) -> None:
    refused = client.post(f"{MODEL}:predict", content=body, headers={"Content-Type": "application/json"})
    assert refused.status_code == 422
    assert detail in refused.json()["detail"]


@pytest.mark.parametrize("verb", ["predict", "explain"])
def test_parameters_are_refused_instead_of_ignored(client: httpx.Client, verb: str) -> None:
    refused = client.post(f"{MODEL}:{verb}?sets=0.9", json={"instances": PHONES})
    assert refused.status_code == 422
    assert refused.json()["detail"] == "expected no parameters, found 'sets=0.9'"


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e39"])
def test_no_number_that_json_or_float32_lacks_is_taken(client: httpx.Client, number: str) -> None:
    values = [number, *map(str, as_lists(PHONES)[0][1:])]
    refused = client.post(f"{MODEL}:explain", content=f'{{"instances": [[{", ".join(values)}]]}}'.encode())
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/instances/0/0"


def test_truth_values_are_taken_for_yes_and_no(client: httpx.Client) -> None:
    phone = {**PHONES[0], "wifi": True, "blue": False}
    expected = predict(client, [{**phone, "wifi": 1, "blue": 0}]).json()
    assert predict(client, [phone]).json() == expected
    assert predict(client, as_lists([phone])).json() == expected


def test_limits_are_those_of_other_doors(client: httpx.Client) -> None:
    refused = predict(client, as_lists(PHONES[:1]) * 1_001)
    assert (refused.status_code, refused.json()["title"]) == (413, "Too many phones")
    assert len(predict(client, as_lists(PHONES[:1]) * 1_000).json()["predictions"]) == 1_000
    refused = client.post(f"{MODEL}:predict", content=b"[" * 1_048_577)
    assert (refused.status_code, refused.json()["title"]) == (413, "Body too large")
    refused = client.post(f"{MODEL}:predict", content=b"x", headers={"Content-Type": "text/csv"})
    assert refused.status_code == 415


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda children: (
        st.lists(children, max_size=21) | st.dictionaries(st.text(max_size=5), children, max_size=3)
    ),
    max_leaves=30,
)


@settings(max_examples=60)
@given(anything, st.sampled_from(["predict", "explain"]))
def test_no_instances_make_a_server_fail(refusing: httpx.Client, instances: object, verb: str) -> None:
    for body in (instances, {"instances": instances}, {"instances": [instances]}):
        answer = refusing.post(f"{MODEL}:{verb}", content=json.dumps(body).encode())
        assert answer.status_code in {200, 422}
        if answer.status_code == 422:
            assert answer.json()["detail"]


def test_phones_out_of_range_are_refused_where_they_shall_be(refusing: httpx.Client) -> None:
    for verb in ("predict", "explain"):
        refused = refusing.post(f"{MODEL}:{verb}", json={"instances": PHONES[:2]})
        assert (refused.status_code, refused.json()["title"]) == (422, "Phone outside the training range")
        assert refused.json()["errors"][0]["pointer"] == "/instances/1/ram"
        assert refused.json()["detail"].startswith("instance 2: ram: expected")
    (answer,) = predict(refusing, PHONES[:1]).json()["predictions"]
    assert "applicability" not in answer


def test_the_document_describes_the_routes(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    paths, schemas = document["paths"], document["components"]["schemas"]
    assert "/v1/models/{model_name}:explain" in paths
    operation = paths["/v1/models/{model_name}:predict"]["post"]
    assert operation["responses"].keys() >= {"200", "404", "413", "422", "503", "504"}
    assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith(
        "InstancesRequest"
    )
    assert "explanations" in schemas["Explanations"]["properties"]
    assert np.size(schemas["InstancesRequest"]["properties"]["instances"]["items"]["anyOf"]) == 2
