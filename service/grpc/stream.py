"""`ModelStreamInfer`: requests of one call in order, their answers in order, several under way."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import grpc
from google.protobuf.message import DecodeError

from service.grpc.calls import Answer, Calls, Context
from service.grpc.proto.open_inference_grpc_pb2 import (
    ModelInferRequest,
    ModelInferResponse,
    ModelStreamInferResponse,
)
from service.grpc.refusal import refusal
from service.grpc.wire import field

_MOST_UNDER_WAY = 16
"""Requests of a stream that are answered, or whose answers wait to be read: no further one is received."""
_ANSWER = ModelStreamInferResponse.INFER_RESPONSE_FIELD_NUMBER


class Stream:
    """Answers streams. What is wrong with a request is told as its answer, and the stream goes on.

    Each request is counted, charged and logged as one of its own, with a deadline of its own.
    """

    def __init__(self, calls: Calls, path: str, answer: Answer) -> None:
        self._calls = calls
        self._path = path
        self._answer = answer

    def handler(self) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Return the handler of the method."""
        return grpc.stream_stream_rpc_method_handler(self._handle)

    async def _handle(self, messages: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
        self._calls.drop(await self._calls.admitted(self._path, context))
        under_way: asyncio.Queue[asyncio.Task[bytes] | None] = asyncio.Queue(_MOST_UNDER_WAY)
        tasks: set[asyncio.Task[bytes]] = set()

        async def receive() -> None:
            async for message in messages:
                task = asyncio.create_task(self._answered(message, context))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                await under_way.put(task)
            await under_way.put(None)

        receiving = asyncio.create_task(receive())
        try:
            while (task := await under_way.get()) is not None:
                yield await task
        finally:
            for left in (receiving, *tasks):
                left.cancel()

    async def _answered(self, message: bytes, context: Context) -> bytes:
        state = self._calls.open(self._path, context)
        try:
            self._calls.admit(state, self._path, context)
            return field(_ANSWER, await self._calls.answered(self._answer, message, state))
        except asyncio.CancelledError:
            self._calls.given_up(state, context)
            raise
        except Exception as error:
            refused = refusal(error, state)
            of_request = ModelInferResponse(id=_id_of(message))
            answer = ModelStreamInferResponse(error_message=refused.message, infer_response=of_request)
            return answer.SerializeToString()
        finally:
            self._calls.close(state)


def _id_of(message: bytes) -> str:
    """Return by which id a request wants to know its answer, if it can be read."""
    with contextlib.suppress(DecodeError):
        return ModelInferRequest.FromString(message).id
    return ""
