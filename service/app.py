"""The application: a verified model, its routes, and what stands around them."""

from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pricerange.answer.decisions import CostMatrix
from pricerange.answer.reasons import Explainer
from pricerange.approval import Approval
from pricerange.drift.reference import Reference
from pricerange.errors import PriceRangeError
from pricerange.phone import PartialPhone, Phone
from pricerange.predictor import Predictor
from service.batch.document import Phones
from service.batch.endpoint import BatchEndpoint, add_batch
from service.batch.spool_folder import default_spool
from service.errors import SpoolBudgetError
from service.http.api_keys import ApiKeys, free_paths, read_keys
from service.http.budget import Budget, MemoryBudget, default_budget
from service.http.connection import Application
from service.http.lifecycle import Lifecycle
from service.http.openapi import DocumentedApp, problem_responses
from service.http.problems import answer_exception
from service.http.request_state import Requests
from service.http.router import DirectRoute, Router
from service.model.batcher import Batcher
from service.model.decisions import Deciding
from service.model.explaining import Explaining
from service.model.time_slices import TimeSlices
from service.predict.curve import CurveEndpoint, CurveQuestion, add_curve
from service.predict.endpoint import PredictEndpoint, add_predict
from service.predict.fast_path import FastPath
from service.predict.what_if import WhatIfEndpoint, WhatIfQuestion, add_what_if
from service.settings import Settings
from service.telemetry.access_log import AccessLog
from service.telemetry.drift.metrics import DriftMetrics
from service.telemetry.drift.route import add_drift
from service.telemetry.drift.sample import DriftSample
from service.telemetry.drift.windows import Windows
from service.telemetry.forwarded import ForwardedAccessLog, Proxies
from service.telemetry.log_queue import LogQueue
from service.telemetry.metrics import Metrics
from service.telemetry.middleware import Middleware
from service.telemetry.prediction_log.log import PredictionLog
from service.telemetry.recorder import Recorder
from service.telemetry.shared_counters import SharedCounters
from service.v1 import routes as v1
from service.v1.endpoints import ModelEndpoints
from service.v1.routes import add_v1
from service.v2 import routes as v2
from service.v2.infer import InferEndpoint
from service.v2.repository import RepositoryEndpoints
from service.v2.routes import add_v2

_DESCRIPTION = "A phone's 20 features in, its price range out: 0 low, 1 medium, 2 high, 3 very high cost."

_NOT_SHOWN: Mapping[str, bool | set[str]] = {
    "golden_rows": True,
    "background": True,
    "seen_rows": True,
    "prediction_sets": {"unknown"},
    "drift": {"features"},
}
"""What of the passport only the answers need: it is long."""


