"""The text of the metrics, as Prometheus and others ask for it, of a running server."""

import asyncio
import gzip
import platform
import socket
from pathlib import Path

import httpx
import pytest
from in_process import InProcess
from live_server import Server
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from waiting import wait_until

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
"""`Accept` of Prometheus 3."""
PREDICTING = {
    *("/predict", "/predict/explain", "/predict/what-if", "/predict/curve", "/predict/batch"),
    *("/v2/models/phone_price_range/infer", "/v2/models/phone_price_range/versions/{model_version}/infer"),
    *("/v1/models/phone_price_range:predict", "/v1/models/phone_price_range:explain"),
}


@pytest.mark.parametrize(
    "accept",
    [
        PROMETHEUS,
        "application/openmetrics-text",
        CONTENT_TYPE_LATEST,
        "Application/OpenMetrics-Text",
        "application/openmetrics-text;version=2.0.0;escaping=values",
        "application/openmetrics-text;version=none;escaping",
        "text/plain;version=1.0.0, application/openmetrics-text",
        "application/openmetrics-text;q=0.5, */*;q=0.1",
    ],
)
def test_openmetrics_is_told_where_it_is_asked_for(client: httpx.Client, accept: str) -> None:
    response = client.get("/metrics", headers={"accept": accept}).raise_for_status()
    assert response.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    families = {family.name: family for family in text_string_to_metric_families(response.text)}
    assert families["pricerange_requests"].type == "counter"
    assert families["pricerange_request_duration_seconds"].type == "histogram"


@pytest.mark.parametrize(
    "accept",
    [
        *("", "*/*", "text/plain", "text/html,application/xml;q=0.9", ";,;=", "text/plain;version=none"),
        "application/openmetrics-text;q=0",
        "application/openmetrics-text;q=0.5, text/plain",
    ],
)
def test_the_text_of_prometheus_is_told_otherwise(client: httpx.Client, accept: str) -> None:
    response = client.get("/metrics", headers={"accept": accept}).raise_for_status()
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [("gzip", True), ("deflate, gzip;q=0.5", True), ("gzip;q=0", False), ("br", False)],
)
def test_gzip_is_told_where_it_is_accepted(client: httpx.Client, accepted: str, compressed: bool) -> None:
    with client.stream("GET", "/metrics", headers={"accept-encoding": accepted}) as response:
        sent = b"".join(response.iter_raw())
    assert (response.headers.get("content-encoding") == "gzip") is compressed
    text = gzip.decompress(sent) if compressed else sent
    assert b"\npricerange_requests_total{" in text
    assert response.headers["vary"] == "Accept, Accept-Encoding"


def test_series_that_alerts_need_are_there_before_the_first_request(model_repository: Path) -> None:
    async def scrape() -> str:
        async with InProcess(model_repository, 1).client() as client:
            return (await client.get("/metrics", headers={"accept": PROMETHEUS})).text

    families = {family.name: family for family in text_string_to_metric_families(asyncio.run(scrape()))}
    counts = {
        (sample.labels["route"], sample.labels["status"]): sample.value
        for sample in families["pricerange_requests"].samples
        if sample.labels["method"] == "POST"
    }
    statuses = ("0", "200", "400", "401", "413", "422", "429", "500", "503", "504", "507")
    assert counts == {(route, status): 0 for route in PREDICTING for status in statuses}
    durations = {
        (sample.labels["route"], sample.labels["outcome"]): sample.value
        for sample in families["pricerange_request_duration_seconds"].samples
        if sample.name.endswith("_count")
    }
    outcomes = ("ok", "rejected", "failed")
    assert durations == {(route, outcome): 0 for route in PREDICTING for outcome in outcomes}
    [build] = families["pricerange_build_info"].samples
    assert build.labels.keys() == {"version", "python", "onnxruntime", "numpy"}
    assert build.labels["python"] == platform.python_version()


def test_a_request_that_is_being_received_is_in_flight(client: httpx.Client, server: Server) -> None:
    url = httpx.URL(server.url)
    before = _in_flight(client)
    with socket.create_connection((url.host, url.port)) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 400\r\n\r\n{")
        wait_until(lambda: _in_flight(client) == before + 1)
    wait_until(lambda: _in_flight(client) == before)


def _in_flight(client: httpx.Client) -> float:
    families = text_string_to_metric_families(client.get("/metrics", headers={"accept": PROMETHEUS}).text)
    [sample] = next(family.samples for family in families if family.name == "pricerange_requests_in_flight")
    return float(sample.value)
