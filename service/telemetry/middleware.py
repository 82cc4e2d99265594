"""Around every request: its id, its errors, its metrics, its line in the access log."""

import asyncio
import itertools
import logging
import re
import secrets
from collections.abc import Mapping
from time import monotonic

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pricerange.errors import PriceRangeError
from service.errors import NotReadyError
from service.http import deadline
from service.http.connection import Wire
from service.http.deadline import Deadline
from service.http.problems import http_response, kind_of, problem_response, reason_of
from service.http.reply import Reply
from service.settings import Settings
from service.telemetry.metrics import Metrics

log = logging.getLogger(__name__)
access_log = logging.getLogger("service.access")

_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")


class Observe:
    """The outermost ASGI application: nothing escapes it."""

    def __init__(self, app: ASGIApp, metrics: Metrics, settings: Settings) -> None:
        self._app = app
        self._metrics = metrics
        self._settings = settings
        self._ids_begin = secrets.token_hex(10).encode()
        self._ids_end = itertools.count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer; answer for it what it refuses."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope["state"]

        async def observed_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                state["status"] = message["status"]
                message["headers"].append((b"x-request-id", state["request_id"]))
            elif not message.get("more_body", False):
                self.record(scope)
            await send(message)

        try:
            deadline.begin(self.begin(scope))
            await self._app(scope, receive, observed_send)
        except asyncio.CancelledError:
            # the server's last word to a request that outlives drain_timeout
            if not state["status"]:
                await self.refusal(NotReadyError("leaving"), state["request_id"])(
                    scope, receive, observed_send
                )
        except Exception as error:
            if state["status"]:
                raise
            await self.refusal(error, state["request_id"])(scope, receive, observed_send)
        finally:
            self.record(scope)

    def begin(self, scope: Scope) -> Deadline:
        """Note in the state of a request what is to be known of it, and return what it may take.

        Raises `RequestHeaderError` for a deadline that is none.
        """
        state = scope["state"]
        headers = state["headers"] = dict(scope["headers"])
        state["request_id"] = self._request_id(headers)
        state["receive_timeout"] = self._settings.receive_timeout
        state["status"] = 0
        state["began"] = monotonic()
        state["finish"] = self.finish
        return deadline.of(headers, self._settings.request_timeout)

    def finish(
        self, scope: Scope, wire: Wire, status: int, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> None:
        """Send a whole answer."""
        state = scope["state"]
        state["status"] = status
        headers.append((b"x-request-id", state["request_id"]))
        self.record(scope)
        wire.answer(status, headers, body)

    def refuse(self, error: PriceRangeError, client: str | None) -> Reply:
        """Answer a request of which no more than an error is known; the server sends it."""
        request_id = self._request_id({})
        response = self.refusal(error, request_id)
        response.raw_headers.append((b"x-request-id", request_id))
        state = {"request_id": request_id, "status": response.status_code, "began": monotonic()}
        self.record({"method": "", "path": "", "client": client and (client, 0), "state": state})
        return response

    def refusal(self, error: Exception, request_id: bytes) -> Reply:
        """Count an error and make its answer, which still lacks the id among its headers."""
        kind = kind_of(error)
        self._metrics.rejected(kind.name)
        if kind.status >= 500 and not isinstance(error, PriceRangeError):
            log.error("request %s failed", request_id.decode(), exc_info=error)
        return problem_response(error, request_id.decode())

    async def raised(self, request: Request, error: Exception) -> Response:
        """Answer what the router refuses and what is raised behind it (Starlette's exception handler)."""
        request_id = request.state.request_id
        if not isinstance(error, HTTPException):
            return self.refusal(error, request_id)
        self._metrics.rejected(reason_of(error.status_code))
        detail = f"{request.method} {request.url.path}: {error.detail}; /docs lists the routes"
        return http_response(error.status_code, detail, dict(error.headers or {}), request_id.decode())

    def record(self, scope: Scope) -> None:
        """Count a request and write its line, before its last bytes leave: no answer is without its count."""
        state = scope["state"]
        began = state.pop("began", None)
        if began is None:
            return
        Wire.forget(scope)
        seconds = monotonic() - began
        status = state["status"]
        route = scope.get("route")
        self._metrics.answered(getattr(route, "path", "unmatched"), scope["method"], status, seconds)
        if self._settings.access_log:
            client = scope.get("client")
            fields = {
                "request_id": state["request_id"].decode(),
                "client": client[0] if client else None,
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "duration_ms": round(seconds * 1e3, 3),
            }
            access_log.info("request", extra={"fields": fields})

    def _request_id(self, headers: Mapping[bytes, bytes]) -> bytes:
        given = headers.get(b"x-request-id")
        if given is not None and _REQUEST_ID.fullmatch(given):
            return given
        return b"%b%012x" % (self._ids_begin, next(self._ids_end))
