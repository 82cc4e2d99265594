"""How other model servers fail, each by its name, and that `/predict` and `/predict/batch` do not.

The protocol V2's own are in v2/test_infer_refusals.py; metrics of one worker and children that outlive their
parent in test_workers.py.
"""

import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest
from live_server import NO_TLS, Server

JSON = {"Content-Type": "application/json"}


def as_single(phone: dict[str, object]) -> tuple[str, object, str]:
    """The path, the body and where the phone stands in it."""
    return "/predict", phone, ""


def as_batch(phone: dict[str, object]) -> tuple[str, object, str]:
    return "/predict/batch", {"phones": [phone]}, "/phones/0"


FORMS = pytest.mark.parametrize("form", [as_single, as_batch])
Form = Callable[[dict[str, object]], tuple[str, object, str]]


@FORMS
@pytest.mark.parametrize("field", ["clock_speed", "ram", "wifi"], ids=["number", "whole number", "yes-no"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e39", "-1e39", "1e309", "1" + "0" * 400])
def test_what_float32_cannot_hold_is_422_and_not_200_with_nan_or_null_probabilities(
    client: httpx.Client, phone: dict[str, object], form: Form, field: str, value: str
) -> None:
    path, body, place = form({**phone, field: "HERE"})
    content = json.dumps(body).replace('"HERE"', value)
    refused = client.post(path, content=content, headers=JSON)
    assert refused.status_code == 422, refused.text
    [error] = refused.json()["errors"]
    # pydantic reads no number of hundreds of digits: such a body is no JSON, and has no place for the error
    assert error["pointer"] in (f"{place}/{field}", "")


@FORMS
@pytest.mark.parametrize(
    "of",
    [
        pytest.param(lambda phone: dict(list(phone.items())[:19]), id="19-features"),
        pytest.param(lambda phone: {**phone, "twenty_first": 1}, id="21-features"),
        pytest.param(lambda phone: list(phone.values()), id="a-row-of-20"),
        pytest.param(lambda phone: [list(phone.values())] * 2, id="two-rows-of-20"),
        pytest.param(lambda phone: [phone, phone], id="two-phones"),
        pytest.param(lambda phone: {name: [value] for name, value in phone.items()}, id="columns"),
        pytest.param(lambda phone: {}, id="no-feature"),
    ],
)
def test_a_wrong_count_is_422_and_not_500_with_a_traceback(
    client: httpx.Client, server: Server, phone: dict[str, object], form: Form, of: Callable
) -> None:
    path, body, _ = form(of(phone))
    refused = client.post(path, json=body)
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"]
    assert not any("Traceback" in line for line in server.lines)


def request(body: bytes) -> bytes:
    head = f"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def answered(connection: socket.socket) -> tuple[int, dict]:
    received = b""
    while part := connection.recv(65_536):
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def runs_and_rows(client: httpx.Client) -> tuple[float, float]:
    values = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines() if line[:1] != "#")
    name = "pricerange_model_run_rows"
    runs, rows = (values[f'{name}_{of}{{version="1"}}'] for of in ("count", "sum"))
    return float(runs), float(rows)


class Held:
    """A server that sees nothing of what is sent meanwhile, and then all of it in one turn of its loop."""

    def __init__(self, server: Server) -> None:
        self._process = psutil.Process(server.process.pid)

    def __enter__(self) -> None:
        self._process.suspend()
        deadline = time.monotonic() + 10
        while self._process.status() != psutil.STATUS_STOPPED and time.monotonic() < deadline:
            time.sleep(0.001)

    def __exit__(self, *_: object) -> None:
        self._process.resume()


@pytest.fixture
def connections(server: Server, client: httpx.Client) -> Iterator[list[socket.socket]]:
    """16 connections that the server has accepted."""
    url = httpx.URL(server.url)
    with ExitStack() as stack:
        opened = [
            stack.enter_context(socket.create_connection((url.host, url.port), timeout=10)) for _ in range(16)
        ]
        for connection in opened:
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        yield opened


@pytest.mark.parametrize("place", [0, 7, 15], ids=["first", "in the middle", "last"])
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda body: body.replace(b'"ram": 2800', b'"ram": NaN'), id="nan"),
        pytest.param(lambda body: body.replace(b'"ram": 2800', b'"ram": 1e39'), id="1e39"),
        pytest.param(lambda body: body.replace(b'"ram": 2800', b'"ram": "much"'), id="text"),
        pytest.param(lambda body: body.replace(b'"ram": 2800, ', b""), id="19-features"),
        pytest.param(lambda body: body[:-1], id="cut-json"),
        pytest.param(lambda body: body + body, id="two-phones"),
        pytest.param(lambda body: body + b"," + body, id="two-phones-of-a-list"),
        pytest.param(lambda body: b"}, {", id="glue"),
    ],
)
def test_one_bad_request_of_16_takes_none_of_its_neighbours_down(
    server: Server,
    client: httpx.Client,
    connections: list[socket.socket],
    phone: dict[str, float],
    place: int,
    spoil: Callable[[bytes], bytes],
) -> None:
    bodies = [json.dumps({**phone, "ram": 2800, "battery_power": 500 + 100 * k}).encode() for k in range(16)]
    expected = [client.post("/predict", content=body, headers=JSON).json() for body in bodies]
    bad = spoil(bodies[place])
    assert bad != bodies[place]
    runs, rows = runs_and_rows(client)
    with Held(server):
        for number, connection in enumerate(connections):
            connection.sendall(request(bad if number == place else bodies[number]))
    answers = [answered(connection) for connection in connections]
    assert answers.pop(place)[0] == 422
    expected.pop(place)
    assert answers == [(200, answer) for answer in expected]
    assert runs_and_rows(client) == (runs + 1, rows + 15)


def test_clients_that_leave_take_none_of_their_neighbours_down(
    server: Server, client: httpx.Client, connections: list[socket.socket], phone: dict[str, float]
) -> None:
    body = json.dumps(phone).encode()
    expected = client.post("/predict", content=body, headers=JSON).json()
    with Held(server):
        for number, connection in enumerate(connections):
            connection.sendall(request(body))
            if number % 4 == 0:
                connection.close()
    stayed = [connection for connection in connections if connection.fileno() >= 0]
    assert [answered(connection) for connection in stayed] == [(200, expected)] * 12


def test_the_port_does_not_refuse_connections_a_moment_after_sigterm(
    start: Callable[..., Server], model_repository: Path, phone: dict[str, float]
) -> None:
    server = start(model_repository, "--drain-delay", "1.5").wait_until_ready()
    server.process.send_signal(signal.SIGTERM)
    until = time.monotonic() + 0.6
    while time.monotonic() < until:
        assert httpx.post(f"{server.url}/predict", json=phone, verify=NO_TLS).status_code == 200
        time.sleep(0.05)
    assert server.wait() == 0
