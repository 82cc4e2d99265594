"""The application: a verified model, its routes, and what stands around them."""

import logging
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal, NamedTuple

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pricerange.answer.decisions import CostMatrix
from pricerange.errors import PriceRangeError
from pricerange.extras import extra
from pricerange.phone import PartialPhone, Phone
from service.batch.document import Phones
from service.batch.endpoint import BatchEndpoint, add_batch
from service.batch.spool_folder import default_spool
from service.errors import SpoolBudgetError
from service.http.budget import Budget, MemoryBudget, default_budget
from service.http.connection import Application
from service.http.cors import Cors
from service.http.keys.check import ApiKeys, WithoutKeys
from service.http.keys.known import SLOTS, KnownKeys
from service.http.keys.roles import free_paths, is_loopback
from service.http.keys.shared import SharedKeys
from service.http.lifecycle import Lifecycle
from service.http.openapi import DocumentedApp, problem_responses
from service.http.problems import answer_exception
from service.http.reply import Reply
from service.http.request_state import Requests
from service.http.router import DirectRoute, Router
from service.model.batcher import Batcher
from service.model.decisions import Deciding
from service.model.explaining import Explanation
from service.model.gathering import Gathering
from service.model.time_slices import TimeSlices
from service.open_inference.description import Description
from service.open_inference.inference import Inference
from service.open_inference.protocol import OpenInference
from service.open_inference.repository import Repository
from service.open_inference.statistics import Statistics
from service.predict.curve import CurveEndpoint, CurveQuestion, add_curve
from service.predict.endpoint import PredictEndpoint, add_predict
from service.predict.fast_path import FastPath
from service.predict.what_if import WhatIfEndpoint, WhatIfQuestion, add_what_if
from service.rollout.counts import Counted
from service.rollout.member import Member
from service.rollout.routes import add_rollout
from service.settings import Settings
from service.telemetry.access_log import AccessLog
from service.telemetry.forwarded import Proxies
from service.telemetry.key_metrics import KeyMetrics
from service.telemetry.log_level import LogLevel
from service.telemetry.log_queue import LogQueue
from service.telemetry.metrics import Metrics
from service.telemetry.middleware import Middleware
from service.telemetry.prediction_log.log import PredictionLog
from service.telemetry.prometheus.exposition import CONTENT, exposed
from service.telemetry.recorder import Recorder
from service.telemetry.selected import RequestLog, SelectedRequests
from service.telemetry.shared_counters import SharedCounters
from service.telemetry.tracing.traces import Traces
from service.v1 import routes as v1
from service.v1.endpoints import ModelEndpoints
from service.v1.routes import add_v1
from service.v2 import routes as v2
from service.v2.routes import add_v2
from service.versions.drift import DriftMetrics, add_drift
from service.versions.live import Versions
from service.versions.metrics import VersionMetrics
from service.web.model_documents import ModelDocuments
from service.web.openapi_route import OpenApi
from service.web.routes import Web

if TYPE_CHECKING:
    from service.grpc.door import GrpcDoor

_DESCRIPTION = "A phone's 20 features in, its price range out: 0 low, 1 medium, 2 high, 3 very high cost."


class Doors(NamedTuple):
    """What answers over HTTP, and what does over gRPC, if that is wanted."""

    http: Application
    grpc: "GrpcDoor | None"


