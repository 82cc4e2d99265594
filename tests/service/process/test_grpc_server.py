"""The second door's port, workers, certificate and end."""

import asyncio
import logging
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import numpy as np
import pytest
import trustme
from grpc_connection import Connection
from grpc_messages import SERVICE, infer_request
from live_server import PRICERANGE, Server
from waiting import wait_until

from pricerange.phone import FEATURES
from service.grpc.proto import open_inference_grpc_pb2 as pb
from service.process.grpc_server import _FEWEST_CALLS, _is_ours

Start = Callable[..., Server]
INFER = SERVICE + "ModelInfer"
PHONE = infer_request(np.array([[feature.example for feature in FEATURES]], np.float32)).SerializeToString()
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)


def test_an_occupied_port_is_an_error_of_the_settings(start: Start, model_repository: Path) -> None:
    with socket.socket() as occupied:
        occupied.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        occupied.bind(("127.0.0.1", 0))
        occupied.listen()
        port = occupied.getsockname()[1]
        server = start(model_repository, "--grpc-port", str(port))
        assert server.wait() == 22
    assert any("host and grpc_port: expected a free address" in line for line in server.lines)


def test_without_the_setting_there_is_no_second_door(start: Start, model_repository: Path) -> None:
    server = start(model_repository).wait_until_ready()
    assert not any("gRPC" in line for line in server.lines)
    modules = Path(f"/proc/{server.process.pid}/maps").read_text()
    assert "cygrpc" not in modules


def test_workers_share_the_port_and_one_that_is_killed_is_replaced(
    start: Start, model_repository: Path
) -> None:
    server = start(model_repository, "--grpc-port", "0", "--workers", "2").wait_until_ready()
    wait_until(lambda: len(server.log(logger="service.serve")) == 2)
    address = server.grpc_address
    lost = answered = 0

    async def ask_for(seconds: float) -> None:
        """Ask by a connection of its own each time, and once more where that was lost, as clients do."""
        nonlocal lost, answered
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for again in (False, True):
                try:
                    async with grpc.aio.insecure_channel(address, options=OWN_CONNECTION) as channel:
                        await channel.unary_unary(INFER)(PHONE)
                    answered += 1
                    break
                except grpc.aio.AioRpcError as error:
                    lost += again or error.code() != grpc.StatusCode.UNAVAILABLE
                    await asyncio.sleep(0.2)  # a process that ends closes its connections before its port

    async def work() -> None:
        asking = [asyncio.create_task(ask_for(2)) for _ in range(4)]
        await asyncio.sleep(0.5)
        server.workers()[0].kill()
        await asyncio.gather(*asking)

    asyncio.run(work())
    assert answered > 20
    assert lost == 0
    wait_until(lambda: len(server.log(logger="service.serve")) == 3)
    assert server.end() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_no_call_is_lost_when_the_server_ends(start: Start, model_repository: Path, workers: str) -> None:
    flags = ("--grpc-port", "0", "--workers", workers, "--drain-delay", "0.3")
    server = start(model_repository, *flags).wait_until_ready()
    answered = 0
    ends: list[tuple[grpc.StatusCode, str | None]] = []

    async def ask(channel: grpc.aio.Channel) -> None:
        nonlocal answered
        until = time.monotonic() + 3
        while time.monotonic() < until:
            try:
                await channel.unary_unary(INFER)(PHONE)
                answered += 1
            except grpc.aio.AioRpcError as error:
                ends.append((error.code(), error.details()))
                await asyncio.sleep(0.2)  # as clients with retries wait

    async def work() -> None:
        channels = [grpc.aio.insecure_channel(server.grpc_address, options=OWN_CONNECTION) for _ in range(4)]
        asking = [asyncio.create_task(ask(channel)) for channel in channels for _ in range(4)]
        await asyncio.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        await asyncio.gather(*asking)
        for channel in channels:
            await channel.close()

    asyncio.run(work())
    assert server.wait() == 0
    assert answered > 100
    # what is not answered is refused, so that a client may ask again, elsewhere
    assert {code for code, _ in ends} == {grpc.StatusCode.UNAVAILABLE}
    lost = [
        details for _, details in ends if "draining" not in str(details) and "connect" not in str(details)
    ]
    assert not lost


