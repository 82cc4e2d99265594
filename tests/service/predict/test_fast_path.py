"""A request that takes the fast path and one that goes through ASGI, as its body comes in chunks."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from live_server import NO_TLS, Server

KEY = "a-key-of-this-test"
BEARER = f"Authorization: Bearer {KEY}\r\n"


@pytest.fixture(scope="module")
def locked(model_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text(KEY)
    server = Server(model_repository, "--api-keys-file", str(keys)).wait_until_ready()
    yield server
    assert server.end() == 0


def answer(server: Server, head: str, body: bytes, *, chunked: bool) -> bytes:
    url = httpx.URL(server.url)
    request = f"POST /predict HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Request-Id: 1\r\n{head}".encode()
    if chunked:
        request += b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    else:
        request += b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    with socket.create_connection((url.host, url.port or 80), timeout=20) as connection:
        connection.sendall(request)
        parts = list(iter(lambda: connection.recv(65_536), b""))
    return re.sub(rb"date: [^\r]*", b"", b"".join(parts))


def counts(server: Server) -> dict[str, float]:
    text = httpx.get(f"{server.url}/metrics", verify=NO_TLS).text
    lines = re.findall(r"^(pricerange_(?:requests|rejected)_total\{.*\}) (.*)$", text, re.MULTILINE)
    return {series: float(value) for series, value in lines if "/metrics" not in series}


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (BEARER, None),
        ("", None),
        ("Authorization: Bearer another-key-of-this-test\r\n", None),
        (f"{BEARER}X-Request-Timeout-Ms: 0\r\n", None),
        (f"{BEARER}Content-Type: text/plain\r\n", None),
        (f"{BEARER}Content-Encoding: gzip\r\n", None),
        (BEARER, b"{"),
        (BEARER, b" " * 65_537),
    ],
    ids=["a phone", "no key", "a wrong key", "no deadline", "text", "gzip", "no JSON", "too long"],
)
def test_answers_and_counts_are_those_of_asgi(
    locked: Server, phone: dict[str, float], head: str, body: bytes | None
) -> None:
    seen = []
    for chunked in (False, True):
        before = counts(locked)
        answered = answer(locked, head, json.dumps(phone).encode() if body is None else body, chunked=chunked)
        after = counts(locked)
        seen.append(
            (answered, {name: n - before.get(name, 0) for name, n in after.items() if n != before.get(name)})
        )
    assert seen[0][0]
    assert seen[0] == seen[1]