def create_app(  # noqa: PLR0913, PLR0917
    settings: Settings,
    versions: Versions,
    member: Member,
    counted: Counted,
    lifecycle: Lifecycle,
    counters: SharedCounters,
    log_queue: LogQueue,
    predictions: PredictionLog | None = None,
    keys: SharedKeys | None = None,
    traces: Traces | None = None,
) -> Doors:
    """Build the application around what is loaded; `/readyz` tells the lifecycle's state.

    What is answered is put into `predictions`, if there is such a log, and what is traced into `traces`;
    requests need one of the `keys`, if there are any.

    Raises `SettingsError` for a cost matrix that is none.
    """
    provider = _provider(settings, versions)
    metrics = Metrics(counters, provider, traced=traces is not None)
    for told in (VersionMetrics(versions, counted.seats), counted.rollout, DriftMetrics(versions)):
        metrics.add(told)
    for counts in (predictions, traces):
        if counts is not None:
            metrics.add(counts.counts)
    log_queue.on_drop(metrics.log_line_dropped)
    budget = MemoryBudget(
        settings.max_request_memory or default_budget(settings.workers), metrics.memory_held
    )
    spool_budget = Budget(
        settings.max_spool_bytes or default_spool(settings.workers), SpoolBudgetError, metrics.spool_held
    )
    metrics.budgets(budget.limit, spool_budget.limit)
    proxies = None if settings.forwarded_allow_ips is None else Proxies(settings.forwarded_allow_ips)
    access_log = _access_log(log_queue, settings) if settings.access_log else None
    recorder = Recorder(metrics.requests, access_log, traces, proxies)
    log_level = LogLevel(
        counters, lambda level: recorder.log_to(access_log if level <= logging.INFO else None)
    )
    log_level.follow()
    deciding = Deciding(
        None if settings.cost_matrix is None else CostMatrix.read(settings.cost_matrix), settings.abstain
    )
    batcher = Batcher(
        versions,
        metrics,
        settings.max_queue_rows,
        settings.out_of_range,
        deciding,
        predictions,
        on_thread=provider == "cuda",
        traced=traces is not None,
    )
    slices = TimeSlices(settings.max_queue_rows, settings.max_rows)
    app = DocumentedApp(
        Phone,
        PartialPhone,
        Phones,
        WhatIfQuestion,
        CurveQuestion,
        *v1.BODIES,
        *v2.BODIES,
        free_of_keys=None if keys is None else free_paths(settings.metrics_need_key),
        title="Phone price ranges",
        description=_DESCRIPTION,
        version=version("pricerange"),
        openapi_url=None,
        redirect_slashes=False,
    )
    app.router.route_class = DirectRoute
    explanation = Explanation(metrics, settings.max_explained_rows, slices)
    predict = PredictEndpoint(batcher, slices, settings.max_body_bytes, explanation)
    add_predict(app.router, predict)
    add_what_if(app.router, WhatIfEndpoint(batcher, slices, predict.limit))
    add_curve(app.router, CurveEndpoint(batcher, slices, predict.limit))
    add_batch(app.router, BatchEndpoint(batcher, slices, settings, spool_budget, explanation))
    protocol = OpenInference(
        Description(versions, lifecycle, Statistics(metrics, counted.seats), settings.max_rows, deciding),
        Repository(settings.models, versions, lifecycle, member),
        Inference(batcher, slices, settings.max_rows),
    )
    add_v2(app.router, versions.name, protocol, slices, settings.max_body_bytes)
    endpoints = ModelEndpoints(lifecycle, batcher, slices, settings, explanation)
    add_v1(app.router, versions.name, endpoints)
    _add_passport(app.router, versions)
    _add_operations(app.router, metrics, lifecycle, versions)
    add_drift(app.router, versions)
    add_rollout(app.router, member)
    web = _web(app, versions, settings, proxies)
    web.add_to(app.router)
    metrics.requests.add_routes(route.path for route in app.routes if isinstance(route, Route))
    for error in (HTTPException, PriceRangeError):
        app.add_exception_handler(error, answer_exception)
    router = Router(app)
    locked = None
    if keys is not None:
        known = _known_keys(keys, counters, metrics)
        locked = ApiKeys(router, known, free_paths(settings.metrics_need_key) | web.free)
    gate = locked or WithoutKeys(router, is_local=is_loopback(settings.host) and proxies is None)
    requests = Requests(
        settings.receive_timeout,
        budget,
        recorder.record,
        None if traces is None else settings.trace_sample,
        None if settings.cors_origins is None else Cors(settings.cors_origins),
    )

    def look() -> None:
        batcher.look()
        log_level.follow()

    http = Application(
        Middleware(gate, settings.request_timeout),
        requests,
        None if provider == "cuda" else FastPath(predict, locked, settings.request_timeout),
        look,
    )
    return Doors(http, _grpc(settings, protocol, requests, gate, metrics, batcher.gathering))


def _grpc(  # noqa: PLR0913, PLR0917
    settings: Settings,
    protocol: OpenInference,
    requests: Requests,
    gate: ApiKeys | WithoutKeys,
    metrics: Metrics,
    gathering: Gathering,
) -> "GrpcDoor | None":
    """Make the second door, if a port is set for it. Raises `MissingExtraError`."""
    if settings.grpc_port is None:
        return None
    with extra("grpc"):
        from service.grpc.door import GrpcDoor
    door = GrpcDoor(protocol, requests, gate.check, settings.request_timeout, gathering)
    metrics.requests.add_routes(door.paths)
    return door


def _provider(settings: Settings, versions: Versions) -> Literal["cpu", "cuda"]:
    """Return where the model runs, or will where it was unloaded."""
    if versions.is_loaded:
        return versions.live.stable.predictor.provider
    return "cuda" if settings.provider == "cuda" else "cpu"


def _known_keys(keys: SharedKeys, counters: SharedCounters, metrics: Metrics) -> KnownKeys:
    first = counters.take(SLOTS)
    known = KnownKeys(keys, counters.row, first)
    metrics.add(KeyMetrics(known, counters, first))
    return known


def _access_log(queue: LogQueue, settings: Settings) -> RequestLog:
    log = AccessLog(queue)
    if not settings.paths_not_logged and settings.access_log_sample == 1:
        return log
    return SelectedRequests(log, settings.paths_not_logged, settings.access_log_sample)


def _web(app: DocumentedApp, versions: Versions, settings: Settings, proxies: Proxies | None) -> Web:
    openapi = OpenApi(app.openapi, settings.root_path, proxies)
    return Web(openapi, ModelDocuments(versions), settings.root_path, page=settings.page)


def _add_passport(router: APIRouter, versions: Versions) -> None:
    @router.get("/model", summary="Metadata of the model version being served, the stable one")
    async def model(request: Request) -> Response:
        return Reply(versions.live.stable.told)


def _add_operations(router: APIRouter, metrics: Metrics, lifecycle: Lifecycle, versions: Versions) -> None:
    @router.get("/livez", summary="The process is alive")
    async def livez(request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    @router.get(
        "/readyz",
        summary="The model is verified and warm, and the service is not draining",
        responses=problem_responses(503),
    )
    async def readyz(request: Request) -> Response:
        lifecycle.require_ready()
        versions.require_loaded()
        return JSONResponse({"status": "ready"})

    @router.get(
        "/metrics",
        summary="Metrics for Prometheus",
        responses={200: {"content": CONTENT}},
        response_class=Response,
    )
    async def prometheus(request: Request) -> Response:
        return exposed(metrics.registry, request.headers)
