"""Several processes on one port: what one of them counts all tell, and the end of one is nobody else's."""

import asyncio
import os
import random
import shutil
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import numpy as np
import orjson
import psutil
import pytest
from corpus import few
from live_server import NO_TLS, Server, catches
from prometheus_client.parser import text_string_to_metric_families

from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor

Start = Callable[..., Server]
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

PREDICTED = frozenset({"route": "/predict", "method": "POST", "status": "200"}.items())
KILLS, CONNECTIONS = 5, 16
BROKEN_OFF = (ConnectionError, asyncio.IncompleteReadError)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of the servers that the test starts."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def ready(server: Server) -> int:
    """How many workers have loaded the model since the start, the ended ones too."""
    return len(server.log(logger="service.serve"))


def stop(worker: psutil.Process) -> None:
    """Stop a process where it stands; others answer meanwhile."""
    worker.suspend()
    wait_until(lambda: worker.status() == psutil.STATUS_STOPPED)


@contextmanager
def client_of(server: Server, worker: psutil.Process) -> Iterator[httpx.Client]:
    """A client on a connection that this worker has accepted."""
    others = [other for other in server.workers() if other != worker]
    for other in others:
        stop(other)
    with httpx.Client(base_url=server.url, verify=NO_TLS) as client:
        client.get("/livez").raise_for_status()
        for other in others:
            other.resume()
        yield client


