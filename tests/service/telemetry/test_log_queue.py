"""A log whose reader is slow or gone stops nobody: lines are dropped, counted and said."""

import json
import multiprocessing
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from live_server import NO_TLS, PRICERANGE
from waiting import wait_until

from service.telemetry.log_queue import MOST_BYTES, LogQueue


def read_lines(descriptor: int) -> list[bytes]:
    os.set_blocking(descriptor, False)
    read = b""
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < 0.5:
        try:
            part = os.read(descriptor, 1 << 20)
        except BlockingIOError:
            time.sleep(0.01)
            continue
        read, quiet_since = read + part, time.monotonic()
    return read.splitlines()


def test_lines_are_written_in_order_and_all_of_them_at_the_end() -> None:
    reader, writer = os.pipe()
    queue = LogQueue(writer)
    lines = [b'{"number":%d}\n' % k for k in range(1_000)]
    for line in lines:
        queue.put(line)
    queue.close(10)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        assert file.readlines() == lines


@pytest.mark.parametrize("pause", [0, 0.001, 0.01, 0.05])
def test_the_end_waits_no_longer_than_the_lines_take(pause: float) -> None:
    reader, writer = os.pipe()
    queue = LogQueue(writer)
    queue.put(b"the last line\n")
    time.sleep(pause)
    began = time.monotonic()
    queue.close(20)
    assert time.monotonic() - began < 10
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        assert file.read() == b"the last line\n"


def test_what_a_sleeping_reader_leaves_no_room_for_is_dropped_counted_and_said() -> None:
    reader, writer = os.pipe()
    queue, counted = LogQueue(writer), []
    queue.on_drop(lambda: counted.append(1))
    line = b"x" * 9_999 + b"\n"
    began = time.monotonic()
    for _ in range(4 * MOST_BYTES // len(line)):
        queue.put(line)
    assert time.monotonic() - began < 5  # nobody waited for the reader
    assert counted
    lines = read_lines(reader)
    said = [json.loads(line)["message"] for line in lines if line.startswith(b"{")]
    assert sum(int(message.split()[0]) for message in said) == len(counted)
    assert len(lines) - len(said) + len(counted) == 4 * MOST_BYTES // len(line)
    queue.close(10)
    os.close(writer)
    os.close(reader)


def test_without_a_reader_everything_goes_on() -> None:
    reader, writer = os.pipe()
    queue, counted = LogQueue(writer), []
    queue.on_drop(lambda: counted.append(1))
    os.close(reader)
    queue.put(b"nobody reads this\n")
    queue.close(10)
    queue.put(b"nor this\n")
    assert counted == [1]
    os.close(writer)


@contextmanager
def served(models: Path, *flags: str) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """A server of whose log the first lines are read, until its address is known, and no more."""
    command = [PRICERANGE, "serve", "--models", models, "--port", "0", "--drain-delay", "0.1", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0) as process:
        try:
            assert process.stdout is not None
            line = b""
            while b'"message":"serving ' not in line:
                line = process.stdout.readline()
                assert line
            url = next(part for part in line.decode().split() if part.startswith("http")).rstrip(",")
            with httpx.Client(base_url=url, verify=NO_TLS, timeout=20) as client:
                wait_until(lambda: client.get("/readyz").status_code == 200)
                yield process, client
        finally:
            process.kill()


def test_a_reader_that_sleeps_stops_no_answer_and_no_end(
    model_repository: Path, phone: dict[str, float]
) -> None:
    with served(model_repository) as (process, client):
        # the pipe is full after some 300 of these lines
        for _ in range(1_000):
            assert client.get("/livez", headers={"X-Request-Id": "x" * 128}).status_code == 200
        assert client.post("/predict", json=phone).status_code == 200
        assert "pricerange_log_lines_dropped_total 0.0" in client.get("/metrics").text
        began = time.monotonic()
        process.terminate()
        assert process.wait(20) == 0
        assert time.monotonic() - began < 15


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_reader_that_leaves_ends_nothing_and_leaves_no_traceback(
    model_repository: Path, phone: dict[str, float], workers: str
) -> None:
    with served(model_repository, "--workers", workers) as (process, client):
        assert process.stdout is not None
        process.stdout.close()
        for _ in range(50):
            assert client.post("/predict", json=phone).status_code == 200
            time.sleep(0.005)
        wait_until(lambda: "pricerange_log_lines_dropped_total 0.0" not in client.get("/metrics").text)
        process.terminate()
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


def write_numbered_lines(descriptor: int, name: str, count: int) -> None:
    queue = LogQueue(descriptor)
    for number in range(count):
        # some are longer than what a pipe takes in one piece
        queue.put(f"<{name} {number} {'-' * (number % 9 * 700)}>\n".encode())
    queue.close(60)


def test_lines_of_several_processes_are_whole_in_a_pipe_that_is_full() -> None:
    reader, writer = os.pipe()
    context = multiprocessing.get_context("fork")
    writers = [
        context.Process(target=write_numbered_lines, args=(writer, name, 1_000)) for name in ("one", "two")
    ]
    for process in writers:
        process.start()
    os.close(writer)
    with os.fdopen(reader, "rb", buffering=0) as file:
        read = b""
        while part := file.read(5_000):  # slowly: both write all the time
            read += part
    for process in writers:
        process.join(60)
        assert process.exitcode == 0
    found: dict[str, list[int]] = {"one": [], "two": []}
    for line in read.decode().splitlines():
        match = re.fullmatch(r"<(one|two) (\d+) (-*)>", line)
        assert match, line[:200]
        name, number, dashes = match.groups()
        assert len(dashes) == int(number) % 9 * 700
        found[name].append(int(number))
    assert found == {"one": list(range(1_000)), "two": list(range(1_000))}
