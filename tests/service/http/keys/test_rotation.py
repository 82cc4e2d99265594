"""Keys change while two workers serve: for both at the same moment, whatever becomes of the file."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest
from api_keys import bearer, entry, secret, write
from live_server import NO_TLS, Server
from waiting import wait_until

from service.http.keys.watch import LOOK_SECONDS

Status = tuple[float, float, int]
"""When a request was sent, when its answer came, and its status."""

RATE, SECONDS = 300, 3.0


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("keys") / "keys.toml", entry("shop"))


@pytest.fixture(scope="module")
def server(model_repository: Path, path: Path) -> Iterator[Server]:
    flags = ("--api-keys-file", str(path), "--workers", "2")
    running = Server(model_repository, *flags).wait_until_ready()
    wait_until(lambda: len(running.log(logger="service.serve")) == 2)
    yield running
    assert running.end() == 0
    assert not any("Traceback" in line for line in running.lines)


class Clients:
    """Connections kept alive, each of which asks with the same head over and over."""

    def __init__(self, server: Server, phone: dict[str, float]) -> None:
        self._url = httpx.URL(server.url)
        self._body = json.dumps(phone).encode()
        self.seen: defaultdict[str, list[Status]] = defaultdict(list)
        self.ending = False

    async def ask(self, key: str, pause: float = 0.0) -> None:
        reader, writer = await asyncio.open_connection(self._url.host, self._url.port)
        head = f"POST /predict HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n"
        request = f"{head}Content-Length: {len(self._body)}\r\n\r\n".encode() + self._body
        while not self.ending:
            sent = time.monotonic()
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            self.seen[key].append((sent, time.monotonic(), int(answer.split()[1])))
            await asyncio.sleep(pause)
        writer.close()


def require_one_change(seen: Sequence[Status], before: int, after: int) -> None:
    """Whoever asks when somebody has had the new answer gets it too, on whichever worker."""
    assert {status for _, _, status in seen} == {before, after}
    last_before = max(sent for sent, _, status in seen if status == before)
    first_after = min(came for _, came, status in seen if status == after)
    assert last_before <= first_after


def test_a_key_changes_for_all_workers_at_the_same_moment(
    server: Server, path: Path, phone: dict[str, float]
) -> None:
    old, new = secret("shop"), secret("rotated")
    write(path, entry("shop", key=old))
    clients = Clients(server, phone)

    async def run() -> None:
        tasks = [asyncio.create_task(clients.ask(key)) for key in (old, new) for _ in range(6)]
        await asyncio.sleep(0.3)
        workers = server.workers()
        connected = [[one for one in worker.net_connections() if one.raddr] for worker in workers]
        assert len([one for one in connected if one]) == 2  # both have clients
        write(path, entry("shop", key=new))
        async with asyncio.timeout(20):
            while clients.seen[new][-1][2] != 200:
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        clients.ending = True
        await asyncio.gather(*tasks)

    asyncio.run(run())
    require_one_change(clients.seen[old], 200, 401)
    require_one_change(clients.seen[new], 401, 200)
    last_of_old = max(sent for sent, _, status in clients.seen[old] if status == 200)
    first_of_new = min(came for _, came, status in clients.seen[new] if status == 200)
    assert last_of_old <= first_of_new


def statuses(server: Server, phone: dict[str, float], key: str) -> set[int]:
    """Ask both workers, on connections of their own."""
    found = set()
    for _ in range(12):
        answer = httpx.post(f"{server.url}/predict", json=phone, headers=bearer(key), verify=NO_TLS)
        found.add(answer.status_code)
    return found


def test_workers_that_are_replaced_have_the_keys_that_the_others_had(
    server: Server, path: Path, phone: dict[str, float]
) -> None:
    old, new = secret("shop"), secret("rotated")
    write(path, entry("shop", key=new))
    wait_until(lambda: statuses(server, phone, new) == {200})
    write(path, "nonsense")  # what a worker would find that read the file itself
    wait_until(lambda: server.log(level="error", logger="service.http.keys.watch"))
    before = httpx.get(f"{server.url}/metrics", verify=NO_TLS).text
    started = len(server.log(logger="service.serve"))
    for worker in server.workers():
        worker.kill()
    wait_until(lambda: len(server.log(logger="service.serve")) == started + 2)
    assert statuses(server, phone, old) == {401}
    assert statuses(server, phone, new) == {200}
    after = httpx.get(f"{server.url}/metrics", verify=NO_TLS).text
    assert "pricerange_api_keys_file_valid 0.0" in after
    name = 'pricerange_key_rows_total{key="shop"}'
    assert value(after, name) == value(before, name) + 12


def value(metrics: str, name: str) -> float:
    return next(float(line.split()[-1]) for line in metrics.splitlines() if line.startswith(name))


def test_a_file_that_is_replaced_a_hundred_times_a_second_refuses_nobody(
    server: Server, path: Path, phone: dict[str, float]
) -> None:
    always, sometimes = secret("shop"), secret("warehouse")
    write(path, entry("shop"))
    wait_until(lambda: statuses(server, phone, always) == {200})
    clients = Clients(server, phone)

    async def run() -> None:
        tasks = [asyncio.create_task(clients.ask(always, 0.001)) for _ in range(4)]
        for k in range(120):
            text = entry("shop") + entry("warehouse") * (k % 2)
            if k % 3:
                write(path, f"# {k}", text)
            else:
                path.write_text(text[: 5 * k % len(text)])  # half written, in place
            await asyncio.sleep(0.01)
        write(path, entry("shop"), entry("warehouse"))
        await asyncio.sleep(2 * LOOK_SECONDS)
        clients.ending = True
        await asyncio.gather(*tasks)

    asyncio.run(run())
    assert {status for _, _, status in clients.seen[always]} == {200}
    wait_until(lambda: statuses(server, phone, sometimes) == {200})


def test_a_limit_covers_all_workers(server: Server, path: Path, phone: dict[str, float]) -> None:
    key = secret("limited")
    write(path, entry("limited", f"rows_per_second = {RATE}"))
    wait_until(lambda: statuses(server, phone, key) == {200})
    clients = Clients(server, phone)

    async def run() -> float:
        tasks = [asyncio.create_task(clients.ask(key, 0.005)) for _ in range(8)]
        while not clients.seen[key] or clients.seen[key][-1][2] != 429:
            await asyncio.sleep(0.001)  # the first second's phones are there at once
        begun = time.monotonic()
        await asyncio.sleep(SECONDS)
        clients.ending = True
        await asyncio.gather(*tasks)
        return begun

    begun = asyncio.run(run())
    answered = [
        status for sent, came, status in clients.seen[key] if sent >= begun and came <= begun + SECONDS
    ]
    assert answered.count(200) == pytest.approx(RATE * SECONDS, rel=0.05)
    assert set(answered) == {200, 429}
    metrics = httpx.get(f"{server.url}/metrics", verify=NO_TLS).text
    every = [status for _, _, status in clients.seen[key]]
    assert value(metrics, 'pricerange_rate_limited_total{key="limited"}') == every.count(429)
    assert value(metrics, 'pricerange_key_rows_total{key="limited"}') >= every.count(200)


def test_series_stay_with_the_name(server: Server, path: Path, phone: dict[str, float]) -> None:
    def rows(name: str) -> float:
        return value(
            httpx.get(f"{server.url}/metrics", verify=NO_TLS).text,
            f'pricerange_key_rows_total{{key="{name}"}}',
        )

    write(path, entry("stays"), entry("leaves"))
    wait_until(lambda: statuses(server, phone, secret("stays")) == {200})
    assert statuses(server, phone, secret("leaves")) == {200}
    before = rows("stays")
    assert rows("leaves") == 12
    write(path, entry("stays", key=secret("rotated")), entry("comes"))
    wait_until(lambda: statuses(server, phone, secret("comes")) == {200})
    assert rows("comes") >= 12
    assert rows("stays") == before
    assert statuses(server, phone, secret("rotated")) == {200}
    assert rows("stays") == before + 12
    metrics = httpx.get(f"{server.url}/metrics", verify=NO_TLS).text
    assert 'key="leaves"' not in metrics
    assert "pricerange_api_keys_file_valid 1.0" in metrics
