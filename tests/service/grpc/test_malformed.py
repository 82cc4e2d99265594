"""Calls and messages that are none: each is answered, by no error of ours, and disturbs no other."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import grpc
import httpx
import numpy as np
import psutil
import pytest
from exposition import samples_of
from grpc_connection import INFER, Connection
from grpc_messages import infer, infer_request, with_channel
from live_server import NO_TLS, Server
from waiting import wait_until

from bench.door.grpc_mutations import MEMORY_MB, NOT_A_CLIENTS, flood, seeds_of

Start = Callable[..., Server]
WATCH = "/grpc.health.v1.Health/Watch"


def counted(server: Server, route: str, status: str) -> float:
    found = samples_of(httpx.get(f"{server.url}/metrics", verify=NO_TLS).content)
    labels = {"route": route, "method": "POST", "status": status}
    return found.get(("pricerange_requests_total", frozenset(labels.items())), 0)


def in_flight(server: Server) -> float:
    found = samples_of(httpx.get(f"{server.url}/metrics", verify=NO_TLS).content)
    return found["pricerange_requests_in_flight", frozenset()]


def test_a_path_that_is_no_text_disturbs_nobody(grpc_server: Server, rows: np.ndarray) -> None:
    message = infer_request(rows[:1]).SerializeToString()

    async def work(channel: grpc.aio.Channel) -> None:
        call = channel.unary_unary(INFER)
        await call(message)
        with Connection(grpc_server.grpc_address) as connection:
            stream = connection.call("/\xff\xfe", b"", end=True)
            await asyncio.to_thread(connection.status, stream)
        await call(message)

    with_channel(grpc_server.grpc_address, work)
    infer(grpc_server.grpc_address, message)
    assert not any('"level":"error"' in line for line in grpc_server.lines)


@pytest.mark.parametrize("path", ["no-slash", "", "//[", "/a b?c#d%zz", "/\xc3\xa4"])
def test_a_method_that_is_not_offered_may_be_called_anything(grpc_server: Server, path: str) -> None:
    before = counted(grpc_server, "unmatched", "405")
    with Connection(grpc_server.grpc_address) as connection:
        assert connection.status(connection.call(path)) == grpc.StatusCode.UNIMPLEMENTED.value[0]
    assert counted(grpc_server, "unmatched", "405") == before + 1
    wait_until(lambda: in_flight(grpc_server) <= 1)  # which asks


@pytest.mark.parametrize("data", [None, b"\x00\x00\x00\x00\x20cut"], ids=["none", "cut"])
def test_a_call_without_a_whole_message_is_refused(grpc_server: Server, data: bytes | None) -> None:
    with Connection(grpc_server.grpc_address) as connection:
        stream = connection.call(data=data, end=True)
        assert connection.status(stream) == grpc.StatusCode.INVALID_ARGUMENT.value[0]


@pytest.mark.parametrize("path", [INFER, WATCH])
def test_who_leaves_before_the_message_is_counted_and_forgotten(grpc_server: Server, path: str) -> None:
    before = counted(grpc_server, path, "499")
    with Connection(grpc_server.grpc_address) as connection:
        connection.call(path)
        connection.status(connection.call("/none"))
    wait_until(lambda: counted(grpc_server, path, "499") == before + 1)
    wait_until(lambda: in_flight(grpc_server) <= 1)  # which asks


def test_a_message_that_the_library_refuses_is_counted(grpc_server: Server) -> None:
    before = counted(grpc_server, INFER, "499")
    with Connection(grpc_server.grpc_address) as connection:
        stream = connection.call(data=b"\x00\xff\xff\xff\xff")
        assert connection.status(stream) == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    wait_until(lambda: counted(grpc_server, INFER, "499") == before + 1)


def test_calls_whose_message_does_not_come_hold_places_for_a_while_only(
    start: Start, model_repository: Path, rows: np.ndarray
) -> None:
    flags = ("--grpc-port", "0", "--max-request-memory", str(1 << 26), "--receive-timeout", "2")
    server = start(model_repository, *flags).wait_until_ready()
    one = infer_request(rows[:1])

    def finds_room() -> bool:
        try:
            return bool(infer(server.grpc_address, one).outputs)
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise
            return False

    with Connection(server.grpc_address) as connection, Connection(server.grpc_address) as other:
        stream, *_ = [each.call() for _ in range(150) for each in (connection, other)]
        wait_until(lambda: not finds_room())
        wait_until(finds_room)
        assert connection.status(stream) == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
    assert counted(server, INFER, "408") > 200
    assert server.end() == 0


def test_who_does_not_speak_is_disconnected(start: Start, model_repository: Path) -> None:
    server = start(model_repository, "--grpc-port", "0", "--receive-timeout", "0.5").wait_until_ready()
    began = time.monotonic()
    with Connection(server.grpc_address, greeting=b"PRI * HT") as silent:
        while silent.socket.recv(1 << 16):
            pass
    assert 0.3 < time.monotonic() - began < 5
    assert server.end() == 0


def test_who_has_gone_without_a_word_is_watched_for_no_more(start: Start, model_repository: Path) -> None:
    flags = ("--grpc-port", "0", "--idle-timeout", "0.5", "--receive-timeout", "0.5")
    server = start(model_repository, *flags).wait_until_ready()
    with Connection(server.grpc_address) as gone:
        gone.call(WATCH, b"\x00\x00\x00\x00\x00")
        while gone.socket.recv(1 << 16):
            pass  # and no ping is answered
    assert server.end() == 0


def test_nothing_that_a_client_sends_is_an_error_of_ours(grpc_server: Server, rows: np.ndarray) -> None:
    seeds = seeds_of(rows[:2])
    asyncio.run(flood(grpc_server.grpc_address, seeds, 200, Random(2)))
    process = psutil.Process(grpc_server.process.pid)
    before = process.memory_info().rss
    codes = asyncio.run(flood(grpc_server.grpc_address, seeds, 200, Random(2)))
    assert not any(codes[code.name] for code in NOT_A_CLIENTS)
    assert codes["OK"] > 10
    assert codes["INVALID_ARGUMENT"] > 50
    assert process.memory_info().rss - before < MEMORY_MB * 1e6
    assert not grpc_server.log(level="error")
