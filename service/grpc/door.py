"""The second door: every method that is offered over gRPC, and how each is found."""

import asyncio
from collections.abc import Callable, Iterable

import grpc

from service.errors import NotReadyError, UnknownMethodError
from service.grpc import reflection
from service.grpc.calls import Calls
from service.grpc.health import Health
from service.grpc.methods import Methods
from service.grpc.stream import Stream
from service.http.keys.roles import INFERENCE_SERVICE
from service.http.request_state import Requests, RequestState
from service.model.gathering import Gathering
from service.open_inference.protocol import OpenInference


class GrpcDoor(grpc.GenericRpcHandler):
    """Finds the handler of a call; messages are bytes, which each handler reads itself, in one pass.

    Where it is `closed`, it holds calls back, counts them, and refuses them once connections end.
    """

    def __init__(
        self,
        protocol: OpenInference,
        requests: Requests,
        check: Callable[[RequestState], None],
        request_timeout: float,
        gathering: Gathering,
    ) -> None:
        self.calls = Calls(requests, check, request_timeout, gathering)
        self._gathering = gathering
        self.closed = False
        self.held_back = 0
        self._ending = asyncio.Event()
        self.health = Health(protocol.description.require_ready)
        methods = Methods(protocol)
        stream = f"/{INFERENCE_SERVICE}/ModelStreamInfer"
        self.streams = Stream(self.calls, stream, methods.infer)
        self._handlers = {
            **self.health.handlers(self.calls),
            **reflection.handlers(self.calls),
            stream: self.streams.handler(),
        }
        for name, answer in methods.unary().items():
            path = f"/{INFERENCE_SERVICE}/{name}"
            self._handlers[path] = self.calls.unary(path, answer)

    @property
    def paths(self) -> Iterable[str]:
        """Paths of the methods."""
        return self._handlers.keys()

    def look(self) -> None:
        """Do what is due ten times a second, and when readiness changes."""
        self.health.look()
        self.calls.look()

    def end(self) -> None:
        """Refuse the calls that are held back, and let go those without an end of their own."""
        self._ending.set()
        self.health.end()
        self.streams.end()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Return what answers a call."""
        path = handler_call_details.method
        self._gathering.note()
        handler = self._handlers.get(path)
        if handler is None:
            return self.calls.refusing(path, UnknownMethodError(path))
        if self.closed:
            self.held_back += 1
            return self.calls.refusing(path, NotReadyError("draining"), self._ending)
        return handler
