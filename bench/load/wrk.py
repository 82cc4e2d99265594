"""Load by wrk, the Debian package of that name: one thread, posting one request over and over."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Self

from bench.load.cores import on_core
from bench.load.formats import Request

_SCRIPT = Path(__file__).with_name("post.lua")


@dataclass(frozen=True, slots=True)
class Load:
    """What a run saw: durations of requests in ms, `failed` requests, `cpu` in seconds of the server's."""

    requests: float
    seconds: float
    p50: float
    p99: float
    failed: int
    cpu: float = 0.0

    @classmethod
    def median_of(cls, runs: Sequence[Self]) -> Self:
        """Return the median of each figure, and all failures."""
        return cls(
            median(run.requests for run in runs),
            median(run.seconds for run in runs),
            median(run.p50 for run in runs),
            median(run.p99 for run in runs),
            sum(run.failed for run in runs),
            median(run.cpu for run in runs),
        )

    @property
    def per_second(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds

    @property
    def busy(self) -> float:
        """Share of its core that the server had: 1 where the load was more than it could carry."""
        return self.cpu / self.seconds

    @property
    def cpu_each(self) -> float:
        """Microseconds of the server's processor a request."""
        return 1e6 * self.cpu / self.requests


class Wrk:
    """A run that has been started on a core."""

    def __init__(self, url: str, request: Request, connections: int, seconds: int, core: int) -> None:
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"]
        command += ["-s", str(_SCRIPT), url + request.path, "--"]
        for header in request.headers.items():
            command += header
        with on_core(core):
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin is not None
        self._process.stdin.write(request.body)
        self._process.stdin.close()
        self._process.stdin = None

    def load(self) -> Load:
        """Wait for the end and return what was seen."""
        output = self._process.communicate(timeout=120)[0].decode()
        report = next((line for line in output.splitlines() if line.startswith("report ")), None)
        if report is None:
            sys.exit(f"wrk ended with {self._process.returncode}: {output}")
        requests, microseconds, p50, p99, refused, broken = map(int, report.split()[1:])
        return Load(requests, microseconds / 1e6, p50 / 1e3, p99 / 1e3, refused + broken)


def require_wrk() -> None:
    """End the program where wrk is not installed."""
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed: it is the package `wrk` of Debian and Ubuntu (apt install wrk)")
