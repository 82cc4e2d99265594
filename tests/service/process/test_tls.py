"""HTTPS without a proxy: the same answers, limits and drain; a certificate is renewed without a restart."""

import json
import os
import resource
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import trustme
from live_server import Server

from service.process.tls import Certificate

Files = tuple[Path, Path]


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def client_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> Files:
    return issue(authority, tmp_path)


def issue(authority: trustme.CA, folder: Path) -> Files:
    """Put a new certificate for 127.0.0.1 where the old one was."""
    issued = authority.issue_cert("127.0.0.1")
    cert, key = folder / "cert.pem", folder / "key.pem"
    for path, blobs in ((key, [issued.private_key_pem]), (cert, issued.cert_chain_pems)):
        new = path.with_suffix(".new")
        new.write_bytes(b"".join(blob.bytes() for blob in blobs))
        new.replace(path)
    return cert, key


def flags(files: Files) -> tuple[str, ...]:
    return "--tls-cert", str(files[0]), "--tls-key", str(files[1])


def serial(server: Server, context: ssl.SSLContext) -> str:
    """The number of the certificate that a new connection gets."""
    with httpx.Client(base_url=server.url, verify=context) as client:
        stream = client.get("/livez").extensions["network_stream"]
        number: str = stream.get_extra_info("ssl_object").getpeercert()["serialNumber"]
        return number


@pytest.mark.parametrize("workers", ["1", "2"])
def test_https_answers_as_http_does_and_drains(
    start: Callable[..., Server],
    model_repository: Path,
    phone: dict[str, float],
    files: Files,
    client_context: ssl.SSLContext,
    workers: str,
) -> None:
    server = start(model_repository, "--workers", workers, *flags(files)).wait_until_ready()
    assert server.url.startswith("https://")
    with httpx.Client(base_url=server.url, verify=client_context) as client:
        assert client.post("/predict", json=phone).json()["price_range"] in range(4)
        assert client.post("/predict/batch", json={"phones": [phone] * 900}).status_code == 200
        assert client.post("/predict", json={"ram": 1}).status_code == 422
    assert server.end() == 0
    assert not any("Traceback" in line for line in server.lines)


def test_a_renewed_certificate_is_taken_and_a_broken_one_is_not(
    start: Callable[..., Server],
    model_repository: Path,
    authority: trustme.CA,
    files: Files,
    client_context: ssl.SSLContext,
) -> None:
    server = start(model_repository, *flags(files)).wait_until_ready()
    first = serial(server, client_context)
    issue(authority, files[0].parent)
    deadline = time.monotonic() + 20
    while (second := serial(server, client_context)) == first and time.monotonic() < deadline:
        time.sleep(0.1)
    assert second != first
    files[1].write_text("no key")
    os.utime(files[1])
    assert server.log(level="error", logger="service.process.tls")
    assert serial(server, client_context) == second
    assert server.end() == 0


@pytest.mark.parametrize("spoil", ["cert", "key", "missing"])
def test_a_certificate_that_cannot_be_used_ends_the_start(
    start: Callable[..., Server], model_repository: Path, files: Files, spoil: str
) -> None:
    if spoil == "missing":
        files[0].unlink()
    else:
        files[spoil == "key"].write_text("no PEM")
    server = start(model_repository, *flags(files))
    assert server.wait() == 22
    assert any("tls_cert and tls_key: expected a certificate and its key" in line for line in server.lines)


def test_a_certificate_without_a_key_is_an_error(
    start: Callable[..., Server], model_repository: Path, files: Files
) -> None:
    assert start(model_repository, "--tls-cert", str(files[0])).wait() == 22


def test_a_certificate_that_cannot_be_opened_for_want_of_descriptors_is_tried_again(
    authority: trustme.CA, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    certificate = Certificate(*files)
    issue(authority, files[0].parent)
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, most))
    try:
        certificate.refresh()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))
    assert caplog.messages == []
    certificate.refresh()
    assert caplog.messages == [f"using the new certificate in {files[0]}"]


def test_a_client_that_ends_tls_behind_its_request_leaves_no_warning(
    start: Callable[..., Server],
    model_repository: Path,
    phone: dict[str, float],
    files: Files,
    client_context: ssl.SSLContext,
) -> None:
    server = start(model_repository, *flags(files)).wait_until_ready()
    url, body = httpx.URL(server.url), json.dumps(phone).encode()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = client_context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with socket.create_connection((url.host, url.port or 443), timeout=20) as connection:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                connection.sendall(outgoing.read())
                incoming.write(connection.recv(65_536))
        tls.write(b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        with suppress(ssl.SSLWantReadError):
            tls.unwrap()
        connection.sendall(outgoing.read())  # both at once
        while connection.recv(65_536):
            pass
    assert server.log(path="/predict", status=200)
    assert server.end() == 0
    assert not server.log(level="warning")
