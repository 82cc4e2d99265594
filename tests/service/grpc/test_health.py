"""The standard health service, which tells of a drain at once, and reflection."""

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_messages import SERVICE, Details, ask, infer_request, with_channel
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from live_server import Server

from service.grpc.health import MOST_WATCHERS
from service.grpc.proto import open_inference_grpc_pb2 as pb

CHECK, WATCH = "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"


@pytest.mark.parametrize("service", ["", "inference.GRPCInferenceService"])
def test_check(grpc_server: Server, service: str) -> None:
    asked = HealthCheckRequest(service=service)
    found = ask(grpc_server.grpc_address, CHECK, asked, HealthCheckResponse)
    assert found.status == HealthCheckResponse.SERVING


def test_an_unknown_service_may_be_watched(grpc_server: Server) -> None:
    async def work(channel: grpc.aio.Channel) -> int:
        call = channel.unary_stream(WATCH)(HealthCheckRequest(service="x").SerializeToString())
        status: int = HealthCheckResponse.FromString(await call.read()).status
        call.cancel()
        return status

    assert with_channel(grpc_server.grpc_address, work) == HealthCheckResponse.SERVICE_UNKNOWN


def test_nonsense_is_an_invalid_argument(grpc_server: Server) -> None:
    async def watch(channel: grpc.aio.Channel) -> None:
        async for _ in channel.unary_stream(WATCH)(b"\xff"):
            pass

    async def reflect(channel: grpc.aio.Channel) -> None:
        path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
        async for _ in channel.stream_stream(path)(iter([b"\xff"])):
            pass

    for work in (watch, reflect):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            with_channel(grpc_server.grpc_address, work)
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert Details(refused.value).kind == "invalid-inference"


def test_who_watches_hears_of_a_drain_at_once_and_calls_are_still_answered(
    start: Callable[..., Server], model_repository: Path, rows: object
) -> None:
    flags = ("--grpc-port", "0", "--drain-delay", "1", "--drain-timeout", "20")
    server = start(model_repository, *flags).wait_until_ready()
    message = infer_request(rows[:1]).SerializeToString()  # type: ignore[index]

    async def work(channel: grpc.aio.Channel) -> None:
        call = channel.unary_stream(WATCH)(b"")
        assert HealthCheckResponse.FromString(await call.read()).status == HealthCheckResponse.SERVING
        server.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert HealthCheckResponse.FromString(await call.read()).status == HealthCheckResponse.NOT_SERVING
        assert time.monotonic() - began < 0.5
        ready = await channel.unary_unary(SERVICE + "ServerReady")(b"")
        assert not pb.ServerReadyResponse.FromString(ready).ready
        answered = await channel.unary_unary(SERVICE + "ModelInfer")(message)
        assert pb.ModelInferResponse.FromString(answered).outputs
        with pytest.raises(grpc.aio.AioRpcError, match="the service is draining") as ended:
            await call.read()
        assert ended.value.code() == grpc.StatusCode.UNAVAILABLE
        assert time.monotonic() - began < 10

    with_channel(server.grpc_address, work)
    assert server.wait() == 0


def test_reflection_tells_the_services_and_their_messages(grpc_server: Server) -> None:
    with grpc.insecure_channel(grpc_server.grpc_address) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        assert "inference.GRPCInferenceService" in database.get_services()
        assert database.FindFileContainingSymbol("inference.GRPCInferenceService.ModelInfer")
        pool = DescriptorPool(database)
        service = pool.FindServiceByName("inference.GRPCInferenceService")
        assert (
            service.methods_by_name["ModelInfer"].input_type.fields_by_name["raw_input_contents"].number == 7
        )


def test_a_watch_ends_with_its_client(grpc_server: Server) -> None:
    async def work(channel: grpc.aio.Channel) -> None:
        calls = [channel.unary_stream(WATCH)(b"") for _ in range(20)]
        await asyncio.gather(*(call.read() for call in calls))
        for call in calls:
            call.cancel()

    with_channel(grpc_server.grpc_address, work)


def test_watchers_leave_room_for_calls(start: Callable[..., Server], model_repository: Path) -> None:
    server = start(model_repository, "--grpc-port", "0").wait_until_ready()

    async def work(channel: grpc.aio.Channel) -> None:
        watching = [channel.unary_stream(WATCH)(b"") for _ in range(MOST_WATCHERS)]
        for call in watching:
            assert HealthCheckResponse.FromString(await call.read()).status == HealthCheckResponse.SERVING
        one_more = channel.unary_stream(WATCH)(b"")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await one_more.read()
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
        assert Details(refused.value).kind == "too-many-watchers"
        assert await channel.unary_unary(CHECK)(b"")
        watching.pop().cancel()
        while True:
            call = channel.unary_stream(WATCH)(b"")
            try:
                assert await call.read()
                break
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.05)

    with_channel(server.grpc_address, work)
