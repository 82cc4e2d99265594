"""A server that follows the rollout file of a repository of its own."""

from pathlib import Path
from typing import Any

import httpx
import psutil
from live_server import NO_TLS, Server
from waiting import wait_until

from pricerange.bundle import MODEL_NAME
from pricerange.rollout.document import ROLLOUT_FILE

RAISING, SHUFFLED, SLOW = 3, 4, 5
"""The bad ones of `many_versions`; the first raises where a phone is unlucky."""


class Rolling:
    """A model repository of one's own, and a server that follows its file."""

    def __init__(self, models: Path) -> None:
        self.models = models
        self.folder = models / MODEL_NAME
        self.file = self.folder / ROLLOUT_FILE

    def want(self, content: str) -> None:
        """Replace the file in one step."""
        draft = self.file.with_suffix(".draft")
        draft.write_text(content)
        draft.replace(self.file)

    def follow(self, content: str) -> dict[str, Any]:
        """Replace the file, and return the state in which all follow it."""
        self.want(content)
        told: dict[str, Any] = self.post("/rollout/reload").raise_for_status().json()
        return told

    def start(self, *flags: str, workers: int = 2) -> Server:
        """Serve, and wait until all workers do."""
        settings = ("--rollout-interval", "0.2", "--no-access-log", "--drain-delay", "0")
        self.server = Server(self.models, *settings, "--workers", str(workers), *flags)
        self.server.wait_until_ready()
        wait_until(lambda: len(self.state()["workers"]) == workers)
        return self.server

    def end(self) -> None:
        """Stop serving, whatever became of the server."""
        if self.server.process.poll() is None:
            self.server.process.kill()
        self.server.wait()

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.server.url, verify=NO_TLS, timeout=30)

    def post(self, path: str, **content: object) -> httpx.Response:
        """Ask on a connection of its own, which any worker may have."""
        return httpx.post(f"{self.server.url}{path}", verify=NO_TLS, timeout=30, **content)

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.server.url}{path}", verify=NO_TLS, timeout=30)

    def state(self) -> dict[str, Any]:
        return self.get("/rollout").raise_for_status().json()

    def index(self) -> dict[str, tuple[str, str]]:
        """State and reason of each version, as the V2 index tells them."""
        entries = self.post("/v2/repository/index").json()
        return {entry["version"]: (entry["state"], entry["reason"]) for entry in entries}

    def workers(self) -> list[psutil.Process]:
        return [psutil.Process(worker["pid"]) for worker in self.state()["workers"]]

    def wait_for(self, stable: str, seconds: float = 20) -> dict[str, Any]:
        """Wait until every worker is answering by a stable version."""

        def all_do() -> bool:
            state = self.state()
            return state["stable"] == stable and all(worker["current"] for worker in state["workers"])

        wait_until(all_do, seconds)
        return self.state()

    def kill_a_worker(self) -> None:
        """Kill one, and wait until another one has taken its place."""
        workers = self.workers()
        workers[0].kill()
        wait_until(lambda: workers[0] not in self._workers() and len(self._workers()) == len(workers))

    def _workers(self) -> list[psutil.Process]:
        try:
            return self.workers()
        except (httpx.TransportError, psutil.NoSuchProcess):
            return []
