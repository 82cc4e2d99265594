"""Which worker takes a connection: two acceptors on one port, in one loop."""

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from math import inf

import pytest

from service.process.acceptor import Acceptor
from service.telemetry.shared_counters import Gauge, SharedCounters


class Worker:
    """An acceptor that keeps what it takes, in a row of the counters."""

    def __init__(self, listener: socket.socket, counters: SharedCounters) -> None:
        self.counters = counters
        counters.row[Gauge.HEARTBEAT] = inf  # never silent
        self._listener = listener.dup()  # a process has a descriptor of its own
        self.acceptor = Acceptor(self._listener, counters, self._keep)

    async def _keep(self, connection: socket.socket) -> None:
        self.acceptor.connections.add(connection)

    async def close(self) -> None:
        """Take no more."""
        await self.acceptor.close(10)
        self._listener.close()

    def lose(self) -> None:
        """Have the connections end."""
        for connection in list(self.acceptor.connections):
            connection.close()
            self.acceptor.connections.discard(connection)


@asynccontextmanager
async def port() -> AsyncIterator[tuple[socket.socket, Callable[[int], None]]]:
    """A listener, and what connects to it so many times."""
    clients: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:

        def connect(count: int) -> None:
            clients.extend(socket.create_connection(listener.getsockname()) for _ in range(count))

        yield listener, connect
    for client in clients:
        client.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await test()

    asyncio.run(bounded())


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left to others is left to them for good."""
    monkeypatch.setattr("service.process.acceptor._PATIENCE", inf)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("at_once", [1, 16])
def test_two_workers_share_connections_evenly(at_once: int) -> None:
    async def test() -> None:
        one, other, _ = SharedCounters.of(2)
        async with port() as (listener, connect):
            workers = [Worker(listener, one), Worker(listener, other)]
            for made in range(at_once, 17, at_once):
                connect(at_once)
                await until(lambda made=made: sum(len(each.acceptor.connections) for each in workers) == made)
            assert [len(worker.acceptor.connections) for worker in workers] == [8, 8]
            for worker in workers:
                worker.lose()
                await worker.close()

    run(test)


def test_what_no_other_worker_takes_is_taken_all_the_same() -> None:
    async def test() -> None:
        own, other, _ = SharedCounters.of(2)
        other.row[Gauge.HEARTBEAT] = inf  # awake, with no connection, and it never comes
        async with port() as (listener, connect):
            worker = Worker(listener, own)
            connect(8)
            await until(lambda: len(worker.acceptor.connections) == 8)
            assert own.row[Gauge.CONNECTIONS] == 8
            worker.lose()
            assert own.row[Gauge.CONNECTIONS] == 0
            await worker.close()

    run(test)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("why", ["silent", "closed"])
def test_nothing_is_left_to_a_worker_that_would_not_take_it(why: str) -> None:

    async def test() -> None:
        own, other, _ = SharedCounters.of(2)
        async with port() as (listener, connect):
            worker, second = Worker(listener, own), Worker(listener, other)
            await second.close()
            assert other.row[Gauge.CONNECTIONS] == inf
            if why == "silent":
                other.row[Gauge.CONNECTIONS] = other.row[Gauge.HEARTBEAT] = 0
            connect(8)
            await until(lambda: len(worker.acceptor.connections) == 8)
            worker.lose()
            await worker.close()

    run(test)


def test_a_connection_under_way_is_made_before_the_end() -> None:
    async def test() -> None:
        own, *_ = SharedCounters.of(2)
        async with port() as (listener, connect):
            worker = Worker(listener, own)
            connect(1)
            await until(lambda: own.row[Gauge.CONNECTIONS] == 1)
            await worker.close()
            assert len(worker.acceptor.connections) == 1
            worker.lose()

    run(test)


@pytest.mark.usefixtures("patient")
def test_each_brief_connection_lets_one_be_taken_out_of_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.process.acceptor._BRIEF_SECONDS", inf)

    async def test() -> None:
        own, other, _ = SharedCounters.of(2)
        async with port() as (listener, connect):
            worker = Worker(listener, own)
            connect(3)
            await until(lambda: len(worker.acceptor.connections) == 3)
            worker.lose()
            other.row[Gauge.HEARTBEAT] = inf
            connect(4)  # the first is taken in turn, the others for the three that have ended
            await until(lambda: len(worker.acceptor.connections) == 4)
            connect(1)
            await asyncio.sleep(0.01)
            assert len(worker.acceptor.connections) == 4
            worker.lose()
            await worker.close()

    run(test)


def test_a_worker_without_room_says_so_and_tries_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("service.process.acceptor._ROOM_SECONDS", 0.01)

    async def test() -> None:
        own, *_ = SharedCounters.of(2)
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        async with port() as (listener, connect):
            connect(1)
            worker = Worker(listener, own)
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
            try:
                await until(lambda: "no new connections are accepted" in caplog.text)
                assert own.row[Gauge.CONNECTIONS] == inf  # no other worker waits for this one
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            await until(lambda: len(worker.acceptor.connections) == 1)
            await until(lambda: own.row[Gauge.CONNECTIONS] == 1)
            worker.lose()
            await worker.close()

    run(test)


def test_connections_that_end_make_room_before_it_is_measured_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("service.process.acceptor._ROOM_SECONDS", inf)
    monkeypatch.setattr("service.process.acceptor._RESERVE", 0)
    monkeypatch.setattr("service.process.acceptor.descriptors.left", lambda: 2)

    async def test() -> None:
        own, *_ = SharedCounters.of(2)
        async with port() as (listener, connect):
            worker = Worker(listener, own)
            for _ in range(3):
                connect(1)
                await until(lambda: len(worker.acceptor.connections) == own.row[Gauge.CONNECTIONS] == 1)
                worker.lose()
            await worker.close()
        assert not caplog.text

    run(test)