def test_calls_at_once_are_bounded_and_others_are_served_again(start: Start, model_repository: Path) -> None:
    flags = ("--grpc-port", "0", "--max-request-memory", str(1 << 26))
    server = start(model_repository, *flags).wait_until_ready()

    def code() -> grpc.StatusCode:
        with grpc.insecure_channel(server.grpc_address, options=OWN_CONNECTION) as channel:
            try:
                channel.unary_unary(INFER)(PHONE)
            except grpc.RpcError as error:
                return error.code()  # type: ignore[attr-defined,no-any-return]
        return grpc.StatusCode.OK

    with Connection(server.grpc_address) as one, Connection(server.grpc_address) as other:
        for connection in (one, other):
            for _ in range(_FEWEST_CALLS // 2):
                connection.call()
        wait_until(lambda: code() == grpc.StatusCode.RESOURCE_EXHAUSTED)
    wait_until(lambda: code() == grpc.StatusCode.OK)
    assert server.end() == 0


def test_what_strangers_send_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("a library")
    log.addFilter(_is_ours)
    errors = (
        UnicodeDecodeError("utf-8", b"Bearer \xff", 7, 8, "invalid start byte"),
        grpc.aio.InternalError("the call is over"),
        ZeroDivisionError(),
    )
    for error in errors:
        log.error("of a call", exc_info=error)
    log.error("of all calls")
    one, other = caplog.records
    assert one.exc_info is not None
    assert one.exc_info[0] is ZeroDivisionError
    assert other.message == "of all calls"


def test_a_certificate_is_renewed_without_a_restart(
    start: Start, model_repository: Path, tmp_path: Path
) -> None:
    authority = trustme.CA()
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"

    def issue() -> None:
        issued = authority.issue_cert("127.0.0.1")
        for path, blobs in ((key, [issued.private_key_pem]), (cert, issued.cert_chain_pems)):
            new = path.with_suffix(".new")
            new.write_bytes(b"".join(blob.bytes() for blob in blobs))
            new.replace(path)

    issue()
    flags = ("--grpc-port", "0", "--tls-cert", str(cert), "--tls-key", str(key))
    server = start(model_repository, *flags).wait_until_ready()

    async def ask() -> bytes:
        credentials = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
        channel = grpc.aio.secure_channel(server.grpc_address, credentials, options=OWN_CONNECTION)
        async with channel:
            answer: bytes = await channel.unary_unary(INFER)(PHONE)
            return answer

    def presented() -> str:
        host, port = server.grpc_address.split(":")
        return ssl.get_server_certificate((host, int(port)))

    assert pb.ModelInferResponse.FromString(asyncio.run(ask())).outputs
    before = presented()
    issue()
    wait_until(lambda: presented() != before)
    assert pb.ModelInferResponse.FromString(asyncio.run(ask())).outputs
    host, port = server.grpc_address.split(":")
    with socket.create_connection((host, int(port))) as stranger:
        stranger.sendall(b"no handshake at all")
        assert not stranger.recv(1_000).startswith(b"{")
    assert server.end() == 0
    assert all(line.startswith("{") for line in server.lines)


def test_a_missing_library_names_the_extra(model_repository: Path, tmp_path: Path) -> None:
    (tmp_path / "grpc.py").write_text("raise ModuleNotFoundError(\"No module named 'grpc'\", name='grpc')")
    ended = subprocess.run(
        [PRICERANGE, "serve", "--models", model_repository, "--port", "0", "--grpc-port", "0"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 21
    assert "pip install 'pricerange[grpc]'" in ended.stdout + ended.stderr
