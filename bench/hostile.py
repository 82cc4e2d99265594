"""What strangers send to take memory and time: `python -m bench.hostile [--models models]`.

Each attack has a server of its own, with a small budget of memory. While the bytes are sent and held,
`/livez` is asked every 20 ms; when the clients have left, the bench waits until the server rests.
"""

import argparse
import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pyarrow as pa
from pyarrow import ipc

from bench.load.live import PHONE, Running, serving
from bench.show.tables import Target, show, show_targets

BUDGET = 64 << 20
HOLD_SECONDS = 4.0
ARROW = "application/vnd.apache.arrow.stream"

Attack = Callable[[Running, ExitStack], int]
"""Sends what it has to send on connections that the stack closes; returns the bytes sent."""


def connect(running: Running, stack: ExitStack) -> socket.socket:
    """Open a connection that does not wait for a server which does not read."""
    url = httpx.URL(running.url)
    connection = stack.enter_context(socket.create_connection((url.host, url.port or 80), timeout=10))
    connection.settimeout(0.2)
    return connection


def send(connection: socket.socket, data: bytes) -> int:
    """Send as much as is taken."""
    sent = 0
    with suppress(OSError):
        while sent < len(data):
            sent += connection.send(data[sent : sent + 65_536])
    return sent


def post(path: str, form: str, body: bytes, length: int | None = None) -> bytes:
    """Write a request; `length` is what it says of its body."""
    lines = [f"POST {path} HTTP/1.1", "Host: a", f"Content-Type: {form}"]
    return "\r\n".join([*lines, f"Content-Length: {length or len(body)}", "", ""]).encode() + body


