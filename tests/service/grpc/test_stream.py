"""Streams: answers in order, errors among them, several requests under way, and no more than that."""

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import numpy as np
import psutil
import pytest
from grpc_messages import SERVICE, Details, infer_request, tensors_of, with_channel
from live_server import Server

from pricerange.predictor import Prediction
from service.grpc.proto import open_inference_grpc_pb2 as pb
from service.grpc.stream import FEWEST_STREAMS

Start = Callable[..., Server]
STREAM = SERVICE + "ModelStreamInfer"


def test_answers_come_in_order_and_errors_do_not_end_the_stream(
    grpc_server: Server, rows: np.ndarray, expected: Prediction
) -> None:
    async def work(channel: grpc.aio.Channel) -> list[pb.ModelStreamInferResponse]:
        asked = [infer_request(rows[i : i + 1], id=str(i)).SerializeToString() for i in range(100)]
        asked[3] = infer_request(-rows[3:4], id="3").SerializeToString()
        asked[5] = b"\xff"
        call = channel.stream_stream(STREAM)(iter(asked))
        return [pb.ModelStreamInferResponse.FromString(one) async for one in call]

    answers = with_channel(grpc_server.grpc_address, work)
    assert [one.infer_response.id for one in answers] == ["" if i == 5 else str(i) for i in range(100)]
    for place, one in enumerate(answers):
        if place in (3, 5):
            assert one.error_message
            assert not one.infer_response.outputs
        else:
            assert not one.error_message
            found = tensors_of(one.infer_response)["probabilities"]
            assert found.tobytes() == expected.probabilities[place].tobytes()


def test_who_does_not_read_is_not_read_from_either(grpc_server: Server, rows: np.ndarray) -> None:
    message = infer_request(np.tile(rows, (3, 1))).SerializeToString()
    process = psutil.Process(grpc_server.process.pid)
    sent = 0

    async def work(channel: grpc.aio.Channel) -> None:
        nonlocal sent
        call = channel.stream_stream(STREAM)()

        async def send() -> None:
            nonlocal sent
            while True:
                await call.write(message)
                sent += 1

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(send(), 2)
        call.cancel()

    before = process.memory_info().rss
    with_channel(grpc_server.grpc_address, work)
    assert sent < 1_000
    assert process.memory_info().rss - before < 64 << 20


def test_streams_leave_room_for_calls(start: Start, model_repository: Path, rows: np.ndarray) -> None:
    flags = ("--grpc-port", "0", "--max-request-memory", str(1 << 26))
    server = start(model_repository, *flags).wait_until_ready()
    message = infer_request(rows[:1]).SerializeToString()

    async def work(channel: grpc.aio.Channel) -> None:
        open_streams = [channel.stream_stream(STREAM)() for _ in range(FEWEST_STREAMS)]
        for stream in open_streams:
            await stream.write(message)
            assert await stream.read()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await channel.stream_stream(STREAM)().read()
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
        assert Details(refused.value).kind == "too-many-streams"
        assert await channel.unary_unary(SERVICE + "ModelInfer")(message)
        await open_streams.pop().done_writing()
        while True:
            stream = channel.stream_stream(STREAM)()
            try:
                await stream.write(message)
                assert await stream.read()
                break
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                await asyncio.sleep(0.05)

    with_channel(server.grpc_address, work)


def test_a_stream_ends_with_the_server_once_its_requests_are_answered(
    start: Start, model_repository: Path, rows: np.ndarray
) -> None:
    server = start(model_repository, "--grpc-port", "0", "--drain-timeout", "20").wait_until_ready()
    message = infer_request(rows[:1]).SerializeToString()

    async def work(channel: grpc.aio.Channel) -> None:
        call = channel.stream_stream(STREAM)()
        await call.write(message)
        assert await call.read()
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(grpc.aio.AioRpcError, match="the service is draining") as ended:
            await call.read()
        assert ended.value.code() == grpc.StatusCode.UNAVAILABLE

    began = time.monotonic()
    with_channel(server.grpc_address, work)
    assert server.wait() == 0
    assert time.monotonic() - began < 10
