"""The service's process: load, warm up, serve, drain."""

import contextlib
import gc
import logging
import os
import resource
import socket
from contextlib import ExitStack
from functools import partial
from typing import cast

import uvicorn

from pricerange.bundle import MODEL_NAME
from pricerange.extras import extra
from pricerange.signature.trust import Trust
from pricerange.without_pandas import leave_out_pandas
from service.app import create_app
from service.batch import spool_folder
from service.http.connection import HttpConnection
from service.http.keys.shared import SharedKeys
from service.http.keys.watch import watched
from service.http.lifecycle import Lifecycle
from service.process import logs, workers
from service.process.arguments import WorkerArguments
from service.process.listener import address_text, bind, reserve
from service.process.server import DrainingServer
from service.process.tls import Certificate
from service.rollout.controller import controller_of
from service.rollout.counts import Counted
from service.rollout.loading import Loader
from service.rollout.member import Member
from service.rollout.thread import ControllerThread
from service.settings import Settings
from service.telemetry.log_level import LogLevel
from service.telemetry.log_queue import LogQueue
from service.telemetry.prediction_log import folder as prediction_log
from service.telemetry.shared_counters import SharedCounters
from service.telemetry.tracing.of_settings import traces_of
from service.versions.live import Versions

log = logging.getLogger(__name__)


def serve(settings: Settings) -> int:
    """Serve until SIGTERM and return the exit code. Raises what loading the model raises."""
    _allow_many_connections()
    listener = bind(settings.host, settings.port)
    with logs.to_queue(settings.log_level) as log_queue, ExitStack() as until_the_end:
        if settings.grpc_port is not None:
            # or the library writes lines of its own about strangers' handshakes between ours
            os.environ.setdefault("GRPC_VERBOSITY", "NONE")
            with extra("grpc"):
                import service.process.grpc_server  # noqa: F401
            port = until_the_end.enter_context(reserve(settings.host, settings.grpc_port))
            settings = settings.model_copy(update={"grpc_port": port.getsockname()[1]})
        spool_folder.tell()
        if settings.prediction_log is not None:
            prediction_log.require(settings.prediction_log)
        keys = None
        if settings.api_keys_file is not None:
            keys = until_the_end.enter_context(watched(settings.api_keys_file))
        *of_workers, counters = SharedCounters.of(settings.workers)
        LogLevel(counters).begin(settings.log_level)
        counted = Counted(counters)
        controller = ControllerThread(controller_of(settings, counted))
        controller.start()
        if not of_workers:
            alone = WorkerArguments(counters, controller.connect(), controller.plan)
            return serve_alone(settings, listener, alone, log_queue, counted, keys)
        serve_worker = partial(serve_alone, keys=keys)
        return workers.supervise(settings, listener, serve_worker, of_workers, counters, controller)


def serve_alone(  # noqa: PLR0913, PLR0917
    settings: Settings,
    listener: socket.socket,
    worker: WorkerArguments,
    log_queue: LogQueue,
    counted: Counted | None = None,
    keys: SharedKeys | None = None,
) -> int:
    """Serve on a bound socket from this process; where it is alone, some counters are `counted` already."""
    leave_out_pandas()
    certificate = None
    if settings.tls_cert is not None and settings.tls_key is not None:
        certificate = Certificate(settings.tls_cert, settings.tls_key)
    counters = worker.counters
    counted = counted or Counted(counters)
    loader = Loader(settings, Trust.of(settings.trusted_keys), counted.seats, counters)
    live, failures = loader.first(worker.plan)
    versions = Versions(MODEL_NAME, live)
    member = Member(worker.controller, versions, loader)
    lifecycle = Lifecycle()
    predictions = prediction_log.begun(settings, counters)
    traces = traces_of(settings, counters)
    app = create_app(
        settings, versions, member, counted, lifecycle, counters, log_queue, predictions, keys, traces
    )
    host, http_port = listener.getsockname()[:2]
    second = None
    if app.grpc is not None and settings.grpc_port is not None:
        from service.process.grpc_server import GrpcServer

        address = address_text(host, settings.grpc_port)
        second = GrpcServer(app.grpc, address, settings, certificate, app.http.requests.budget.limit)
    connection = partial(HttpConnection, settings, lifecycle, app.http)
    config = uvicorn.Config(
        app.http.asgi,
        http=cast("type[HttpConnection]", connection),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        workers=1,  # else uvicorn reads WEB_CONCURRENCY
        server_header=False,
        # seconds to wait: a fraction does
        timeout_graceful_shutdown=cast("int", settings.drain_timeout),
    )
    log.info(
        "serving %s, %s, %s://%s%s, process %d",
        MODEL_NAME,
        worker.plan if live is None else f"{worker.plan} on {live.stable.predictor.provider}",
        "http" if certificate is None else "https",
        address_text(host, http_port),
        "" if second is None else f", gRPC on port {settings.grpc_port}",
        os.getpid(),
    )
    # what is here stays: a collection that looks through it all would stop every request for 50 ms
    gc.collect()
    gc.freeze()
    DrainingServer(
        config,
        listener,
        lifecycle,
        settings.drain_delay,
        worker.parent,
        counters,
        certificate,
        partial(member.begin, worker.plan, failures),
        app.http.look,
        second,
    ).run([])
    if traces is not None:
        traces.close()
    if predictions is not None:
        predictions.close()
    return 0


def _allow_many_connections() -> None:
    """Take as many open files as the system grants: it begins with few for old programs' sake."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError):  # macOS grants less than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
