"""The application: a verified model, its routes, and what stands around them."""

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from pricerange.phone import Phone
from pricerange.predictor import Predictor
from service.direct import Direct, DirectRoute
from service.errors import NotReadyError
from service.gather import Gatherer
from service.lifecycle import Lifecycle
from service.metrics import Metrics
from service.observe import Observe, router_refusal
from service.openapi import DocumentedApp, problem_responses
from service.predictions import Phones, add_predictions
from service.settings import Settings

_DESCRIPTION = "A phone's 20 features in, its price range out: 0 low, 1 medium, 2 high, 3 very high cost."


def create_app(settings: Settings, predictor: Predictor, lifecycle: Lifecycle) -> ASGIApp:
    """Build the application around a predictor; `/readyz` tells the lifecycle's state."""
    metrics = Metrics(CollectorRegistry(), predictor)
    gatherer = Gatherer(predictor, metrics, settings.max_queue_rows)
    app = DocumentedApp(
        Phone,
        Phones,
        title="Phone price ranges",
        description=_DESCRIPTION,
        version=version("pricerange"),
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={HTTPException: router_refusal},
    )
    app.router.route_class = DirectRoute
    add_predictions(app.router, gatherer, predictor.bundle, settings.max_body_bytes, settings.max_rows)
    _add_passport(app.router, predictor)
    _add_operations(app.router, metrics, lifecycle)
    return Observe(Direct(app), metrics, lifecycle, settings.access_log)


def _add_passport(router: APIRouter, predictor: Predictor) -> None:
    passport: dict[str, Any] = {
        "name": predictor.bundle.name,
        "version": predictor.bundle.version,
        "provider": predictor.provider,
        "requested_provider": predictor.requested_provider,
        **predictor.bundle.passport.model_dump(mode="json", exclude={"golden_rows"}),
    }

    @router.get("/model", summary="Passport of the model that answers")
    async def model(request: Request) -> Response:
        return JSONResponse(passport)


def _add_operations(router: APIRouter, metrics: Metrics, lifecycle: Lifecycle) -> None:
    @router.get("/livez", summary="The process is alive")
    async def livez(request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    @router.get(
        "/readyz",
        summary="The model is verified, warm, and not about to leave",
        responses=problem_responses(503),
    )
    async def readyz(request: Request) -> Response:
        if lifecycle.state != "ready":
            raise NotReadyError(lifecycle.state)
        return JSONResponse({"status": "ready"})

    @router.get(
        "/metrics",
        summary="Metrics for Prometheus",
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
        response_class=Response,
    )
    async def prometheus(request: Request) -> Response:
        return Response(metrics.exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST})
