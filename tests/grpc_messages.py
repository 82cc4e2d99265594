"""Calls over gRPC by messages of our own, and what their answers hold."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import grpc
import numpy as np
import numpy.typing as npt
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from service.grpc.proto import open_inference_grpc_pb2 as pb

NAME = "phone_price_range"
SERVICE = "/inference.GRPCInferenceService/"

M = TypeVar("M", bound=Message)
T = TypeVar("T")
Rows = npt.NDArray[Any]
Input = pb.ModelInferRequest.InferInputTensor
Output = pb.ModelInferRequest.InferRequestedOutputTensor


def infer_request(rows: Rows, **fields: Any) -> pb.ModelInferRequest:
    """Ask about phones, a row of float32 each, in bytes."""
    tensor = Input(name="features", datatype="FP32", shape=rows.shape)
    raw = rows.astype("<f4").tobytes()
    return pb.ModelInferRequest(
        **{"model_name": NAME, "inputs": [tensor], "raw_input_contents": [raw], **fields}
    )


def tensors_of(answer: pb.ModelInferResponse) -> dict[str, npt.NDArray[Any]]:
    """Return the outputs of an answer by name."""
    types = {"FP32": "<f4", "INT64": "<i8", "BOOL": "?"}
    return {
        output.name: np.frombuffer(raw, types[output.datatype]).reshape(output.shape)
        for output, raw in zip(answer.outputs, answer.raw_output_contents, strict=True)
    }


def with_channel(address: str, work: Callable[[grpc.aio.Channel], Awaitable[T]]) -> T:
    """Do something by a channel of its own."""

    async def run() -> T:
        options = (("grpc.max_send_message_length", -1), ("grpc.enable_retries", 0))
        async with grpc.aio.insecure_channel(address, options=options) as channel:
            return await work(channel)

    return asyncio.run(run())


async def call(
    channel: grpc.aio.Channel, method: str, request: Message | bytes, answer: type[M], **how: Any
) -> M:
    """Call a method of the protocol, or one by its whole path."""
    path = method if method.startswith("/") else SERVICE + method
    message = request if isinstance(request, bytes) else request.SerializeToString()
    found = await channel.unary_unary(path)(message, **how)
    return answer.FromString(found)


def ask(address: str, method: str, request: Message | bytes, answer: type[M], **how: Any) -> M:
    """Call a method of the protocol once."""
    return with_channel(address, lambda channel: call(channel, method, request, answer, **how))


def infer(address: str, request: Message | bytes, **how: Any) -> pb.ModelInferResponse:
    """Ask about phones once."""
    return ask(address, "ModelInfer", request, pb.ModelInferResponse, **how)


class Details:
    """What an error tells beyond its code and message."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        self.kind = self.request_id = self.trace_id = None
        self.fields: dict[str, str] = {}
        self.retry_after: float | None = None
        metadata = dict(error.trailing_metadata() or ())
        for detail in Status.FromString(metadata["grpc-status-details-bin"]).details:
            info, fields, retry = ErrorInfo(), BadRequest(), RetryInfo()
            if detail.Unpack(info):
                self.kind, self.request_id = info.reason, info.metadata["request_id"]
                self.trace_id = info.metadata.get("trace_id")
            elif detail.Unpack(fields):
                self.fields = {one.field: one.description for one in fields.field_violations}
            elif detail.Unpack(retry):
                self.retry_after = retry.retry_delay.seconds
