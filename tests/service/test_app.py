"""Health, metrics, request ids and the access log."""

import re

import httpx
import pytest
from live_server import Server
from prometheus_client.parser import text_string_to_metric_families


def samples(client: httpx.Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    response = client.get("/metrics").raise_for_status()
    assert response.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def rise(before: dict, after: dict, name: str, **labels: str) -> float:
    key = (name, frozenset(labels.items()))
    return after.get(key, 0) - before.get(key, 0)


def test_health(client: httpx.Client) -> None:
    assert client.get("/livez").json() == {"status": "alive"}
    assert client.get("/readyz").json() == {"status": "ready"}


def test_metrics_count_requests_rows_and_answers(client: httpx.Client, phone: dict[str, float]) -> None:
    before = samples(client)
    client.post("/predict", json=phone)
    answers = client.post("/predict/batch", json={"phones": [phone] * 30}).json()["predictions"]
    client.post("/predict", json={**phone, "ram": 1})
    after = samples(client)
    ok = {"method": "POST", "status": "200"}
    assert rise(before, after, "pricerange_requests_total", route="/predict", **ok) == 1
    assert rise(before, after, "pricerange_requests_total", route="/predict/batch", **ok) == 1
    assert (
        rise(before, after, "pricerange_request_duration_seconds_count", route="/predict", outcome="ok") == 1
    )
    rejected = {"route": "/predict", "outcome": "rejected"}
    assert rise(before, after, "pricerange_request_duration_seconds_count", **rejected) == 1
    assert rise(before, after, "pricerange_rejected_total", reason="invalid-input") == 1
    assert rise(before, after, "pricerange_queue_wait_seconds_count") == 3
    assert rise(before, after, "pricerange_rows_total") == 31
    assert rise(before, after, "pricerange_model_run_rows_sum", version="1") == 31
    assert rise(before, after, "pricerange_model_run_duration_seconds_count", version="1") == 2
    seconds = "pricerange_version_request_duration_seconds_count"
    assert rise(before, after, seconds, version="1", outcome="answered") == 2
    assert rise(before, after, seconds, version="1", outcome="failed") == 0
    answer = str(answers[0]["price_range"])
    assert rise(before, after, "pricerange_predictions_total", price_range=answer, version="1") == 31


def test_metrics_name_the_model_and_the_machine(client: httpx.Client) -> None:
    names = {name for name, _ in samples(client)}
    assert {"pricerange_model_info", "pricerange_queue_rows", "process_resident_memory_bytes"} <= names
    assert not any(name.endswith("_created") for name in names)


def test_metrics_labels_are_bounded(client: httpx.Client) -> None:
    for number in range(5):
        client.get(f"/nowhere/{number}")
    routes = {dict(labels).get("route") for _, labels in samples(client)}
    assert "unmatched" in routes
    assert not any(route and route.startswith("/nowhere") for route in routes)


@pytest.mark.parametrize("given", ["7d9f", "a-b:c/d" * 10])
def test_a_sent_request_id_comes_back(client: httpx.Client, given: str) -> None:
    assert client.get("/livez", headers={"X-Request-Id": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "two words"])
def test_a_request_without_a_sound_id_gets_one(client: httpx.Client, given: str) -> None:
    answered = client.get("/livez", headers={"X-Request-Id": given}).headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", answered)


def test_access_log_is_one_json_line_a_request(
    client: httpx.Client, server: Server, phone: dict[str, float]
) -> None:
    request_id = client.post("/predict", json=phone).headers["x-request-id"]
    other_id = client.get("/livez").headers["x-request-id"]
    [line] = server.log(request_id=request_id)
    assert line["version"] == "1"
    [of_no_version] = server.log(request_id=other_id)
    assert line.keys() - of_no_version.keys() == {"version"}
    assert (line["method"], line["path"]) == ("POST", "/predict")
    assert line["status"] == 200
    assert line["duration_ms"] > 0
    assert line["client"] == "127.0.0.1"


def test_the_trace_that_a_client_names_is_in_the_log_and_in_errors(
    client: httpx.Client, server: Server, phone: dict[str, float]
) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    good = client.post("/predict", json=phone, headers=headers)
    bad = client.post("/predict", json={}, headers=headers)
    assert bad.json()["trace_id"] == trace_id
    for response in (good, bad):
        [line] = server.log(request_id=response.headers["x-request-id"])
        assert line["trace_id"] == trace_id
    malformed = client.post("/predict", json={}, headers={"traceparent": f"00-{trace_id}-1-01"})
    assert "trace_id" not in malformed.json()


def test_docs_come_from_the_phone_table(client: httpx.Client) -> None:
    assert "swagger" in client.get("/docs").raise_for_status().text
    phone = client.get("/openapi.json").json()["components"]["schemas"]["Phone"]
    assert phone["properties"]["ram"]["description"] == "RAM (MB)"
    assert phone["properties"]["ram"]["minimum"] == 128
    assert phone["additionalProperties"] is False
    assert len(phone["required"]) == 20


def test_the_documents_are_counted_by_their_routes(client: httpx.Client) -> None:
    assert client.get("/docs").status_code == 200
    assert client.get("/openapi.json").status_code == 200
    counted = client.get("/metrics").text
    for route in ("/docs", "/openapi.json"):
        assert f'pricerange_requests_total{{method="GET",route="{route}",status="200"}}' in counted
