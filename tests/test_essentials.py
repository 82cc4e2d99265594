"""What has to work with every release of the dependencies that pyproject.toml admits.

`make test-lowest` runs this file with the oldest of them, `make test` with those of constraints.txt. The
model is the committed one: nothing here needs what training does.
"""

import csv
import io
import json
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from live_server import NO_TLS, PRICERANGE, Server

from pricerange.phone import FEATURE_NAMES, FEATURES

MODELS = Path(__file__).parents[1] / "models"
PHONE = {feature.name: feature.example for feature in FEATURES}
BODY = json.dumps(PHONE).encode()
POST = (
    b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)
TABLE = ",".join(FEATURE_NAMES) + "\n" + ",".join(f"{value:g}" for value in PHONE.values()) + "\n"


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server(MODELS)
    try:
        yield running.wait_until_ready()
    finally:
        running.end(signal.SIGKILL)


def test_help_names_every_command_and_every_setting() -> None:
    shown = subprocess.run([PRICERANGE, "--help"], capture_output=True, text=True, check=True).stdout
    assert all(name in shown for name in ("train", "evaluate", "serve", "score", "models"))
    shown = subprocess.run([PRICERANGE, "serve", "--help"], capture_output=True, text=True, check=True).stdout
    assert "--max-queue-rows" in shown


def test_a_phone_is_answered_and_a_bad_one_rejected(server: Server) -> None:
    answer = httpx.post(f"{server.url}/predict", json=PHONE, verify=NO_TLS)
    assert (answer.status_code, answer.json()["label"]) == (200, "very high")
    problem = httpx.post(f"{server.url}/predict", json=PHONE | {"ram": 4}, verify=NO_TLS)
    assert problem.status_code == 422
    assert problem.json()["errors"][0]["pointer"] == "/ram"


def test_documents_and_metrics_are_served(server: Server) -> None:
    assert "/predict/batch" in httpx.get(f"{server.url}/openapi.json", verify=NO_TLS).json()["paths"]
    assert "pricerange_rows_total 0" in httpx.get(f"{server.url}/metrics", verify=NO_TLS).text
    assert httpx.get(f"{server.url}/nowhere", verify=NO_TLS).status_code == 404


def test_requests_sent_ahead_are_answered_in_order(server: Server) -> None:
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port or 80), timeout=20) as connection:
        # a rejected one, one in two pieces and one that goes through FastAPI among them
        connection.sendall(
            POST + POST.replace(b"ram", b"rum") + b"GET /model HTTP/1.1\r\nHost: a\r\n\r\n" + POST[:99]
        )
        connection.sendall(POST[99:] + POST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    statuses = [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"422", b"200", b"200", b"200"]


def test_a_table_is_answered_over_http_and_by_score_alike(server: Server, tmp_path: Path) -> None:
    over_http = httpx.post(
        f"{server.url}/predict/batch", content=TABLE, headers={"Content-Type": "text/csv"}, verify=NO_TLS
    )
    assert over_http.status_code == 200
    (tmp_path / "phones.csv").write_text(TABLE)
    subprocess.run(
        [PRICERANGE, "score", "phones.csv", "answers.csv", "--models", MODELS],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    with (tmp_path / "answers.csv").open(newline="") as file:
        [in_file] = csv.DictReader(file)
    [answered] = csv.DictReader(io.StringIO(over_http.text))
    assert answered.pop("error") == ""
    assert answered.pop("label") == in_file["label"] == "very high"
    assert answered.pop("in_range") == in_file["in_range"] == "true"
    assert answered.pop("outside") == in_file["outside"] == ""
    assert {name: float(value) for name, value in answered.items()} == {
        name: float(in_file[name]) for name in answered
    }


def test_a_drain_loses_no_request_and_ends_with_0(server: Server) -> None:
    statuses: list[int] = []

    def ask() -> None:
        with httpx.Client(verify=NO_TLS) as client:
            for _ in range(400):
                try:
                    statuses.append(client.post(f"{server.url}/predict", json=PHONE).status_code)
                except httpx.ConnectError:
                    return  # the port is closed: nothing was sent

    asking = threading.Thread(target=ask)
    asking.start()
    while not statuses:
        assert asking.is_alive()
    assert server.end() == 0
    asking.join()
    assert set(statuses) == {200}
