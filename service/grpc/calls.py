"""What holds for every call: its state, its deadline, its key, its record and its end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import Any, NoReturn, cast

import grpc

from pricerange.errors import PriceRangeError
from service.errors import (
    ClientDisconnectedError,
    DeadlineError,
    InferenceInputError,
    NotReadyError,
    SlowSenderError,
)
from service.grpc.head import Heads, Metadata, address_of
from service.grpc.refusal import refusal
from service.http import deadline, trace_context
from service.http.deadline import Deadline
from service.http.request_state import Requests, RequestState
from service.model.gathering import Gathering
from service.open_inference.inference import SMALL_BYTES

_OK = 200
_CANCELLED = 499
_TIMES = 8
"""How many times its size a message takes once it is read: a column of INT8 becomes one of float64."""
_MOST_SECONDS = 3_600.0
"""Of a call's deadline: what HTTP's header may ask for, too."""

_SOONER, _SOONER_SHARE = 0.05, 0.01
"""Seconds, and a share of a deadline, by which it passes sooner for the client, who then cancels the call: on
its way here it is rounded up."""
_MOMENT = 0.1
"""Seconds in which the library cancels a call that has no message because it is over."""

Context = grpc.aio.ServicerContext[Any, Any]
Answer = Callable[[bytes, RequestState], Awaitable[bytes]]
"""What answers a message of bytes with another."""


class Calls:
    """Opens, checks and records the calls of this process; `check` raises where a key is missing.

    `in_flight` is the number of those that are being answered, which are cancelled once the server is
    `leaving`.
    """

    def __init__(
        self,
        requests: Requests,
        check: Callable[[RequestState], None],
        request_timeout: float,
        gathering: Gathering,
    ) -> None:
        self._requests = requests
        self._check = check
        self._request_timeout = request_timeout
        self._gathering = gathering
        self._heads = Heads()
        self._awaiting: dict[asyncio.Task[Any], float] = {}
        self.in_flight = 0
        self.leaving = False

    def unary(self, path: str, answer: Answer) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Return the handler of a method that answers one message with one."""

        async def handle(messages: AsyncIterator[bytes], context: Context) -> bytes:
            state = self.open(path, context)
            try:
                self.admit(state, path, context)
                return await self.answered(answer, await self.message(context), state)
            except asyncio.CancelledError:
                self.given_up(state, context)
                raise
            except Exception as error:
                await self.refuse(error, state, context)
            finally:
                self.close(state)

        # as a stream, since the library waits for the message of a call that has one before it hands it over
        return grpc.stream_unary_rpc_method_handler(handle)

    def refusing(
        self, path: str, error: PriceRangeError, due: asyncio.Event | None = None
    ) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Return a handler that refuses a method, once that is due."""

        async def refuse(messages: AsyncIterator[bytes], context: Context) -> bytes:
            state = self.open(path, context)
            try:
                if due is not None:
                    await due.wait()
                await self.refuse(error, state, context)
            except asyncio.CancelledError:
                self.given_up(state, context)
                raise
            finally:
                self.close(state)

        return grpc.stream_unary_rpc_method_handler(refuse)

    def open(self, path: str, context: Context) -> RequestState:
        """Make the state of a call that begins now."""
        self.in_flight += 1
        metadata = cast("Metadata", context.invocation_metadata() or ())
        head = self._heads.of(path, metadata)
        return self._requests.open(head, address_of(context.peer()), None)

    def admit(self, state: RequestState, route: str, context: Context) -> None:
        """Begin the deadline of a call, and check its key. Raises what `check` and the deadline raise."""
        if state.trace is not None:
            trace_context.begin(state.trace)
        remaining = context.time_remaining()
        if remaining is None:
            ends = deadline.of(state.head.by_name, self._request_timeout, state.began)
        else:
            seconds = min(max(remaining, 0.0), _MOST_SECONDS)
            ends = Deadline(round(seconds, 3), state.began + seconds, True)
        deadline.begin(ends)
        self._check(state)
        state.route = route

    async def message(self, context: Context) -> bytes:
        """Receive the one message of a call.

        Raises `SlowSenderError`, and `InferenceInputError` where there is none.
        """
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._awaiting[task] = monotonic()
        try:
            message = await context.read()
        except asyncio.CancelledError:
            if task in self._awaiting:
                raise
            task.uncancel()
            raise SlowSenderError(self._requests.receive_timeout, "the message") from None
        finally:
            self._awaiting.pop(task, None)
        if message is grpc.aio.EOF:
            # of a call that is over, or whose message the library refuses, it says so a moment later
            await asyncio.sleep(_MOMENT)
            raise InferenceInputError.expected("the message", "one", "none")
        return cast("bytes", message)

    def look(self) -> None:
        """Wait no longer for messages that are late; called ten times a second.

        A timeout of asyncio for each would take a tenth of what a call takes.
        """
        latest = monotonic() - self._requests.receive_timeout
        for task in [task for task, began in self._awaiting.items() if began < latest]:
            del self._awaiting[task]
            task.cancel()

    async def answered(self, answer: Answer, message: bytes, state: RequestState) -> bytes:
        """Answer a message of a call that was admitted."""
        self._gathering.note()
        if len(message) > SMALL_BYTES:
            state.hold(_TIMES * len(message))
        reply = await answer(message, state)
        state.status = _OK
        return reply

    async def admitted(self, path: str, context: Context) -> RequestState:
        """Open a call whose messages come one by one, and end it where it is not admitted."""
        state = self.open(path, context)
        try:
            self.admit(state, path, context)
        except Exception as error:
            await self.refuse(error, state, context)
        return state

    async def refuse(self, error: Exception, state: RequestState, context: Context) -> NoReturn:
        """End a call with its error."""
        refused = refusal(error, state)
        self.close(state)
        try:
            await context.abort(*refused)
        except grpc.aio.InternalError:
            raise asyncio.CancelledError from None  # the call is over: nobody waits for its error

    def drop(self, state: RequestState) -> None:
        """Forget a call without a record: its messages are calls of their own."""
        self.in_flight -= 1
        state.drop()

    def begun(self, state: RequestState) -> None:
        """Record a call that has no end of its own, now that it is answered."""
        state.status = _OK
        self.close(state)

    def given_up(self, state: RequestState, context: Context) -> None:
        """Note that a call was cancelled: by the end of the server, its deadline or its client."""
        remaining = context.time_remaining()
        if self.leaving:
            state.status, state.rejected_as = NotReadyError.status, NotReadyError.kind
        elif remaining is not None and remaining <= _SOONER + _SOONER_SHARE * (monotonic() - state.began):
            state.status, state.rejected_as = DeadlineError.status, DeadlineError.kind
        else:
            state.status, state.rejected_as = _CANCELLED, ClientDisconnectedError.kind

    def close(self, state: RequestState) -> None:
        """Record a call, before its last bytes leave."""
        if not state.recorded:
            self.in_flight -= 1
            state.record()