def samples(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def gauge(server: Server, name: str) -> float:
    return samples(httpx.get(f"{server.url}/metrics", verify=NO_TLS).text)[name, frozenset()]


def left_behind(scratch: Path, pids: list[int]) -> list[Path]:
    """Files in the temporary folder, and shared memory that bears a process's number."""
    memory = Path("/dev/shm").iterdir()
    return [*scratch.iterdir(), *(path for path in memory if any(f"-{pid}-" in path.name for pid in pids))]


def test_no_count_is_lost_with_a_worker_that_dies_and_is_replaced(
    start: Start, model_repository: Path, phone: dict[str, float]
) -> None:
    server = start(model_repository, "--workers", "2").wait_until_ready()
    wait_until(lambda: ready(server) == 2)
    first, second = server.workers()
    with client_of(server, first) as doomed, client_of(server, second) as other:
        for client in (doomed, other):
            for _ in range(20):
                client.post("/predict", json=phone).raise_for_status()
        first.kill()
        for _ in range(20):
            other.post("/predict", json=phone).raise_for_status()
        wait_until(lambda: ready(server) == 3)
        assert len(server.workers()) == 2
        assert samples(other.get("/metrics").text)["pricerange_rows_total", frozenset()] == 60
    assert server.end() == 0


def test_each_scrape_shows_only_one_workers_metrics_is_not_so_here(
    start: Start, model_repository: Path, phone: dict[str, float]
) -> None:
    server = start(model_repository, "--workers", "3").wait_until_ready()
    wait_until(lambda: ready(server) == 3)
    with ExitStack() as stack:
        clients = [stack.enter_context(client_of(server, worker)) for worker in server.workers()]
        for number, client in enumerate(clients, 1):
            for _ in range(number):
                client.post("/predict", json=phone).raise_for_status()
        scrapes = [samples(client.get("/metrics").text) for client in clients]
    for told in scrapes:
        assert told["pricerange_requests_total", PREDICTED] == 6
        assert told["pricerange_rows_total", frozenset()] == 6
        assert told["pricerange_workers", frozenset()] == 3
    assert server.end() == 0


def test_a_replacement_serves_the_version_that_the_others_serve(
    start: Start, model_repository: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "models" / "phone_price_range"
    shutil.copytree(model_repository, tmp_path / "models")
    server = start(tmp_path / "models", "--workers", "2").wait_until_ready()
    wait_until(lambda: ready(server) == 2)
    (folder / "rollout.toml").write_text("stable = 1\n")
    shutil.copytree(folder / "1", folder / "2")
    server.workers()[0].kill()
    wait_until(lambda: ready(server) == 3)
    assert all("stable 1 on" in line["message"] for line in server.log(logger="service.serve"))


@pytest.mark.parametrize("number", few(1, [signal.SIGKILL, signal.SIGTERM]))
def test_children_outlive_the_parent_is_not_so_here_and_nothing_is_left(
    start: Start, model_repository: Path, scratch: Path, number: signal.Signals
) -> None:
    server = start(model_repository, "--workers", "2").wait_until_ready()
    wait_until(lambda: ready(server) == 2)
    children = psutil.Process(server.process.pid).children(recursive=True)
    assert len(children) >= 2
    server.end(number)
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    assert left_behind(scratch, [server.process.pid, *(child.pid for child in children)]) == []


def test_a_worker_that_cannot_be_started_is_started_when_there_is_room(
    start: Start, model_repository: Path
) -> None:
    server = start(model_repository, "--workers", "2").wait_until_ready()
    wait_until(lambda: ready(server) == 2)
    parent = psutil.Process(server.process.pid)
    most, hard = parent.rlimit(psutil.RLIMIT_NOFILE)
    parent.rlimit(psutil.RLIMIT_NOFILE, (3, hard))  # no file descriptors are left
    server.workers()[0].kill()
    wait_until(lambda: bool(server.log(message="cannot start a worker: Too many open files")))
    assert httpx.get(f"{server.url}/livez", verify=NO_TLS).status_code == 200
    parent.rlimit(psutil.RLIMIT_NOFILE, (most, hard))
    wait_until(lambda: ready(server) == 3)
    assert server.end() == 0


def test_what_workers_share_needs_no_file_system(start: Start, model_repository: Path) -> None:
    """A container may have no /dev/shm, or one that cannot be written to."""
    server = start(model_repository, "--workers", "2").wait_until_ready()
    wait_until(lambda: ready(server) == 2)
    for pid in (server.process.pid, *(worker.pid for worker in server.workers())):
        mapped = Path(f"/proc/{pid}/maps").read_text()
        assert "/memfd:pricerange-counters" in mapped
        assert "/dev/shm" not in mapped
    assert server.end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("seconds", few(1, [0.7, 0.4, 1.0]))
def test_a_signal_to_the_whole_group_ends_starting_workers_in_order(
    start: Start, model_repository: Path, number: signal.Signals, seconds: float
) -> None:
    server = start(model_repository, "--workers", "2", process_group=0)
    while not catches(server.process.pid, signal.SIGTERM):
        time.sleep(0.005)
    time.sleep(seconds)  # the workers are somewhere between their first line and their first request
    os.killpg(server.process.pid, number)
    assert server.wait() == 0, "\n".join(server.lines)
    assert not any("Traceback" in line for line in server.lines)


def restarts(server: Server) -> float:
    return value(server, "pricerange_worker_restarts_total")


def value(server: Server, name: str) -> float:
    lines = httpx.get(f"{server.url}/metrics", verify=NO_TLS, timeout=30).text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(f"{name} "))


def test_a_worker_that_hangs_is_killed_and_replaced(
    start: Start, model_repository: Path, phone: dict[str, float]
) -> None:
    server = start(model_repository, "--workers", "2", "--worker-timeout", "1").wait_until_ready()
    wait_until(lambda: ready(server) == 2)
    hangs, _ = server.workers()
    with client_of(server, server.workers()[1]) as client:
        stop(hangs)
        wait_until(lambda: hangs not in server.workers())
        wait_until(lambda: ready(server) == 3)
        assert client.post("/predict", json=phone).status_code == 200
        assert "pricerange_worker_restarts_total 1.0" in client.get("/metrics").text
    assert any("has not responded for 1 s" in line["message"] for line in server.log(level="error"))
    assert server.end() == 0


def test_a_worker_that_hangs_does_not_keep_the_others_from_ending(
    start: Start, model_repository: Path
) -> None:
    flags = ("--workers", "2", "--worker-timeout", "600", "--drain-timeout", "0.5")
    server = start(model_repository, *flags).wait_until_ready()
    wait_until(lambda: ready(server) == 2)
    workers = server.workers()
    stop(workers[0])
    began = time.monotonic()
    assert server.end(seconds=30) == 1
    assert time.monotonic() - began < 20
    assert not psutil.wait_procs(workers, timeout=5)[1]


def test_workers_that_do_not_last_are_replaced_less_and_less_often(
    start: Start, model_repository: Path
) -> None:
    server = start(model_repository, "--workers", "2").wait_until_ready()
    wait_until(lambda: ready(server) == 2)
    ended = time.monotonic() + 4
    while time.monotonic() < ended:
        for worker in server.workers()[:1]:
            with suppress(psutil.NoSuchProcess):  # it was already being killed
                worker.kill()
        time.sleep(0.05)
    wait_until(lambda: len(server.workers()) == 2)
    assert restarts(server) <= 8  # one after 0.1 s, 0.2, 0.4, 0.8, then one a second
    assert server.end() == 0


class Load:
    """Clients on connections kept alive that ask about phones whose answers are known."""

    def __init__(self, url: str, phones: list[dict[str, float]], predictor: Predictor) -> None:
        self.url = httpx.URL(url)
        rows = np.array([[phone[name] for name in FEATURE_NAMES] for phone in phones], np.float32)
        self.probabilities = predictor.predict(rows).probabilities
        self.requests = [
            b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            for body in map(orjson.dumps, phones)
        ]
        self.right = 0
        self.wrong: list[bytes] = []
        self.lost: list[int] = []
        """Ports of the connections that ended without an answer."""
        self.counters: Samples = {}
        self.scrapes = 0
        self.fell: list[str] = []
        self.ending = False

    async def ask(self) -> None:
        """Ask until the end, on a new connection where one is broken off."""
        while not self.ending:
            reader, writer = await asyncio.open_connection(self.url.host, self.url.port)
            try:
                while not self.ending:
                    number = random.randrange(len(self.requests))
                    head, body = await exchange(reader, writer, self.requests[number])
                    self.check(number, head, body)
            except BROKEN_OFF:
                self.lost.append(writer.get_extra_info("sockname")[1])
            writer.close()

    def check(self, number: int, head: bytes, body: bytes) -> None:
        right = head.startswith(b"HTTP/1.1 200 ")
        right = right and np.array_equal(
            np.array(orjson.loads(body)["probabilities"], np.float32), self.probabilities[number]
        )
        self.right += right
        if not right:
            self.wrong.append(head + body)

    async def scrape(self) -> None:
        """Read the metrics until the end, each time on a new connection, and compare with the time before."""
        while not self.ending:
            reader, writer = await asyncio.open_connection(self.url.host, self.url.port)
            try:
                request = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
                told = samples((await exchange(reader, writer, request))[1].decode())
            except BROKEN_OFF:
                continue  # on the killed worker
            finally:
                writer.close()
            self.compare(told)
            await asyncio.sleep(0.05)

    def compare(self, told: Samples) -> None:
        counters = {
            key: value
            for key, value in told.items()
            if key[0].endswith(("_total", "_bucket", "_count", "_sum"))
        }
        self.fell += [
            f"{key}: {was} to {counters.get(key)}"
            for key, was in self.counters.items()
            if counters.get(key, -1) < was
        ]
        self.counters = counters
        self.scrapes += 1


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[bytes, bytes]:
    writer.write(request)
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return head, await reader.readexactly(length)


async def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def kill_one(server: Server) -> set[int]:
    """Kill a worker and return the ports of the clients that it had accepted; wait for the replacement."""
    before = ready(server)
    worker = random.choice(server.workers())
    stop(worker)
    ports = {connection.raddr.port for connection in worker.net_connections() if connection.raddr}
    worker.kill()
    await until(lambda: ready(server) > before)
    return ports


def test_kill_9_of_workers_under_load_loses_only_what_they_had_accepted(
    start: Start, model_repository: Path, scratch: Path, phone: dict[str, float]
) -> None:
    server = start(model_repository, "--workers", "2", "--no-access-log").wait_until_ready()
    wait_until(lambda: ready(server) == 2)
    phones = [{**phone, "ram": ram} for ram in range(256, 4096, 64)]
    load = Load(server.url, phones, Predictor.load(model_repository))
    doomed: set[int] = set()

    async def run() -> None:
        tasks: list[Awaitable[None]] = [asyncio.create_task(load.ask()) for _ in range(CONNECTIONS)]
        tasks.append(asyncio.create_task(load.scrape()))
        for kill in range(1, KILLS + 1):
            await until(lambda least=kill * 200: load.right >= least and load.scrapes >= least / 200)
            doomed.update(await kill_one(server))
        load.ending = True
        await asyncio.wait_for(asyncio.gather(*tasks), 30)

    asyncio.run(run())
    assert not load.wrong
    assert set(load.lost) <= doomed
    assert len(load.lost) <= KILLS * CONNECTIONS
    told = samples(httpx.get(f"{server.url}/metrics", verify=NO_TLS).text)
    load.compare(told)
    assert load.fell == []
    route = frozenset({"route": "/predict", "outcome": "ok"}.items())
    most = load.right + len(load.lost)
    assert load.right <= told["pricerange_rows_total", frozenset()] <= most
    # a request is counted when its answer has been written: each kill may fall between these two
    assert load.right <= told["pricerange_requests_total", PREDICTED] <= most
    assert load.right <= told["pricerange_request_duration_seconds_count", route] <= most
    wait_until(lambda: gauge(server, "pricerange_queue_rows") == 0)
    assert told["pricerange_workers", frozenset()] == 2
    assert server.end() == 0
    assert left_behind(scratch, [server.process.pid]) == []
