"""Around every request: its id, its errors, its metrics, its line in the access log."""

import asyncio
import itertools
import logging
import re
import secrets
from time import perf_counter

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import NotReadyError, http_response, kind_of, problem_response
from service.lifecycle import Lifecycle
from service.metrics import Metrics

log = logging.getLogger(__name__)
access_log = logging.getLogger("service.access")

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")


class Observe:
    """The outermost ASGI application: nothing escapes it."""

    def __init__(self, app: ASGIApp, metrics: Metrics, lifecycle: Lifecycle, access_log: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._lifecycle = lifecycle
        self._access_log = access_log
        self._ids_begin = secrets.token_hex(10)
        self._ids_end = itertools.count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer; answer for it what it refuses."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        request_id = self._request_id(scope)
        scope["state"]["request_id"] = request_id
        status = 0

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-request-id", request_id.encode()))
                if self._lifecycle.state == "draining":
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        try:
            await self._app(scope, receive, observed_send)
        except asyncio.CancelledError:
            # the server's last word to a request that outlives drain_timeout
            if not status:
                await problem_response(NotReadyError("leaving"), request_id)(scope, receive, observed_send)
        except Exception as error:
            kind = kind_of(error)
            self._metrics.rejected.labels(kind.name).inc()
            if kind.status >= 500 and not kind.retry_after:
                log.exception("request %s failed", request_id)
            if status:
                raise
            await problem_response(error, request_id)(scope, receive, observed_send)
        finally:
            self._record(scope, status, perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope.get("route")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.answered(getattr(route, "path", "unmatched"), method, status, seconds)
        if self._access_log:
            client = scope.get("client")
            fields = {
                "request_id": scope["state"]["request_id"],
                "client": client[0] if client else None,
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "duration_ms": round(seconds * 1e3, 3),
            }
            access_log.info("request", extra={"fields": fields})

    def _request_id(self, scope: Scope) -> str:
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                return bytes(value).decode()
        return f"{self._ids_begin}{next(self._ids_end):012x}"


async def router_refusal(request: Request, error: Exception) -> Response:
    """Answer what the router refuses with the one problem body (an exception handler of Starlette's)."""
    assert isinstance(error, HTTPException)
    detail = f"{request.method} {request.url.path}: {error.detail}; /docs lists the routes"
    return http_response(error.status_code, detail, dict(error.headers or {}), request.state.request_id)
