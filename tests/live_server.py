"""A real server: `pricerange serve` in a process of its own on a free port."""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

import httpx
import psutil

from bench.load.live import workers_of

PRICERANGE = Path(sys.executable).with_name("pricerange")
NO_TLS = False
"""`verify` of httpx's clients: to read the certificates of all authorities takes 20 ms each time."""


class Server:
    """`pricerange serve` as a user starts it."""

    def __init__(self, models: Path, *flags: str, process_group: int | None = None) -> None:
        self.process = subprocess.Popen(
            [PRICERANGE, "serve", "--models", models, "--port", "0", "--drain-delay", "0.2", *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            process_group=process_group,
        )
        assert self.process.stdout is not None
        self.lines: list[str] = []
        self._address: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,))
        self._reader.start()
        self.url = ""

    def _read(self, output: IO[str]) -> None:
        for line in output:
            self.lines.append(line.rstrip("\n"))
            if '"logger":"service.serve","message":"serving ' in line:
                self._address.put(next(part for part in line.split() if part.startswith("http")).rstrip(","))
        self._address.put(None)

    def wait_until_ready(self, seconds: float = 30) -> "Server":
        address = self._address.get(timeout=seconds)
        assert address is not None, "\n".join(self.lines)
        self.url = address
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.url}/readyz", verify=NO_TLS).status_code == 200:
                    return self
            except httpx.TransportError:
                pass
            time.sleep(0.02)
        raise AssertionError("\n".join(self.lines))

    @property
    def grpc_address(self) -> str:
        """Where the server listens for gRPC, as the first line of its log says."""
        [port, *_] = [found[1] for line in self.lines if (found := re.search(r"gRPC on port (\d+)", line))]
        return f"{httpx.URL(self.url).host}:{port}"

    def workers(self) -> list[psutil.Process]:
        """The worker processes that live now."""
        return workers_of(self.process.pid)

    def log(self, **fields: Any) -> list[dict[str, Any]]:
        """The lines of the log that hold these fields; a running server has a moment to write the first."""
        deadline = time.monotonic() + 2
        while (
            not (found := self._log(fields)) and self.process.poll() is None and time.monotonic() < deadline
        ):
            time.sleep(0.01)
        return found

    def _log(self, fields: dict[str, Any]) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.lines if line.startswith("{")]
        return [line for line in lines if fields.items() <= line.items()]

    def end(self, number: signal.Signals = signal.SIGTERM, seconds: float = 20) -> int:
        """Send a signal and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait(seconds)

    def wait(self, seconds: float = 20) -> int:
        """Wait for the end and return the exit code."""
        code = self.process.wait(seconds)
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler of its own for a signal."""
    [caught] = re.findall(r"^SigCgt:\t([0-9a-f]+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return bool(int(caught, 16) >> (number - 1) & 1)
