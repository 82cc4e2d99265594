"""Errors: a status code, the words of the other door, and details field by field."""

import asyncio
from typing import cast

import grpc
import numpy as np
import pytest
from grpc_messages import Details, ask, infer, infer_request
from hypothesis import given
from hypothesis import strategies as st
from live_server import Server

from pricerange.phone import Problem
from service.errors import DeadlineError, InferenceInputError, ServiceError
from service.grpc.calls import Calls, Context
from service.grpc.proto import open_inference_grpc_pb2 as pb
from service.grpc.refusal import refusal
from service.http.budget import MemoryBudget
from service.http.framing.head import unread_head
from service.http.request_state import Requests, RequestState
from service.model.gathering import Gathering


def state() -> RequestState:
    requests = Requests(1, MemoryBudget(1, lambda held: None), lambda state: None)
    return requests.open(unread_head(), None, None)


def test_phones_are_refused_field_by_field(grpc_server: Server, rows: np.ndarray) -> None:
    bad = rows[:5].copy()
    bad[3, 13] = 4
    bad[4, 0] = np.nan
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        infer(grpc_server.grpc_address, infer_request(bad), metadata=(("x-request-id", "mine"),))
    error = refused.value
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert error.details() == "row 4: ram must be a whole number between 128 and 131072 MB, got 4; and 1 more"
    details = Details(error)
    assert (details.kind, details.request_id) == ("invalid-inference", "mine")
    assert details.fields["/inputs/0"].startswith("row 5: battery_power must be a whole number")


@pytest.mark.parametrize(
    ("method", "message", "code", "kind"),
    [
        ("ModelInfer", infer_request(np.zeros((1, 20)), model_name="x"), "NOT_FOUND", "unknown-model"),
        ("ModelMetadata", pb.ModelMetadataRequest(name="x"), "NOT_FOUND", "unknown-model"),
        (
            "ModelConfig",
            pb.ModelConfigRequest(name="phone_price_range", version="9"),
            "NOT_FOUND",
            "unknown-version",
        ),
        ("ModelInfer", infer_request(np.zeros((1001, 20))), "INVALID_ARGUMENT", "too-many-rows"),
        ("ModelReady", b"\xff", "INVALID_ARGUMENT", "invalid-inference"),
        ("SystemSharedMemoryStatus", b"", "UNIMPLEMENTED", "unknown-method"),
        ("/grpc.health.v1.Health/Check", b"\x0a\x01x", "NOT_FOUND", "unknown-service"),
    ],
)
def test_each_cause_has_its_code(
    grpc_server: Server, method: str, message: pb.ModelInferRequest | bytes, code: str, kind: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        ask(grpc_server.grpc_address, method, message, pb.ModelInferResponse)
    assert refused.value.code().name == code
    assert Details(refused.value).kind == kind


def test_a_message_over_the_limit_is_refused_by_the_library(grpc_server: Server) -> None:
    for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
        with pytest.raises(grpc.aio.AioRpcError, match="larger than max") as refused:
            infer(grpc_server.grpc_address, bytes(20 << 20), compression=compression)
        assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_compressed_message_is_answered(grpc_server: Server, rows: np.ndarray) -> None:
    answer = infer(grpc_server.grpc_address, infer_request(rows), compression=grpc.Compression.Gzip)
    assert answer.outputs[0].shape[0] == len(rows)


def test_only_an_error_of_ours_is_internal() -> None:
    assert refusal(ZeroDivisionError(), state()).code == grpc.StatusCode.INTERNAL
    for error in ServiceError.__subclasses__():
        assert error.status not in (500, 501)


def test_a_refusal_that_nobody_waits_for_is_a_cancelled_call() -> None:
    class Over:
        async def abort(self, *_: object) -> None:
            raise grpc.aio.InternalError("the call is over")

    requests = Requests(1, MemoryBudget(1, lambda held: None), lambda state: None)
    calls = Calls(requests, lambda state: None, 1, Gathering())
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(calls.refuse(DeadlineError(1), state(), cast(Context, Over())))


@given(st.lists(st.tuples(st.text(max_size=300), st.text(max_size=300)), min_size=1, max_size=100))
def test_details_fit_into_what_clients_accept(problems: list[tuple[str, str]]) -> None:
    error = InferenceInputError([Problem(detail, pointer) for detail, pointer in problems], len(problems))
    refused = refusal(error, state())
    [(_, details)] = refused.metadata
    assert len(details) + len(refused.message.encode()) < 16_384
