"""A server to measure: `pricerange serve` in a process of its own."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from pricerange.phone import FEATURES

PHONE = {feature.name: feature.example for feature in FEATURES}


@dataclass(frozen=True)
class Running:
    """A server that has given its first right answer."""

    process: subprocess.Popen[str]
    log: list[str]
    url: str
    seconds: float  # from exec to that answer
    grpc_port: int | None = None


@contextmanager
def serving(
    models: Path, *flags: str, key: str = "", environment: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Start a server, wait for its first answer, end it afterwards; `key` is one of its API keys.

    `environment` adds to that of this process.
    """
    command = [
        Path(sys.executable).with_name("pricerange"),
        "serve",
        "--models",
        models,
        "--port",
        "0",
        *flags,
    ]
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
    )
    assert process.stdout is not None
    try:
        # whoever decides about versions says that they serve too, but not where
        told = (json.loads(line)["message"] for line in process.stdout if '"serving ' in line)
        message = next(each for each in told if "://" in each)
        url = next(word for word in message.split() if word.startswith("http")).rstrip(",")
        seconds, log = _first_answer(url, key, started), list[str]()
        # a pipe that nobody reads would stop the server
        threading.Thread(target=log.extend, args=(process.stdout,), daemon=True).start()
        port = re.search(r"gRPC on port (\d+)", message)
        yield Running(process, log, url, seconds, int(port[1]) if port else None)
    finally:
        process.terminate()
        process.wait(timeout=30)


def workers_of(parent: int) -> list[psutil.Process]:
    """Return the worker processes of a server; one that ends meanwhile is none.

    multiprocessing keeps one more child, its resource tracker.
    """

    def works(child: psutil.Process) -> bool:
        try:
            return "spawn_main" in " ".join(child.cmdline())
        except psutil.NoSuchProcess:  # a zombie is one too
            return False

    return [child for child in psutil.Process(parent).children() if works(child)]


def _first_answer(url: str, key: str, started: float) -> float:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    while True:
        try:
            httpx.post(f"{url}/predict", json=PHONE, headers=headers).raise_for_status()
        except httpx.ConnectError:
            time.sleep(0.002)
        else:
            return time.perf_counter() - started
