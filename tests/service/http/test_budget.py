"""Requests together hold no more memory than the budget, and give all of it back."""

import json
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_server import NO_TLS, Server
from phone_tables import ARROW, as_arrow

from pricerange.machine.memory import usable_memory
from service.errors import MemoryBudgetError
from service.http.budget import MemoryBudget, default_budget


@given(sizes=st.lists(st.integers(0, 60), max_size=30))
def test_what_is_held_is_never_more_than_the_limit(sizes: list[int]) -> None:
    told: list[int] = []
    budget, taken = MemoryBudget(100, told.append), []
    for size in sizes:
        fits = sum(taken) + size <= 100
        try:
            budget.take(size)
        except MemoryBudgetError:
            assert not fits
            budget.give(taken.pop(0))
        else:
            assert fits
            taken.append(size)
        assert told[-1] == sum(taken) <= 100


def test_a_container_is_asked_for_its_limit(tmp_path: Path) -> None:
    folder = tmp_path / "sys/fs/cgroup"
    folder.mkdir(parents=True)
    everything = usable_memory(tmp_path)
    assert everything > 1 << 28
    for text, expected in (("536870912\n", 512 << 20), ("max\n", everything), (f"{1 << 62}\n", everything)):
        (folder / "memory.max").write_text(text)
        assert usable_memory(tmp_path) == expected
    assert default_budget(2) <= everything // 4 + 1


def held(server: Server) -> float:
    lines = httpx.get(f"{server.url}/metrics", verify=NO_TLS).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("pricerange_memory_held_bytes "))


def test_many_bodies_that_are_held_open_stay_within_the_budget(
    start: Callable[..., Server], model_repository: Path, phone: dict[str, float]
) -> None:
    limit = 64 << 20
    server = start(model_repository, "--max-request-memory", str(limit)).wait_until_ready()
    url, process = httpx.URL(server.url), psutil.Process(server.process.pid)
    httpx.post(f"{server.url}/predict/batch", content=as_arrow([phone]), headers={"Content-Type": ARROW})
    before = process.memory_info().rss
    # zeros that zstd makes small: a few KB become 20 MB
    table = pa.table({name: pa.array([value], pa.float64()) for name, value in phone.items()})
    table = table.append_column("tail", pa.array([b"\0" * 20_000_000], pa.large_binary()))
    body = as_arrow(table, compression="zstd")
    lines = ["POST /predict/batch HTTP/1.1", "Host: a", f"Content-Type: {ARROW}"]
    head = "\r\n".join([*lines, f"Content-Length: {len(body) + 1}", "", ""])
    with ExitStack() as stack:
        for _ in range(40):
            connection = stack.enter_context(socket.create_connection((url.host, url.port or 80)))
            connection.sendall(head.encode() + body)  # one byte is missing: nobody can be answered
        deadline = time.monotonic() + 20
        # how many find room depends on how many are decompressed at the same moment
        while not held(server) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert 0 < held(server) <= limit
        assert process.memory_info().rss - before < limit + 100e6
        refused = httpx.post(
            f"{server.url}/predict/batch",
            content=json.dumps({"phones": [phone] * 1_000} | {"x": "y" * 500_000}),
            headers={"Content-Type": "application/json"},
            verify=NO_TLS,
        )
        assert refused.status_code in (422, 503)
        assert httpx.post(f"{server.url}/predict", json=phone, verify=NO_TLS).status_code == 200
    deadline = time.monotonic() + 20
    while held(server) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert held(server) == 0


def test_a_request_that_finds_no_room_is_503_and_may_come_again(
    start: Callable[..., Server], model_repository: Path, phone: dict[str, float]
) -> None:
    server = start(model_repository, "--max-request-memory", "3000000").wait_until_ready()
    one, many = ({"phones": [phone] * count} for count in (1, 1_000))
    refused = httpx.post(f"{server.url}/predict/batch", json=many, verify=NO_TLS)
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["type"] == "urn:pricerange:problem:memory-budget"
    assert httpx.post(f"{server.url}/predict/batch", json=one, verify=NO_TLS).status_code == 200
    assert held(server) == 0


@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_all_is_given_back_however_a_request_ends(
    start: Callable[..., Server], model_repository: Path, phone: dict[str, float], path: str
) -> None:
    server = start(model_repository).wait_until_ready()
    url = httpx.URL(server.url)
    good = json.dumps(phone if path == "/predict" else {"phones": [phone]}).encode()
    for body, announced in ((good, len(good)), (b"[]", 2), (b"{", 1), (good, len(good) + 9)):
        head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {announced}\r\n\r\n".encode()
        with socket.create_connection((url.host, url.port or 80), timeout=10) as connection:
            connection.sendall(head + body)
            if announced == len(body):
                assert connection.recv(65_536).startswith(b"HTTP/1.1 ")
    deadline = time.monotonic() + 10
    while held(server) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert held(server) == 0