def create_app(  # noqa: PLR0913, PLR0917
    settings: Settings,
    predictor: Predictor,
    lifecycle: Lifecycle,
    counters: SharedCounters,
    log_queue: LogQueue,
    predictions: PredictionLog | None = None,
) -> Application:
    """Build the application around a predictor; `/readyz` tells the lifecycle's state.

    What is answered is put into `predictions`, if there is such a log.

    Raises `SettingsError` where a file of API keys is set and holds none, or a cost matrix that is none,
    `GoldenReasonsError`, and `ApprovalError`.
    """
    keys = None if settings.api_keys_file is None else read_keys(settings.api_keys_file)
    free_of_keys = free_paths(settings.metrics_need_key)
    metrics = Metrics(counters, predictor)
    log_queue.on_drop(metrics.log_line_dropped)
    if predictions is not None:
        metrics.add(predictions.counts)
    budget = MemoryBudget(
        settings.max_request_memory or default_budget(settings.workers), metrics.memory_held
    )
    spool_budget = Budget(
        settings.max_spool_bytes or default_spool(settings.workers), SpoolBudgetError, metrics.spool_held
    )
    metrics.budgets(budget.limit, spool_budget.limit)
    logs_access = settings.access_log and settings.log_level in ("debug", "info")
    access_log = _access_log(log_queue, settings.forwarded_allow_ips) if logs_access else None
    deciding = Deciding(
        None if settings.cost_matrix is None else CostMatrix.read(settings.cost_matrix), settings.abstain
    )
    drift = _drift(predictor, metrics, counters, settings.drift_window)
    batcher = Batcher(
        predictor,
        metrics,
        settings.max_queue_rows,
        settings.out_of_range,
        deciding,
        DriftSample(drift) if drift else None,
        predictions,
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
        free_of_keys=None if keys is None else free_of_keys,
        title="Phone price ranges",
        description=_DESCRIPTION,
        version=version("pricerange"),
        redoc_url=None,
        redirect_slashes=False,
    )
    app.router.route_class = DirectRoute
    explainer = Explainer.of_version(predictor)
    limit = settings.max_explained_rows
    explaining = Explaining(explainer, metrics, limit, slices) if explainer else None
    predict = PredictEndpoint(batcher, slices, predictor.bundle, settings.max_body_bytes, explaining)
    add_predict(app.router, predict)
    add_what_if(app.router, WhatIfEndpoint(batcher, slices, predictor, predict.limit))
    add_curve(app.router, CurveEndpoint(batcher, slices, predictor, predict.limit))
    add_batch(
        app.router, BatchEndpoint(batcher, slices, predictor.bundle, settings, spool_budget, explaining)
    )
    add_v2(
        app.router,
        predictor.bundle,
        RepositoryEndpoints(predictor.bundle, lifecycle, metrics, settings.max_rows, deciding),
        InferEndpoint(predictor.bundle, batcher, slices, settings.max_body_bytes, settings.max_rows),
    )
    add_v1(
        app.router,
        predictor.bundle.name,
        ModelEndpoints(predictor.bundle, lifecycle, batcher, slices, settings, explaining),
    )
    _add_passport(app.router, predictor)
    _add_operations(app.router, metrics, lifecycle)
    add_drift(app.router, predictor.bundle, drift)
    metrics.add_routes(route.path for route in app.routes if isinstance(route, Route))
    for error in (HTTPException, PriceRangeError):
        app.add_exception_handler(error, answer_exception)
    router = Router(app)
    locked = None if keys is None else ApiKeys(router, keys, free_of_keys)
    return Application(
        Middleware(locked or router, settings.request_timeout),
        Requests(settings.receive_timeout, budget, Recorder(metrics, access_log).record),
        None if predictor.provider == "cuda" else FastPath(predict, locked, settings.request_timeout),
    )


def _access_log(queue: LogQueue, forwarded_allow_ips: str | None) -> AccessLog:
    if forwarded_allow_ips is None:
        return AccessLog(queue)
    return ForwardedAccessLog(queue, Proxies(forwarded_allow_ips))


def _drift(predictor: Predictor, metrics: Metrics, counters: SharedCounters, rows: int) -> Windows | None:
    """Return windows of so many rows, in the metrics too; None where the version keeps no reference."""
    reference = Reference.of_version(predictor.bundle.passport)
    if reference is None:
        return None
    windows = Windows(reference, counters, rows)
    metrics.add(DriftMetrics(windows))
    return windows


def _add_passport(router: APIRouter, predictor: Predictor) -> None:
    signer, approval = predictor.signer, Approval.read(predictor.bundle.path)
    passport: dict[str, Any] = {
        "name": predictor.bundle.name,
        "version": predictor.bundle.version,
        "provider": predictor.provider,
        "requested_provider": predictor.requested_provider,
        "signer": None if signer is None else asdict(signer),
        "approval": None if approval is None else approval.model_dump(mode="json"),
        **predictor.bundle.passport.model_dump(mode="json", exclude=_NOT_SHOWN),
    }

    @router.get("/model", summary="Metadata of the model being served")
    async def model(request: Request) -> Response:
        return JSONResponse(passport)


def _add_operations(router: APIRouter, metrics: Metrics, lifecycle: Lifecycle) -> None:
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
        return JSONResponse({"status": "ready"})

    @router.get(
        "/metrics",
        summary="Metrics for Prometheus",
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
        response_class=Response,
    )
    async def prometheus(request: Request) -> Response:
        return Response(metrics.exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST})
