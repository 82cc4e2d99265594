"""Traces of a real server at a real collector: what is recorded, and what becomes of it in bad times."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest
from grpc_messages import SERVICE, Details, infer_request, with_channel
from live_server import NO_TLS, Server
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from otlp_collector import Collected, attributes, collecting
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from waiting import wait_until

from pricerange.errors import SettingsError
from pricerange.phone import FEATURES
from service.command import _settings
from service.http.budget import MemoryBudget
from service.http.framing.head import Head
from service.http.request_state import Requests
from service.telemetry.shared_counters import SharedCounters
from service.telemetry.tracing import traces as module
from service.telemetry.tracing.collector import Collector
from service.telemetry.tracing.counts import Counts
from service.telemetry.tracing.of_settings import traces_of
from service.telemetry.tracing.spans import Spans
from service.telemetry.tracing.traces import Traces

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
Start = Callable[..., Server]


def traceparent(flags: str, trace_id: str = TRACE) -> dict[str, str]:
    return {"traceparent": f"00-{trace_id}-{SPAN}-{flags}"}


@pytest.fixture
def collected() -> Iterator[Collected]:
    with collecting() as collected:
        yield collected


def test_what_a_caller_records_is_recorded_and_nothing_else(
    start: Start, model_repository: Path, phone: dict[str, float], collected: Collected
) -> None:
    server = start(
        model_repository, "--otlp-endpoint", collected.endpoint, "--trace-sample", "0"
    ).wait_until_ready()
    with httpx.Client(base_url=server.url, verify=NO_TLS) as client:
        client.post("/predict", json=phone)
        client.post("/predict", json=phone, headers=traceparent("00", "1" * 32))
        response = client.post("/predict", json=phone, headers=traceparent("01"))
        failed = client.post("/predict", json={}, headers=traceparent("01", "2" * 32))
        batch = {"phones": [phone] * 3}
        client.post("/predict/batch", json=batch, headers=traceparent("01", "3" * 32))
        metrics = client.get("/metrics", headers={"accept": "application/openmetrics-text"}).text
    assert server.end() == 0
    assert {span.trace_id.hex() for span in collected.spans()} == {TRACE, "2" * 32, "3" * 32}
    request, queue, run = collected.spans(TRACE)
    assert (request.name, request.kind) == ("POST /predict", Span.SPAN_KIND_SERVER)
    assert request.parent_span_id.hex() == SPAN
    told = attributes(request)
    assert told["http.route"] == told["url.path"] == "/predict"
    assert told["http.response.status_code"] == 200
    assert told["client.address"] == "127.0.0.1"
    assert told["pricerange.request_id"] == response.headers["x-request-id"]
    for child in (queue, run):
        assert child.parent_span_id == request.span_id
    assert (queue.name, run.name) == ("queue", "model run")
    assert attributes(run) == {"pricerange.rows": 1, "pricerange.model.version": "1"}
    times = [
        *(request.start_time_unix_nano, queue.start_time_unix_nano, queue.end_time_unix_nano),
        *(run.start_time_unix_nano, run.end_time_unix_nano, request.end_time_unix_nano),
    ]
    assert times == sorted(times)
    assert abs(times[0] / 1e9 - time.time()) < 60
    [rejected] = collected.spans("2" * 32)
    assert attributes(rejected)["error.type"] == "invalid-input"
    assert rejected.status.code == Status.STATUS_CODE_UNSET
    assert failed.json()["trace_id"] == "2" * 32
    of_batch, *_, of_run = collected.spans("3" * 32)
    assert attributes(of_run)["pricerange.rows"] == 3
    assert of_run.parent_span_id == of_batch.span_id
    [line] = server.log(request_id=response.headers["x-request-id"])
    assert (line["trace_id"], line["span_id"]) == (TRACE, request.span_id.hex())
    [resource] = [one.resource for one in collected.messages[0].resource_spans]
    assert attributes(resource)["service.name"] == "pricerange"
    assert set(collected.paths) == {"/v1/traces"}
    exemplars = exemplars_of(metrics)
    assert exemplars["/predict", "ok"] == {TRACE}
    assert exemplars["/predict", "rejected"] == {"2" * 32}


def test_calls_over_grpc_are_recorded_as_requests_are(
    start: Start, model_repository: Path, collected: Collected
) -> None:
    flags = ("--grpc-port", "0", "--otlp-endpoint", collected.endpoint, "--trace-sample", "0")
    server = start(model_repository, *flags, "--no-access-log").wait_until_ready()
    rows = np.array([[feature.example for feature in FEATURES]] * 2, np.float32)
    one = infer_request(rows).SerializeToString()

    def metadata(trace_id: str, flags: str = "01") -> tuple[tuple[str, str], ...]:
        return tuple(traceparent(flags, trace_id).items())

    async def work(channel: grpc.aio.Channel) -> None:
        infer = channel.unary_unary(SERVICE + "ModelInfer")
        await infer(one)
        await infer(one, metadata=metadata("1" * 32, "00"))
        await infer(one, metadata=(*metadata(TRACE), ("x-request-id", "mine")))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await infer(infer_request(-rows).SerializeToString(), metadata=metadata("2" * 32))
        assert Details(refused.value).trace_id == "2" * 32
        stream = channel.stream_stream(SERVICE + "ModelStreamInfer")(
            iter([one, one]), metadata=metadata("3" * 32)
        )
        assert len([answer async for answer in stream]) == 2

    with_channel(server.grpc_address, work)
    text = httpx.get(
        f"{server.url}/metrics", headers={"accept": "application/openmetrics-text"}, verify=NO_TLS
    ).text
    assert server.end() == 0
    assert {span.trace_id.hex() for span in collected.spans()} == {TRACE, "2" * 32, "3" * 32}
    request, queue, run = collected.spans(TRACE)
    path = SERVICE + "ModelInfer"
    assert (request.name, request.parent_span_id.hex()) == (f"POST {path}", SPAN)
    told = attributes(request)
    assert told["http.route"] == told["url.path"] == path
    assert (told["http.response.status_code"], told["client.address"]) == (200, "127.0.0.1")
    assert told["pricerange.request_id"] == "mine"
    assert (queue.name, run.name) == ("queue", "model run")
    assert queue.parent_span_id == run.parent_span_id == request.span_id
    assert attributes(run) == {"pricerange.rows": 2, "pricerange.model.version": "1"}
    [rejected] = collected.spans("2" * 32)
    assert attributes(rejected)["error.type"] == "invalid-inference"
    of_stream = [span for span in collected.spans("3" * 32) if not span.name.startswith(("queue", "model"))]
    assert [span.name for span in of_stream] == [f"POST {SERVICE}ModelStreamInfer"] * 2
    assert exemplars_of(text)[path, "ok"] == {TRACE}


@pytest.mark.parametrize("also", [(), ("--no-access-log",)], ids=["logged", "not logged"])
def test_the_client_of_a_span_is_whom_a_trusted_proxy_names(
    start: Start, model_repository: Path, phone: dict[str, float], collected: Collected, also: tuple[str, ...]
) -> None:
    flags = ("--otlp-endpoint", collected.endpoint, "--forwarded-allow-ips", "127.0.0.1", *also)
    server = start(model_repository, *flags).wait_until_ready()
    headers = {**traceparent("01"), "X-Forwarded-For": "203.0.113.9"}
    response = httpx.post(f"{server.url}/predict", json=phone, headers=headers, verify=NO_TLS)
    assert server.end() == 0
    request, *_ = collected.spans(TRACE)
    assert attributes(request)["client.address"] == "203.0.113.9"
    lines = server.log(request_id=response.headers["x-request-id"])
    assert [line["client"] for line in lines] == ([] if also else ["203.0.113.9"])


def exemplars_of(text: str) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.exemplar is not None:
                assert sample.exemplar.value <= float(sample.labels["le"])
                place = sample.labels["route"], sample.labels["outcome"]
                found.setdefault(place, set()).add(sample.exemplar.labels["trace_id"])
    return found


def test_without_a_caller_a_share_is_traced_by_every_worker(
    start: Start, model_repository: Path, phone: dict[str, float], collected: Collected, tmp_path: Path
) -> None:
    headers = tmp_path / "headers"
    headers.write_text("Authorization: Bearer secret\n\nX-Scope-OrgID: 7\n")
    flags = ("--otlp-endpoint", collected.endpoint, "--otlp-headers-file", str(headers), "--workers", "2")
    server = start(model_repository, *flags, "--trace-sample", "1").wait_until_ready()
    for _ in range(6):
        httpx.post(f"{server.url}/predict", json=phone, verify=NO_TLS).raise_for_status()
    asked = {"accept": "application/openmetrics-text"}
    text = httpx.get(f"{server.url}/metrics", headers=asked, verify=NO_TLS).text
    assert server.end() == 0
    roots = [span for span in collected.spans() if span.name == "POST /predict"]
    assert len(roots) == len({span.trace_id for span in roots}) == 6
    assert all(not span.parent_span_id for span in roots)
    assert exemplars_of(text)["/predict", "ok"] <= {span.trace_id.hex() for span in roots}
    assert collected.headers[0]["authorization"] == "Bearer secret"
    assert collected.headers[0]["x-scope-orgid"] == "7"


@pytest.fixture
def traces(collected: Collected, monkeypatch: pytest.MonkeyPatch) -> Iterator[Traces]:
    monkeypatch.setattr(module, "_AGAIN_AFTER", (0.01, 0.01))
    monkeypatch.setattr(module, "_PAUSE", 0.01)
    [counters] = SharedCounters.of(1)
    traces = Traces(Spans(1), Collector(collected.endpoint + "/", {}), Counts(counters))
    yield traces
    traces.close()


def put(traces: Traces, count: int = 1) -> None:
    requests = Requests(10, MemoryBudget(1 << 20, lambda held: None), lambda state: None, 1.0)
    for _ in range(count):
        traces.put(requests.open(Head("GET", b"/livez", "1.1", [], True, 0), None, None), 0.001)


def counted(traces: Traces) -> tuple[float, float, float]:
    """Requests sent, without room, and not taken."""
    sent, dropped = traces.counts.collect()
    no_room, not_taken = (sample.value for sample in dropped.samples)
    return sent.samples[0].value, no_room, not_taken


def test_what_a_busy_collector_refuses_is_sent_again(traces: Traces, collected: Collected) -> None:
    collected.statuses = [503, 429]
    put(traces)
    wait_until(lambda: counted(traces) == (1, 0, 0))
    assert len(collected.paths) == 3
    assert len(collected.spans()) == 1


@pytest.mark.parametrize(
    ("statuses", "attempts"), [pytest.param([400], 1, id="no use"), pytest.param([503] * 3, 3, id="given up")]
)
def test_what_is_not_taken_is_counted_and_said_once(
    traces: Traces, collected: Collected, caplog: pytest.LogCaptureFixture, statuses: list[int], attempts: int
) -> None:
    collected.statuses = list(statuses)
    put(traces)
    wait_until(lambda: counted(traces) == (0, 0, 1))
    assert len(collected.paths) == attempts
    assert [record.message for record in caplog.records] == [
        f"the collector does not take traces: it answered {statuses[0]}"
    ]


def test_what_finds_no_room_is_counted(
    traces: Traces, collected: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 0)
    put(traces, 5)
    assert counted(traces)[1] == 5
    assert collected.spans() == []


def test_many_are_sent_together_and_none_twice(traces: Traces, collected: Collected) -> None:
    put(traces, 2_000)
    wait_until(lambda: counted(traces) == (2_000, 0, 0))
    assert len({span.trace_id for span in collected.spans()}) == 2_000


def test_a_collector_that_is_gone_costs_its_traces_alone(
    start: Start, model_repository: Path, phone: dict[str, float]
) -> None:
    flags = ("--otlp-endpoint", "http://127.0.0.1:9", "--trace-sample", "1")
    server = start(model_repository, *flags).wait_until_ready()
    for _ in range(20):
        httpx.post(f"{server.url}/predict", json=phone, verify=NO_TLS).raise_for_status()
    assert server.end() == 0
    [line] = server.log(logger="service.telemetry.tracing.traces", level="warning")
    assert line["message"].startswith("the collector does not take traces: ")


@pytest.mark.parametrize("endpoint", ["collector:4318", "grpc://collector:4317", "http://", "http://a?b=c"])
def test_a_collector_is_named_by_a_url(endpoint: str) -> None:
    with pytest.raises(SettingsError, match="a URL such as http://collector:4318"):
        _settings({"otlp_endpoint": endpoint})


def test_a_file_that_holds_no_headers_is_refused_without_its_secrets(tmp_path: Path) -> None:
    path = tmp_path / "headers"
    path.write_text("X-A: b\nsecret\n")
    [counters] = SharedCounters.of(1)
    settings = _settings({"otlp_endpoint": "http://127.0.0.1:9", "otlp_headers_file": path})
    with pytest.raises(SettingsError, match="something else in line 2") as raised:
        traces_of(settings, counters)
    assert "secret" not in str(raised.value)
