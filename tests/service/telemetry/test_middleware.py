"""What is recorded of an answer that does not get to its end."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.types import Message, Receive, Scope, Send

from service.http.budget import MemoryBudget
from service.http.framing.head import Head
from service.http.request_state import Requests
from service.telemetry.middleware import Middleware

START: Message = {"type": "http.response.start", "status": 200}


async def nothing(*_: object) -> Message:
    return {"type": "http.request"}


def recorded(app: Callable[[Scope, Receive, Send], Awaitable[None]], *, disconnected: bool = False) -> int:
    """Have an application answer a request and return the status that is counted."""
    statuses: list[int] = []
    requests = Requests(
        10, MemoryBudget(1 << 20, lambda held: None), lambda state: statuses.append(state.status)
    )
    state = requests.open(Head("POST", b"/predict", "1.1", [], True, 0), None, None)
    state.disconnected = disconnected
    scope: Scope = {"type": "http"}
    state.travel_in(scope)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(Middleware(app, 30.0)(scope, nothing, nothing))  # type: ignore[arg-type]
    return statuses[-1]


async def breaks_off(scope: Scope, receive: Receive, send: Send) -> None:
    await send({**START, "headers": []})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    raise ZeroDivisionError


def test_an_answer_that_breaks_off_is_no_success() -> None:
    assert recorded(breaks_off) == 0


def test_an_answer_that_breaks_off_since_its_client_left_is_no_failure() -> None:
    assert recorded(breaks_off, disconnected=True) == 200
