"""What holds for every call: keys, limits, deadlines, cancellation, its count and its line in the log."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest
from api_keys import entry, secret, write
from exposition import samples_of
from grpc_connection import Connection
from grpc_messages import NAME, SERVICE, Details, ask, call, infer, infer_request, with_channel
from live_server import NO_TLS, Server
from waiting import wait_until

from service.grpc.proto import open_inference_grpc_pb2 as pb

HEALTH = "/grpc.health.v1.Health/Check"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"


@pytest.fixture(scope="module")
def locked(model_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    keys = write(
        tmp_path_factory.mktemp("keys") / "keys.toml",
        entry("shop"),
        entry("slow", "rows_per_second = 1"),
        entry("boss", roles=["admin"]),
        entry("watch", roles=["metrics"]),
    )
    flags = ("--grpc-port", "0", "--api-keys-file", str(keys))
    running = Server(model_repository, *flags).wait_until_ready()
    yield running
    assert running.end() == 0


def by(name: str) -> dict[str, object]:
    return {"metadata": (("authorization", f"Bearer {secret(name)}"),)}


def refusal_of(work: Callable[[], object]) -> tuple[str, str | None]:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        work()
    return refused.value.code().name, Details(refused.value).kind


def test_keys_have_the_roles_that_they_have_over_http(locked: Server, rows: np.ndarray) -> None:
    address = locked.grpc_address
    one = infer_request(rows[:1])
    assert refusal_of(lambda: infer(address, one)) == ("UNAUTHENTICATED", "missing-key")
    wrong = {"metadata": (("authorization", "Bearer nobody-knows-this-key"),)}
    assert refusal_of(lambda: infer(address, one, **wrong)) == ("UNAUTHENTICATED", "wrong-key")
    assert refusal_of(lambda: infer(address, one, **by("boss"))) == ("PERMISSION_DENIED", "forbidden")
    assert infer(address, one, **by("shop")).outputs
    assert ask(address, "ServerReady", b"", pb.ServerReadyResponse).ready
    assert with_channel(address, lambda channel: channel.unary_unary(HEALTH)(b"")) == b"\x08\x01"
    for method in ("ServerMetadata", "RepositoryIndex"):
        refused = refusal_of(lambda method=method: ask(address, method, b"", pb.ServerMetadataResponse))
        assert refused == ("UNAUTHENTICATED", "missing-key")
        for name in ("shop", "boss"):
            ask(address, method, b"", pb.ServerMetadataResponse, **by(name))
    load = pb.RepositoryModelLoadRequest(model_name=NAME)
    for name in ("shop", "watch"):
        refused = refusal_of(
            lambda name=name: ask(
                address, "RepositoryModelLoad", load, pb.RepositoryModelLoadResponse, **by(name)
            )
        )
        assert refused == ("PERMISSION_DENIED", "forbidden")
    ask(address, "RepositoryModelLoad", load, pb.RepositoryModelLoadResponse, **by("boss"))


def test_a_call_needs_a_key_before_its_message(locked: Server) -> None:
    with Connection(locked.grpc_address) as connection:
        assert connection.status(connection.call()) == grpc.StatusCode.UNAUTHENTICATED.value[0]


@pytest.mark.parametrize("path", [SERVICE + "ModelStreamInfer", REFLECTION])
def test_a_stream_needs_a_key_before_its_first_message(locked: Server, path: str) -> None:
    async def nothing_yet() -> AsyncIterator[bytes]:
        await asyncio.sleep(60)
        yield b""

    async def work(channel: grpc.aio.Channel) -> None:
        async for _ in channel.stream_stream(path)(nothing_yet()):
            pass

    assert refusal_of(lambda: with_channel(locked.grpc_address, work)) == ("UNAUTHENTICATED", "missing-key")


def test_a_key_has_its_rate_here_too(locked: Server, rows: np.ndarray) -> None:
    def ask_often() -> None:
        for _ in range(3):
            infer(locked.grpc_address, infer_request(rows[:100]), **by("slow"))

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        ask_often()
    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (Details(refused.value).retry_after or 0) > 50


def test_without_keys_versions_are_changed_on_this_machine_only(
    start: Callable[..., Server], model_repository: Path
) -> None:
    server = start(model_repository, "--grpc-port", "0", "--host", "0.0.0.0").wait_until_ready()
    port = server.grpc_address.rpartition(":")[2]
    load = pb.RepositoryModelLoadRequest(model_name=NAME)
    refused = refusal_of(
        lambda: ask(f"127.0.0.1:{port}", "RepositoryModelLoad", load, pb.RepositoryModelLoadResponse)
    )
    assert refused == ("PERMISSION_DENIED", "forbidden")


def with_gaps(rows: np.ndarray) -> pb.ModelInferRequest:
    """Ask about phones that each cost as much as a hundred."""
    gaps = rows.copy()
    gaps[:, 3] = np.nan
    asked = infer_request(gaps)
    asked.parameters["unknown"].string_param = "average"
    return asked


def requests_counted(server: Server, method: str) -> dict[str, float]:
    found = samples_of(httpx.get(f"{server.url}/metrics", verify=NO_TLS).content)
    return {
        dict(labels)["status"]: value
        for (name, labels), value in found.items()
        if name == "pricerange_requests_total" and dict(labels)["route"] == SERVICE + method
    }


def test_a_call_is_counted_and_logged_as_a_request_is(grpc_server: Server, rows: np.ndarray) -> None:
    before = requests_counted(grpc_server, "ModelInfer")
    assert before["503"] == 0  # there from the start
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    metadata = (("x-request-id", "my-call"), ("traceparent", f"00-{trace}-00f067aa0ba902b7-01"))
    infer(grpc_server.grpc_address, infer_request(rows[:2]), metadata=metadata)
    [line] = grpc_server.log(logger="service.access", request_id="my-call")
    assert (line["method"], line["path"], line["status"]) == ("POST", SERVICE + "ModelInfer", 200)
    assert (line["client"], line["version"], line["trace_id"]) == ("127.0.0.1", "1", trace)
    after = requests_counted(grpc_server, "ModelInfer")
    assert after["200"] == before["200"] + 1


def test_a_deadline_is_kept_and_a_cancelled_call_is_counted(
    start: Callable[..., Server], model_repository: Path, rows: np.ndarray
) -> None:
    server = start(model_repository, "--grpc-port", "0").wait_until_ready()
    slow = with_gaps(np.tile(rows, (3, 1))).SerializeToString()

    async def work(channel: grpc.aio.Channel) -> None:
        ask = channel.unary_unary(SERVICE + "ModelInfer")
        await ask(infer_request(rows[:1]).SerializeToString())
        for _ in range(3):
            began = time.monotonic()
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await ask(slow, timeout=0.02)
            assert refused.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
            assert time.monotonic() - began < 2
        asked = ask(slow)
        await asyncio.sleep(0.02)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked

    with_channel(server.grpc_address, work)
    wait_until(lambda: requests_counted(server, "ModelInfer").get("499", 0) == 1)
    assert requests_counted(server, "ModelInfer")["504"] == 3


def test_the_setting_bounds_a_call_without_a_deadline(
    start: Callable[..., Server], model_repository: Path, rows: np.ndarray
) -> None:
    flags = ("--grpc-port", "0", "--request-timeout", "0.001")
    server = start(model_repository, *flags).wait_until_ready()
    slow = with_gaps(rows)
    assert refusal_of(lambda: infer(server.grpc_address, slow)) == ("DEADLINE_EXCEEDED", "deadline")


def test_what_finds_no_room_is_refused_at_once(
    start: Callable[..., Server], model_repository: Path, rows: np.ndarray
) -> None:
    flags = ("--grpc-port", "0", "--max-queue-rows", "1000")
    server = start(model_repository, *flags).wait_until_ready()
    many = infer_request(np.tile(rows, (3, 1)))

    async def work(channel: grpc.aio.Channel) -> list[pb.ModelInferResponse | BaseException]:
        calls = (call(channel, "ModelInfer", many, pb.ModelInferResponse) for _ in range(64))
        return await asyncio.gather(*calls, return_exceptions=True)

    answers = with_channel(server.grpc_address, work)
    refused = [one for one in answers if isinstance(one, grpc.aio.AioRpcError)]
    assert refused
    assert len(refused) < len(answers)
    for error in refused:
        assert error.code() == grpc.StatusCode.UNAVAILABLE
        assert Details(error).kind == "overloaded"
        assert Details(error).retry_after == 1
