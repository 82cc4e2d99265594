"""The service's process: load, warm up, serve, drain."""

import contextlib
import gc
import logging
import os
import resource
import socket
from functools import partial
from multiprocessing.connection import Connection
from typing import cast

import numpy as np
import uvicorn

from pricerange.phone import FEATURES
from pricerange.predictor import BLOCK_ROWS, Predictor
from pricerange.signature.trust import Trust
from pricerange.without_pandas import leave_out_pandas
from service.app import create_app
from service.batch import spool_folder
from service.http.connection import HttpConnection
from service.http.lifecycle import Lifecycle
from service.process import logs, workers
from service.process.listener import bind
from service.process.server import DrainingServer
from service.process.tls import Certificate
from service.settings import Settings
from service.telemetry.log_queue import LogQueue
from service.telemetry.prediction_log import folder as prediction_log
from service.telemetry.shared_counters import SharedCounters

log = logging.getLogger(__name__)


def serve(settings: Settings) -> int:
    """Serve until SIGTERM and return the exit code. Raises what loading the model raises."""
    _allow_many_connections()
    listener = bind(settings.host, settings.port)
    with logs.to_queue(settings.log_level) as log_queue:
        spool_folder.tell()
        if settings.prediction_log is not None:
            prediction_log.require(settings.prediction_log)
        if settings.workers == 1:
            [counters] = SharedCounters.of(1)
            return serve_alone(settings, listener, counters, log_queue, None)
        return workers.supervise(settings, listener, serve_alone)


def serve_alone(
    settings: Settings,
    listener: socket.socket,
    counters: SharedCounters,
    log_queue: LogQueue,
    parent: Connection | None,
) -> int:
    """Serve on a bound socket from this process; `parent` hears of readiness, and its end is ours."""
    leave_out_pandas()
    certificate = None
    if settings.tls_cert is not None and settings.tls_key is not None:
        certificate = Certificate(settings.tls_cert, settings.tls_key)
    trust = Trust.of(settings.trusted_keys)
    predictor = Predictor.load(settings.models, settings.model_version, settings.provider, trust)
    _warm_up(predictor)
    lifecycle = Lifecycle()
    predictions = prediction_log.begun(settings, predictor.bundle, counters)
    app = create_app(settings, predictor, lifecycle, counters, log_queue, predictions)
    connection = partial(HttpConnection, settings, lifecycle, app)
    config = uvicorn.Config(
        app.asgi,
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
    host, port = listener.getsockname()[:2]
    log.info(
        "serving %s version %s on %s, %s://%s:%d, process %d",
        predictor.bundle.name,
        predictor.bundle.version,
        predictor.provider,
        "http" if certificate is None else "https",
        f"[{host}]" if ":" in host else host,
        port,
        os.getpid(),
    )
    # what is here stays: a collection that looks through it all would stop every request for 50 ms
    gc.collect()
    gc.freeze()
    DrainingServer(config, listener, lifecycle, settings.drain_delay, parent, counters, certificate).run([])
    if predictions is not None:
        predictions.close()
    return 0


def _allow_many_connections() -> None:
    """Take as many open files as the system grants: it begins with few for old programs' sake."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError):  # macOS grants less than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _warm_up(predictor: Predictor) -> None:
    """Let ONNX Runtime allocate for one row and for a whole block before anyone waits for it."""
    phone = np.array([[feature.example for feature in FEATURES]], np.float32)
    for rows in (1, BLOCK_ROWS):
        predictor.predict(np.repeat(phone, rows, axis=0))
