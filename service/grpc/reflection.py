"""Server reflection: tools such as grpcurl learn the services and their messages from the server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import cast

import grpc
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest

from service.errors import InferenceInputError
from service.grpc.calls import Calls, Context
from service.grpc.infer_request import decoded
from service.http.keys.roles import HEALTH_SERVICE, INFERENCE_SERVICE, REFLECTION_SERVICE

_IDLE = 5.0
"""Seconds after which who asks nothing more is let go: he holds the place of a call."""
_SERVICES = (INFERENCE_SERVICE, HEALTH_SERVICE, REFLECTION_SERVICE)


def handlers(calls: Calls) -> "dict[str, grpc.RpcMethodHandler[bytes, bytes]]":
    """Return the handler of the service's one method, by its path."""
    path = f"/{REFLECTION_SERVICE}/ServerReflectionInfo"
    servicer = reflection.aio.ReflectionServicer(_SERVICES)

    async def reflect(messages: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
        state = await calls.admitted(path, context)
        calls.begun(state)

        async def requests() -> AsyncIterator[ServerReflectionRequest]:
            with contextlib.suppress(TimeoutError):
                while (message := await asyncio.wait_for(context.read(), _IDLE)) is not grpc.aio.EOF:
                    try:
                        yield _of_service(decoded(cast("bytes", message), ServerReflectionRequest))
                    except InferenceInputError as error:
                        await calls.refuse(error, state, context)

        async for answer in servicer.ServerReflectionInfo(requests(), context):
            yield answer.SerializeToString()

    return {path: grpc.stream_stream_rpc_method_handler(reflect)}


def _of_service(request: ServerReflectionRequest) -> ServerReflectionRequest:
    """Look a method up as its service, whose file is the same: protobuf finds no methods."""
    service, _, _ = request.file_containing_symbol.rpartition(".")
    if service in _SERVICES:
        request.file_containing_symbol = service
    return request
