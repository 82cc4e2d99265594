"""The standard health service: what `/readyz` tells, for clients that ask by gRPC, or watch."""

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from pricerange.errors import PriceRangeError
from service.errors import NotReadyError, TooManyWatchersError, UnknownServiceError
from service.grpc.calls import Calls, Context
from service.grpc.infer_request import decoded
from service.http.keys.roles import HEALTH_SERVICE, INFERENCE_SERVICE
from service.http.request_state import RequestState

_SERVICES = ("", INFERENCE_SERVICE)
"""Whose health is told: the server's as a whole, and that of the one service, which is the same."""
MOST_WATCHERS = 128
"""Clients that watch a worker at once, half of the calls that it takes at least: they need no key."""
_SERVING: int = HealthCheckResponse.SERVING
_NOT_SERVING: int = HealthCheckResponse.NOT_SERVING
_UNKNOWN: int = HealthCheckResponse.SERVICE_UNKNOWN


class Health:
    """Answers `Check` and `Watch`; `require_ready` raises where requests are not answered."""

    def __init__(self, require_ready: Callable[[], None]) -> None:
        self._require_ready = require_ready
        self._told = self._status()
        self._changed = asyncio.Event()
        self._watchers = 0
        self._ended = False

    def look(self) -> None:
        """Tell those who watch where the status has changed; called ten times a second, and when it must."""
        status = self._status()
        if status != self._told:
            self._told = status
            self._wake()

    def end(self) -> None:
        """Let go those who watch: they would keep the server from its end."""
        self._ended = True
        self._wake()

    def handlers(self, calls: Calls) -> "dict[str, grpc.RpcMethodHandler[bytes, bytes]]":
        """Return the handlers of the service's methods, by their paths."""
        check, watch = (f"/{HEALTH_SERVICE}/{method}" for method in ("Check", "Watch"))

        async def watched(messages: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
            state = await calls.admitted(watch, context)
            try:
                service = decoded(await calls.message(context), HealthCheckRequest).service
                if self._watchers == MOST_WATCHERS:
                    raise TooManyWatchersError(MOST_WATCHERS)
            except asyncio.CancelledError:
                calls.given_up(state, context)
                calls.close(state)
                raise
            except PriceRangeError as error:
                await calls.refuse(error, state, context)
            calls.begun(state)
            self._watchers += 1
            try:
                async for answer in self._watch(service):
                    yield answer
                await calls.refuse(NotReadyError("draining"), state, context)
            finally:
                self._watchers -= 1

        return {
            check: calls.unary(check, self._check),
            watch: grpc.stream_stream_rpc_method_handler(watched),
        }

    async def _check(self, message: bytes, state: RequestState) -> bytes:
        service = decoded(message, HealthCheckRequest).service
        if service not in _SERVICES:
            raise UnknownServiceError(INFERENCE_SERVICE, service)
        return _told(self._status())

    async def _watch(self, service: str) -> AsyncIterator[bytes]:
        """Yield the status now and whenever it changes, until the end."""
        told = None
        while not self._ended:
            changed, status = self._changed, self._status()
            if service not in _SERVICES:
                status = _UNKNOWN
            if status != told:
                told = status
                yield _told(status)
            await changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _status(self) -> int:
        try:
            self._require_ready()
        except PriceRangeError:
            return _NOT_SERVING
        return _SERVING


def _told(status: int) -> bytes:
    message: bytes = HealthCheckResponse(status=status).SerializeToString()
    return message
