"""A server on one core, the load on another, and the processor time that the server used meanwhile."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import psutil

from bench.load.client import Answer, Connection
from bench.load.cores import on_core
from bench.load.formats import Format, Request
from bench.load.phones import Oracle, Rows, same
from bench.load.wrk import Load, Wrk

SERVER_CORE, LOAD_CORE = 0, 1


@dataclass(frozen=True)
class Server:
    """A command that serves, and the name by which the tables call it."""

    name: str
    command: Sequence[str | Path]


@dataclass(frozen=True)
class Running:
    """A server that listens, and the process that reads its output."""

    name: str
    url: str
    process: psutil.Process
    reader: psutil.Process

    def ask(self, request: Request) -> Answer:
        """Send one request; ends the program where the answer is no 200."""
        answer = asyncio.run(_ask(self.url, request))
        if answer.status != 200:
            sys.exit(f"{self.name} answered {request.path} with {answer.status}: {answer.body[:300]!r}")
        return answer

    def check(self, form: Format, rows: Rows, oracle: Oracle) -> Request:
        """Return the request for these rows; ends the program where ONNX Runtime has another answer."""
        request = form.request(rows)
        found, expected = form.read(self.ask(request)), oracle.answer(rows)
        if not same(found, expected):
            shapes = f"{found.probabilities.shape} and {expected.probabilities.shape}"
            sys.exit(f"{self.name}, {form.name}: not the answers of ONNX Runtime; shapes {shapes}")
        return request

    def load(self, request: Request, connections: int, seconds: int) -> Load:
        """Post a request over and over, after a second to get warm."""
        Wrk(self.url, request, connections, 1, LOAD_CORE).load()
        before = self._cpu_seconds()
        load = Wrk(self.url, request, connections, seconds, LOAD_CORE).load()
        return replace(load, cpu=self._cpu_seconds() - before)

    def _cpu_seconds(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def running(server: Server, log: IO[bytes] | None = None) -> Iterator[Running]:
    """Start a server on its core, wait until it listens, end it afterwards; its output goes through a pipe.

    The pipe is read by a process on the other core, as a collector of logs reads it, and goes on into a file
    where one is given.
    """
    with on_core(LOAD_CORE):
        reader = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=log or subprocess.DEVNULL)
    with on_core(SERVER_CORE):
        process = subprocess.Popen(server.command, stdout=reader.stdin)
    try:
        port = _port(process, server.name)
        url = f"http://127.0.0.1:{port}"
        yield Running(server.name, url, psutil.Process(process.pid), psutil.Process(reader.pid))
    finally:
        process.terminate()
        process.wait(timeout=30)
        assert reader.stdin is not None
        reader.stdin.close()
        reader.wait(timeout=30)


def _port(process: subprocess.Popen[bytes], name: str) -> int:
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        for connection in watched.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN:
                return int(connection.laddr.port)
        time.sleep(0.01)
    sys.exit(f"{name} ended with {process.returncode} before it listened")


async def _ask(url: str, request: Request) -> Answer:
    connection = await Connection.open(url)
    answer = await asyncio.wait_for(connection.exchange(request.message()), 30)
    connection.close()
    return answer
