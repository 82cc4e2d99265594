"""The outermost ASGI application: every request is recorded, and every error answered."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import NotReadyError
from service.http import deadline, trace_context
from service.http.cors import Cors
from service.http.problems import rejection
from service.http.reply import Reply
from service.http.request_state import RequestState

_NO_CONTENT = 204


class Middleware:
    """Lets the application answer within the request's deadline; answers for it what it rejects."""

    def __init__(self, app: ASGIApp, request_timeout: float) -> None:
        self._app = app
        self._request_timeout = request_timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        state = RequestState.of(scope)
        if state.requests.cors is not None and Cors.is_preflight(state.head):
            # without a key: a browser sends none
            await Reply.of_head(_NO_CONTENT, Cors.of_preflight(state.head))(scope, receive, send)
            return

        async def recorded_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                state.matched(scope)
                state.begin_answer(message["status"], message["headers"])
            elif not message.get("more_body", False):
                state.record()
            await send(message)

        try:
            if state.trace is not None:
                trace_context.begin(state.trace)
            deadline.begin(deadline.of(state.head.by_name, self._request_timeout, state.began))
            await self._app(scope, receive, recorded_send)
        except asyncio.CancelledError:
            # the server's last word to a request that outlives drain_timeout
            if state.status:
                state.break_off()
            else:
                await rejection(NotReadyError("leaving"), state)(scope, receive, recorded_send)
        except Exception as error:
            if state.status:
                state.break_off()
                raise
            await rejection(error, state)(scope, receive, recorded_send)
        finally:
            state.matched(scope)
            state.record()