def trailers(line: bytes) -> Attack:
    """Return the attack that never ends the trailers of a chunked body."""

    def attack(running: Running, stack: ExitStack) -> int:
        connection, until = connect(running, stack), time.monotonic() + HOLD_SECONDS
        head = b"POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
        sent = send(connection, head)
        while time.monotonic() < until:
            sent += (more := send(connection, line * (1_000_000 // len(line))))
            if not more:
                break
        return sent

    return attack


def ahead(path: str, connections: int) -> Attack:
    """Return the attack that sends requests without waiting for their answers."""

    def attack(running: Running, stack: ExitStack) -> int:
        request = f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        data = request * (200_000 // len(request))
        return sum(send(connect(running, stack), data) for _ in range(connections))

    return attack


def held(form: str, body: bytes, connections: int, query: str = "") -> Attack:
    """Return the attack that sends many bodies and keeps back the last byte of each."""

    def attack(running: Running, stack: ExitStack) -> int:
        data = post(f"/predict/batch{query}", form, body, len(body) + 1)
        return sum(send(connect(running, stack), data) for _ in range(connections))

    return attack


def whole(form: str, body: bytes, connections: int, query: str = "") -> Attack:
    """Return the attack that sends many bodies and reads no answer."""

    def attack(running: Running, stack: ExitStack) -> int:
        data = post(f"/predict/batch{query}", form, body)
        return sum(send(connect(running, stack), data) for _ in range(connections))

    return attack


def arrow(table: pa.Table, **options: object) -> bytes:
    """Write an Arrow stream of record batches of at most 100,000 rows."""
    sink = io.BytesIO()
    with ipc.new_stream(sink, table.schema, options=ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=100_000)
    return sink.getvalue()


def attacks() -> dict[str, Attack]:
    """Return each attack by what it sends."""
    one = {name: pa.array([value] * 400_000, pa.float64()) for name, value in PHONE.items()}
    runs = {
        name: pa.RunEndEncodedArray.from_arrays(
            pa.array([100_000], pa.int32()), pa.array([value], pa.float64())
        )
        for name, value in PHONE.items()
    }
    zeros = {**{name: column[:1] for name, column in one.items()}, "tail": pa.array([b"\0" * 20_000_000])}
    bad = json.dumps({"phones": [{"ram": "x" * 20}] * 1_000}).encode() + b" " * 900_000
    return {
        "a trailer after the other": trailers(b"x1: y\r\n"),
        "a trailer without end": trailers(b"x" * 1_000),
        "GET /livez sent ahead, 200 connections": ahead("/livez", 200),
        "GET /openapi.json sent ahead, 20 connections": ahead("/openapi.json", 20),
        "the same phone 400,000 times, zstd": whole(ARROW, arrow(pa.table(one), compression="zstd"), 20),
        "run-end encoded phones": whole(ARROW, arrow(pa.table(runs)), 50),
        "zeros, 20 MB in 5 KB, held open": held(ARROW, arrow(pa.table(zeros), compression="zstd"), 50),
        "bad phones as JSON, answered with nulls": whole(
            "application/json", bad[:1_000_000], 50, "?on_bad_row=null"
        ),
        "chunks of one byte": whole_chunks(50),
    }


def whole_chunks(connections: int) -> Attack:
    """Return the attack that sends a body in chunks of a byte."""

    def attack(running: Running, stack: ExitStack) -> int:
        head = b"POST /predict/batch HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        data = head + b"1\r\nx\r\n" * 150_000
        return sum(send(connect(running, stack), data) for _ in range(connections))

    return attack


class Watch(threading.Thread):
    """Asks `/livez` and looks at the memory, until it is told to end."""

    def __init__(self, running: Running) -> None:
        super().__init__(daemon=True)
        self._url = running.url
        self._process = psutil.Process(running.process.pid)
        self._over = threading.Event()
        self.before = self.peak = self._process.memory_info().rss
        self.slowest = 0.0

    def run(self) -> None:
        """Ask and look."""
        with httpx.Client(base_url=self._url, verify=False, timeout=120) as client:
            while not self._over.wait(0.02):
                began = time.perf_counter()
                client.get("/livez").raise_for_status()
                self.slowest = max(self.slowest, time.perf_counter() - began)
                self.peak = max(self.peak, self._process.memory_info().rss)

    def cpu(self) -> float:
        """Return the processor time that the server has used, in seconds."""
        times = self._process.cpu_times()
        return times.user + times.system

    def rests_after(self) -> float:
        """Return the seconds until the server uses less than a tenth of a core."""
        began = time.perf_counter()
        while time.perf_counter() - began < 120:
            before = self.cpu()
            time.sleep(0.25)
            if self.cpu() - before < 0.1:
                break
        return time.perf_counter() - began - 0.25

    def end(self) -> None:
        """Stop asking."""
        self._over.set()
        self.join()


@contextmanager
def watched(models: Path) -> Iterator[tuple[Running, Watch]]:
    """Start a server and watch it."""
    with serving(models, "--no-access-log", "--max-request-memory", str(BUDGET)) as running:
        httpx.get(f"{running.url}/openapi.json", verify=False).raise_for_status()
        body = arrow(pa.table({name: [value] for name, value in PHONE.items()}), compression="zstd")
        httpx.post(
            f"{running.url}/predict/batch", content=body, headers={"Content-Type": ARROW}, verify=False
        )
        watch = Watch(running)
        watch.start()
        yield running, watch
        watch.end()


def main() -> None:
    """Print what each attack has cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    arguments = parser.parse_args()
    rows, targets = [], []
    for name, attack in attacks().items():
        with watched(arguments.models) as (running, watch):
            cpu, stack = watch.cpu(), ExitStack()
            with stack:
                sent = attack(running, stack)
                time.sleep(HOLD_SECONDS)
            rests = watch.rests_after()
            assert httpx.post(f"{running.url}/predict", json=PHONE, verify=False).status_code == 200
            grown = (watch.peak - watch.before) / 1e6
            figures = (
                f"{sent / 1e6:.2f}",
                f"{grown:.0f}",
                f"{watch.cpu() - cpu:.1f}",
                f"{watch.slowest:.3f}",
            )
            rows.append((name, *figures, f"{rests:.1f}"))
            targets += [
                Target(f"memory, {name}", grown, most=BUDGET / 1e6 + 100, unit=" MB"),
                Target(f"/livez, {name}", watch.slowest, most=0.25, unit=" s"),
                Target(f"rests, {name}", rests, most=5, unit=" s"),
            ]
            assert not any("Traceback" in line for line in running.log)
    head = ("attack", "MB sent", "memory +MB", "CPU s", "/livez s", "rests after s")
    show(f"Budget of memory {BUDGET >> 20} MiB.", head, rows)
    show_targets(targets)


if __name__ == "__main__":
    main()
