"""`ModelStreamInfer`: requests of one call in order, their answers in order, several under way."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import grpc
from google.protobuf.message import DecodeError

from service.errors import NotReadyError, TooManyStreamsError
from service.grpc.calls import Answer, Calls, Context
from service.grpc.proto.open_inference_grpc_pb2 import (
    ModelInferRequest,
    ModelInferResponse,
    ModelStreamInferResponse,
)
from service.grpc.refusal import refusal
from service.grpc.wire import field

FEWEST_STREAMS = 64
"""Streams that may be open at once in any case."""
_MOST_UNDER_WAY = 16
"""Requests of a stream that are answered, or whose answers wait to be read; a further one has to wait."""
_ANSWER = ModelStreamInferResponse.INFER_RESPONSE_FIELD_NUMBER


class Stream:
    """Answers streams. What is wrong with a request is told as its answer, and the stream goes on.

    Each request is counted, charged and logged as one of its own, with a deadline of its own. At most `most`
    are open at once: each takes the place of a call for as long as its client likes.
    """

    def __init__(self, calls: Calls, path: str, answer: Answer) -> None:
        self.most = FEWEST_STREAMS
        self._calls = calls
        self._path = path
        self._answer = answer
        self._receiving: set[asyncio.Task[None]] = set()

    def handler(self) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Return the handler of the method."""
        return grpc.stream_stream_rpc_method_handler(self._handle)

    def end(self) -> None:
        """Receive nothing more; streams end once what is under way is answered."""
        for receiving in self._receiving:
            receiving.cancel()

    async def _handle(self, messages: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
        state = await self._calls.admitted(self._path, context)
        if len(self._receiving) >= self.most:
            await self._calls.refuse(TooManyStreamsError(self.most), state, context)
        self._calls.drop(state)
        places = asyncio.Semaphore(_MOST_UNDER_WAY)
        under_way: asyncio.Queue[asyncio.Task[bytes] | None] = asyncio.Queue()
        tasks: set[asyncio.Task[bytes]] = set()

        async def receive() -> None:
            async for message in messages:
                await places.acquire()
                task = asyncio.create_task(self._answered(message, context))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                under_way.put_nowait(task)

        receiving = asyncio.create_task(receive())
        self._receiving.add(receiving)
        receiving.add_done_callback(lambda _: under_way.put_nowait(None))
        try:
            while (task := await under_way.get()) is not None:
                yield await task
                places.release()
            if receiving.cancelled():
                await self._calls.refuse(NotReadyError("draining"), state, context)
        finally:
            self._receiving.discard(receiving)
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
