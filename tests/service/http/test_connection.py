"""What a connection may do: how long it may take, how much it may send, and what it is told otherwise."""

import json
import re
import signal
import socket
import ssl
import struct
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import trustme
from live_server import NO_TLS, Server


@pytest.fixture(scope="module")
def impatient(model_repository: Path) -> Iterator[Server]:
    """A server that waits for nobody longer than a moment."""
    server = Server(
        model_repository, "--receive-timeout", "0.4", "--idle-timeout", "1", "--request-timeout", "20"
    )
    yield server.wait_until_ready()
    assert server.end() == 0
    assert not any("Traceback" in line for line in server.lines)


@pytest.fixture
def connect(impatient: Server) -> Iterator[Callable[[], socket.socket]]:
    opened: list[socket.socket] = []

    def connected() -> socket.socket:
        url = httpx.URL(impatient.url)
        opened.append(socket.create_connection((url.host, url.port), timeout=10))
        return opened[-1]

    yield connected
    for connection in opened:
        connection.close()


def request(phone: dict[str, float], *headers: str) -> bytes:
    body = json.dumps(phone).encode()
    lines = ["POST /predict HTTP/1.1", "Host: a", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def sent(connection: socket.socket, text: str) -> socket.socket:
    connection.sendall(text.encode())
    return connection


def fields_of(answer: bytes) -> list[bytes]:
    _, *lines = answer.partition(b"\r\n\r\n")[0].split(b"\r\n")
    return [line.partition(b":")[0] for line in lines]


def until_closed(connection: socket.socket) -> bytes:
    received = b""
    while part := connection.recv(65_536):
        received += part
    return received


def refusal(answer: bytes) -> dict[str, Any]:
    """The problem of an answer that ends its connection."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert b"content-type: application/problem+json" in lines
    assert b"connection: close" in lines
    problem: dict[str, Any] = json.loads(body)
    assert lines[0].split()[1] == str(problem["status"]).encode()
    assert b"x-request-id: " + problem["request_id"].encode() in lines
    return problem


def count(server: Server, line: str) -> float:
    text = httpx.get(f"{server.url}/metrics", verify=NO_TLS).text
    return next((float(found.split()[-1]) for found in text.splitlines() if found.startswith(line)), 0)


def test_a_head_that_never_ends_is_refused_in_time(impatient: Server, connect: Any) -> None:
    rejected = 'pricerange_rejected_total{reason="slow-sender"}'
    before = count(impatient, rejected)
    connection = connect()
    connection.sendall(b"POST /predict HTTP/1.1\r\nHost: a\r\n")
    problem = refusal(until_closed(connection))
    assert problem["status"] == 408
    assert "the head of the request did not arrive within 0.4 s" in problem["detail"]
    assert count(impatient, rejected) == before + 1
    [line] = impatient.log(request_id=problem["request_id"])
    assert line["status"] == 408


def test_a_body_that_comes_byte_by_byte_is_refused_in_time(connect: Any) -> None:
    connection = connect()
    connection.sendall(b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 400\r\n\r\n")
    connection.settimeout(0.05)
    answer, begun = b"", time.monotonic()
    while not answer and time.monotonic() - begun < 10:
        connection.sendall(b" ")
        try:
            answer = connection.recv(65_536)
        except TimeoutError:
            continue
    problem = refusal(answer)
    assert problem["status"] == 408
    assert "setting receive_timeout" in problem["detail"]


def test_an_idle_connection_is_closed_and_one_in_use_is_not(connect: Any, phone: dict[str, float]) -> None:
    idle, used = connect(), connect()
    idle.settimeout(0.1)
    closed = False
    for _ in range(100):
        used.sendall(request(phone))
        assert used.recv(65_536).startswith(b"HTTP/1.1 200")
        try:
            closed = idle.recv(1) == b""
        except TimeoutError:
            continue
        break
    assert closed


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "in parts"])
def test_a_head_without_end_is_refused_by_its_size(connect: Any, at_once: bool) -> None:
    connection = connect()
    field = b"X-Long: " + b"x" * 8_000 + b"\r\n"
    parts = [b"GET /livez HTTP/1.1\r\nHost: a\r\n", *[field] * 5]
    for part in [b"".join(parts)] if at_once else parts:
        connection.sendall(part)
        time.sleep(0.01)
    problem = refusal(until_closed(connection))
    assert problem["status"] == 431
    assert "more than 32768 bytes" in problem["detail"]


def test_a_long_head_within_the_limit_is_answered(impatient: Server) -> None:
    headers = {f"X-Long-{k}": "x" * 6_000 for k in range(5)}
    assert httpx.get(f"{impatient.url}/livez", headers=headers, verify=NO_TLS).status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"nonsense\r\n\r\n", id="no request line"),
        pytest.param(b"GET /livez HTTP/1.1\r\nHost a\r\n\r\n", id="no colon"),
        pytest.param(b"GET /livez HTTP/1.1\r\nContent-Length: 5, 6\r\n\r\n", id="two lengths"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00", id="TLS"),
        pytest.param(
            b"POST /predict HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            id="length and chunks",
        ),
    ],
)
def test_what_is_no_http_gets_a_problem_and_the_end(connect: Any, sent: bytes) -> None:
    connection = connect()
    connection.sendall(sent)
    problem = refusal(until_closed(connection))
    assert problem["status"] == 400
    assert problem["type"] == "urn:pricerange:problem:malformed"


def test_requests_sent_ahead_are_answered_in_order(connect: Any, phone: dict[str, float]) -> None:
    connection = connect()
    ids = [f"ahead-{k}" for k in range(20)]
    last = request(phone, "X-Request-Id: last", "Connection: close")
    connection.sendall(b"".join(request(phone, f"X-Request-Id: {name}") for name in ids) + last)
    heads = [
        line.removeprefix(b"x-request-id: ").decode()
        for line in until_closed(connection).split(b"\r\n")
        if line.startswith(b"x-request-id: ")
    ]
    assert heads == [*ids, "last"]


def test_expect_100_continue_is_answered_before_the_body(connect: Any, phone: dict[str, float]) -> None:
    connection = connect()
    head, _, body = request(phone, "Expect: 100-continue").partition(b"\r\n\r\n")
    connection.sendall(head + b"\r\n\r\n")
    assert connection.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(body)
    assert connection.recv(65_536).startswith(b"HTTP/1.1 200")


def test_the_callers_deadline_ends_the_wait_for_a_body(connect: Any) -> None:
    connection = connect()
    head = b"POST /predict HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 400\r\n"
    connection.sendall(head + b"X-Request-Timeout-Ms: 100\r\n\r\n")
    problem = refusal(until_closed(connection))
    assert problem["status"] == 504
    assert "no answer within 0.1 s (header X-Request-Timeout-Ms" in problem["detail"]


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "soon", "", "3600001", "9" * 30])
def test_a_deadline_that_is_none_is_refused(impatient: Server, phone: dict[str, float], value: str) -> None:
    answer = httpx.post(
        f"{impatient.url}/predict", json=phone, headers={"X-Request-Timeout-Ms": value}, verify=NO_TLS
    )
    assert answer.status_code == 400
    assert "X-Request-Timeout-Ms must be a whole number of milliseconds" in answer.json()["error"]


def test_http_1_0_is_answered_and_closed(connect: Any, phone: dict[str, float]) -> None:
    connection = connect()
    connection.sendall(request(phone).replace(b"HTTP/1.1", b"HTTP/1.0"))
    answer = until_closed(connection)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(None, [], id="a phone"),
        pytest.param(None, ["Content-Type: application/json; charset=utf-8"], id="a charset"),
        pytest.param(None, ["Content-Type: text/plain"], id="another media type"),
        pytest.param(None, ["Content-Encoding: gzip"], id="an encoding"),
        pytest.param(None, ["X-Request-Timeout-Ms: never"], id="no deadline"),
        pytest.param(None, ["Upgrade: h2c"], id="an upgrade"),
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"{", [], id="no JSON"),
        pytest.param(b"[]", [], id="no object"),
        pytest.param(b'{"ram": NaN}', [], id="NaN"),
        pytest.param(b" " * 70_000, [], id="a body over the limit"),
    ],
)
def test_a_body_in_parts_is_answered_as_one_that_comes_at_once(
    connect: Any, phone: dict[str, float], body: bytes | None, headers: list[str]
) -> None:
    body = json.dumps(phone).encode() if body is None else body
    lines = ["POST /predict HTTP/1.1", "Host: a", "X-Request-Id: same", "Connection: close", *headers]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}"]).encode() + b"\r\n\r\n"
    at_once, in_parts = connect(), connect()
    at_once.sendall(head + body)
    in_parts.sendall(head)
    time.sleep(0.05)  # long enough for the head to be read alone
    in_parts.sendall(body)
    answers = [until_closed(connection).partition(b"\r\n\r\n") for connection in (at_once, in_parts)]
    assert answers[0][2] == answers[1][2]
    fields = [
        {line for line in answer[0].split(b"\r\n") if not line.startswith(b"date:")} for answer in answers
    ]
    assert fields[0] == fields[1]


def ids_of(answers: bytes) -> list[str]:
    lines = answers.split(b"\r\n")
    return [line.partition(b": ")[2].decode() for line in lines if line.startswith(b"x-request-id: ")]


def test_a_request_sent_ahead_whose_body_comes_later_is_answered(
    connect: Any, phone: dict[str, float]
) -> None:
    connection = connect()
    head, _, body = request(phone, "X-Request-Id: second", "Connection: close").partition(b"\r\n\r\n")
    connection.sendall(request(phone, "X-Request-Id: first") + head + b"\r\n\r\n")
    time.sleep(0.1)
    connection.sendall(body)
    assert ids_of(until_closed(connection)) == ["first", "second"]


def test_a_request_sent_ahead_whose_body_never_comes_is_refused_in_time(
    connect: Any, phone: dict[str, float]
) -> None:
    connection = connect()
    connection.sendall(request(phone) + request(phone)[:-20])
    first, _, second = until_closed(connection).rpartition(b"HTTP/1.1 ")
    assert first.startswith(b"HTTP/1.1 200")
    assert refusal(b"HTTP/1.1 " + second)["status"] == 408


def test_many_requests_and_the_begin_of_another_are_no_long_head(
    connect: Any, phone: dict[str, float]
) -> None:
    connection = connect()
    last = request(phone, "X-Request-Id: last", "Connection: close")
    connection.sendall(request(phone) * 200 + last[:20])
    time.sleep(0.1)
    connection.sendall(last[20:])
    answers = until_closed(connection)
    assert answers.count(b"HTTP/1.1 200") == 201
    assert ids_of(answers)[-1] == "last"


@pytest.mark.parametrize("pause", [0, 0.1], ids=["at once", "later"])
def test_a_body_that_breaks_the_rules_of_http_is_refused(connect: Any, pause: float) -> None:
    connection = connect()
    connection.sendall(b"POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    time.sleep(pause)
    connection.sendall(b"zz\r\n{}\r\n")
    assert refusal(until_closed(connection))["status"] == 400


def test_a_good_request_before_a_malformed_one_is_answered(connect: Any, phone: dict[str, float]) -> None:
    connection = connect()
    connection.sendall(request(phone, "X-Request-Id: good") + b"nonsense\r\n\r\n")
    answers = until_closed(connection)
    assert answers.startswith(b"HTTP/1.1 200")
    assert ids_of(answers)[0] == "good"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/livez", 200), ("/readyz", 200), ("/metrics", 200), ("/predict", 405), ("/nothing", 404)],
)
def test_the_answer_to_head_is_that_to_get_without_its_body(connect: Any, path: str, status: int) -> None:
    head, get = (
        until_closed(sent(connect(), f"{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
        for method in ("HEAD", "GET")
    )
    assert head.startswith(b"HTTP/1.1 %d" % status)
    assert head.endswith(b"\r\n\r\n")
    assert head.count(b"\r\n\r\n") == 1
    assert fields_of(head) == fields_of(get)


def test_what_the_router_refuses_is_counted(impatient: Server) -> None:
    counted = 'pricerange_rejected_total{reason="%s"}'
    for reason, method, path in (("not-found", "GET", "/nothing"), ("method-not-allowed", "PUT", "/predict")):
        before = count(impatient, counted % reason)
        httpx.request(method, f"{impatient.url}{path}", verify=NO_TLS)
        assert count(impatient, counted % reason) == before + 1


def test_a_request_that_came_too_slowly_is_the_last_of_its_connection(connect: Any) -> None:
    connection = connect()
    connection.sendall(b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 400\r\n\r\n{")
    begun = time.monotonic()
    answer = until_closed(connection)
    assert refusal(answer)["status"] == 408
    assert answer.lower().count(b"connection: close") == 1
    assert time.monotonic() - begun < 0.95  # long before it counts as idle


def test_a_client_that_does_not_read_gets_no_more_answers(
    start: Callable[..., Server], model_repository: Path
) -> None:
    server = start(model_repository).wait_until_ready()
    process, url = psutil.Process(server.process.pid), httpx.URL(server.url)
    # refused with an answer of 20 KB each, none of which is read
    body = json.dumps({f"unknown_{k}": k for k in range(200)}).encode()
    asked = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with socket.create_connection((url.host, url.port)) as connection:
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.sendall(asked * 20_000)
        assert process.memory_info().rss < 250e6
        connection.settimeout(10)
        assert connection.recv(12) == b"HTTP/1.1 422"
        assert httpx.get(f"{server.url}/livez", verify=NO_TLS).status_code == 200


def test_a_long_answer_is_not_cut_off_by_a_request_behind_it(
    start: Callable[..., Server], model_repository: Path, phone: dict[str, float]
) -> None:
    server = start(model_repository, "--receive-timeout", "0.4", "--idle-timeout", "30").wait_until_ready()
    url = httpx.URL(server.url)
    row = ",".join(map(str, phone.values()))
    table = "\n".join([",".join(phone), *[row] * 100_000]).encode()
    head = b"POST /predict/batch HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\nContent-Length: %d\r\n\r\n"
    behind = request(phone, "Connection: close")
    with socket.create_connection((url.host, url.port), timeout=30) as connection:
        connection.sendall(head % len(table) + table + behind[:30])
        time.sleep(2)
        connection.sendall(behind[30:])
        answers = until_closed(connection)
    assert answers.count(b"HTTP/1.1 200") == 2
    assert answers.count(b"\n") > 100_000


def test_a_client_that_leaves_requests_behind_leaves_no_traceback(
    start: Callable[..., Server], model_repository: Path, phone: dict[str, float]
) -> None:
    server = start(model_repository).wait_until_ready()
    url = httpx.URL(server.url)
    body = json.dumps({"phones": [phone] * 1_000}).encode()
    head = b"POST /predict/batch HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
    for _ in range(5):
        with socket.create_connection((url.host, url.port)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(head + body + request(phone))
    assert httpx.post(f"{server.url}/predict", json=phone, verify=NO_TLS).status_code == 200
    assert server.end() == 0
    assert not any("Traceback" in line for line in server.lines)


# requests that others could take for two, or for other ones


@pytest.mark.parametrize("pause", [0, 0.1], ids=["at once", "later"])
def test_a_body_behind_an_offer_to_upgrade_is_a_body_and_no_request(
    connect: Any, phone: dict[str, float], pause: float
) -> None:
    connection = connect()
    smuggled = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
    lines = ["POST /predict HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket"]
    head = "\r\n".join([*lines, f"Content-Length: {len(smuggled)}", "", ""])
    connection.sendall(head.encode())
    time.sleep(pause)
    connection.sendall(smuggled + request(phone, "X-Request-Id: honest", "Connection: close"))
    answers = until_closed(connection)
    assert [int(status) for status in re.findall(rb"HTTP/1.1 (\d+) ", answers)] == [422, 200]
    assert ids_of(answers)[-1] == "honest"


def test_an_offer_of_http_2_is_passed_over(connect: Any, phone: dict[str, float]) -> None:
    connection = connect()
    offer = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAAAAIAAAAA")
    connection.sendall(request(phone, *offer))
    assert connection.recv(65_536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
@pytest.mark.parametrize("pause", [0, 0.1], ids=["at once", "later"])
def test_nothing_in_a_trailer_is_taken_for_a_header(
    connect: Any, phone: dict[str, float], path: str, pause: float
) -> None:
    connection = connect()
    body = json.dumps(phone if path == "/predict" else {"phones": [phone]}).encode()
    connection.sendall(f"POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    time.sleep(pause)
    trailers = b"X-Request-Id: trailer\r\nContent-Type: text/plain\r\nX-Request-Timeout-Ms: nonsense\r\n"
    connection.sendall(b"%x\r\n%b\r\n0\r\n%b\r\n" % (len(body), body, trailers))
    connection.sendall(request(phone, "Connection: close"))
    answers = until_closed(connection)
    assert answers.count(b"HTTP/1.1 200") == 2
    assert "trailer" not in ids_of(answers)


@pytest.mark.parametrize("line", [b"x: y\r\n", b"x" * 1_000], ids=["many", "one without end"])
def test_trailers_without_end_are_rejected_and_cost_no_memory(
    impatient: Server, connect: Any, line: bytes
) -> None:
    connection, before = connect(), psutil.Process(impatient.process.pid).memory_info().rss
    connection.sendall(b"POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    connection.sendall(b"2\r\n{}\r\n0\r\n")
    for _ in range(200):
        connection.sendall(line * (100_000 // len(line)))
    assert refusal(until_closed(connection))["status"] == 400
    assert psutil.Process(impatient.process.pid).memory_info().rss - before < 30e6
    assert httpx.get(f"{impatient.url}/livez", verify=NO_TLS).status_code == 200


def test_requests_sent_ahead_stay_bytes_and_keep_nobody_waiting(
    start: Callable[..., Server], model_repository: Path
) -> None:
    server = start(model_repository, "--no-access-log").wait_until_ready()
    process, url = psutil.Process(server.process.pid), httpx.URL(server.url)
    httpx.get(f"{server.url}/openapi.json", verify=NO_TLS)
    before = process.memory_info().rss
    ahead = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n" * 3_000
    with ExitStack() as stack, httpx.Client(base_url=server.url, verify=NO_TLS) as client:
        connections = [
            stack.enter_context(socket.create_connection((url.host, url.port or 80))) for _ in range(50)
        ]
        for connection in connections:
            connection.setblocking(False)
            with suppress(BlockingIOError):
                connection.send(ahead)
        slowest = 0.0
        for _ in range(20):
            began = time.monotonic()
            assert client.get("/livez").status_code == 200
            slowest = max(slowest, time.monotonic() - began)
        assert process.memory_info().rss - before < 60e6
        # far below the seconds that all of them together take
        assert slowest < 2


def test_an_idle_connection_does_not_keep_its_last_request(
    start: Callable[..., Server], model_repository: Path
) -> None:
    server = start(model_repository, "--no-access-log").wait_until_ready()
    process, url = psutil.Process(server.process.pid), httpx.URL(server.url)
    body = b" " * 60_000
    asked = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    before = process.memory_info().rss
    with ExitStack() as stack:
        for _ in range(400):
            connection = stack.enter_context(socket.create_connection((url.host, url.port or 80), timeout=20))
            connection.sendall(asked)
            assert connection.recv(65_536).startswith(b"HTTP/1.1 422")
        assert process.memory_info().rss - before < 12e6


def test_a_request_that_is_rejected_early_is_read_before_the_end(
    start: Callable[..., Server], model_repository: Path
) -> None:
    """As `urllib` does: all of a large body is sent before anything is read."""
    server = start(model_repository, "--max-stream-bytes", "1000").wait_until_ready()
    body = b"x" * 8_000_000
    asked = urllib.request.Request(
        f"{server.url}/predict/batch", body, {"Content-Type": "text/csv"}, method="POST"
    )
    for _ in range(5):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(asked, timeout=20)
        assert refused.value.code == 413
        assert json.load(refused.value)["status"] == 413


def test_many_small_chunks_are_not_read_faster_than_they_are_taken_apart(
    start: Callable[..., Server], model_repository: Path
) -> None:
    server = start(model_repository, "--no-access-log").wait_until_ready()
    process, url = psutil.Process(server.process.pid), httpx.URL(server.url)
    with socket.create_connection((url.host, url.port or 80)) as connection:
        connection.sendall(
            b"POST /predict/batch HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: text/csv\r\n\r\n"
        )
        time.sleep(0.2)
        before = process.memory_info().rss
        connection.settimeout(0.5)
        until = time.monotonic() + 3
        while time.monotonic() < until:
            with suppress(TimeoutError):
                connection.sendall(b"1\r\nx\r\n" * 20_000)
        assert httpx.get(f"{server.url}/livez", verify=NO_TLS, timeout=2).status_code == 200
        assert process.memory_info().rss - before < 30e6


def send_all_before_reading(connection: socket.socket) -> bytes:
    """Send a body that is refused at its head, some of it well after the answer, and then read that."""
    body = b"x" * 8_000_000
    head = f"POST /predict/batch HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\nContent-Length: {len(body)}"
    connection.sendall(head.encode() + b"\r\n\r\n")
    for begin in range(0, len(body), 2_000_000):
        connection.sendall(body[begin : begin + 2_000_000])
        time.sleep(0.05)
    answer = b""
    while b"}" not in answer:
        part = connection.recv(65_536)
        assert part, "closed without the answer"
        answer += part
    return answer


def test_over_tls_too_an_early_answer_is_read_before_the_end(
    start: Callable[..., Server], model_repository: Path, tmp_path: Path
) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    flags = ("--max-stream-bytes", "1000", "--tls-cert", str(cert), "--tls-key", str(key))
    server = start(model_repository, *flags).wait_until_ready()
    url = httpx.URL(server.url)
    with (
        socket.create_connection((url.host, url.port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        assert refusal(send_all_before_reading(connection))["status"] == 413
        assert connection.recv(1) == b""  # the end is said at once, by TLS
    assert server.end() == 0
    assert not any("Traceback" in line for line in server.lines)


@pytest.mark.parametrize(
    "length", [2_000_000, 900_000], ids=["last answer", "answer before a discarded body"]
)
def test_an_answer_that_is_not_read_yet_outlives_the_shutdown(
    start: Callable[..., Server], model_repository: Path, length: int
) -> None:
    server = start(model_repository, "--max-stream-bytes", "1000", "--drain-timeout", "20")
    url = httpx.URL(server.wait_until_ready().url)
    head = f"POST /predict/batch HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\nContent-Length: {length}"
    with socket.create_connection((url.host, url.port), timeout=20) as connection:
        connection.sendall(head.encode() + b"\r\n\r\n" + b"x" * 50_000)
        assert server.log(logger="service.access", path="/predict/batch")  # it is answered
        server.process.send_signal(signal.SIGTERM)
        while not server.log(logger="uvicorn.error", message="Shutting down"):
            pass
        time.sleep(0.1)  # what was closed at once would be by now
        for _ in range(3):
            connection.sendall(b"x" * 100_000)
            time.sleep(0.05)  # a reset, if any, arrives
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413")
    assert server.wait() == 0
