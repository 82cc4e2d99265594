"""The service in the process of a test, over any versions of a repository: a worker, piece by piece."""

import asyncio
import multiprocessing
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from live_server import NO_TLS
from uvicorn.server import ServerState

from pricerange import bundle
from pricerange.predictor import Predictor
from service.app import create_app
from service.http.connection import Application, HttpConnection
from service.http.lifecycle import Lifecycle
from service.rollout.counts import Counted
from service.rollout.loading import Loader
from service.rollout.member import Member
from service.settings import Settings
from service.telemetry.log_queue import LogQueue
from service.telemetry.shared_counters import SharedCounters
from service.versions.live import Live, Versions
from service.versions.served import Served


class InProcess:
    """A worker without a server, which has loaded some versions; the first of them is the stable one."""

    def __init__(self, models: Path, *versions: int, **settings: Any) -> None:
        """Load the versions as the settings say, each into the seat of its own number."""
        self.settings = Settings(models=models, access_log=False, **settings)
        [self.counters] = SharedCounters.of(1)
        self.counted = Counted(self.counters)
        self.seats = self.counted.seats
        self.served = {version: self.load(models, version) for version in versions}
        self.versions = Versions(bundle.MODEL_NAME, Live(self.served[versions[0]]))

    def load(self, models: Path, version: int) -> Served:
        seat = self.seats.take(version, version)
        of_settings = self.settings.out_of_range, self.counters, self.settings.drift_window
        return Served.of(Predictor.load(models, version), seat, *of_settings)

    def app(self, lifecycle: Lifecycle, log_queue: LogQueue | None = None) -> Application:
        link, _ = multiprocessing.Pipe()  # to no controller
        loader = Loader(self.settings, None, self.seats, self.counters)
        return create_app(
            self.settings,
            self.versions,
            Member(link, self.versions, loader),
            self.counted,
            lifecycle,
            self.counters,
            log_queue or LogQueue(),
        ).http

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """Serve on a port of this machine, to a client."""
        lifecycle = Lifecycle()
        connection = partial(
            HttpConnection, self.settings, lifecycle, self.app(lifecycle), server_state=ServerState()
        )
        server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url, verify=NO_TLS) as client:
            yield client
        server.close()
