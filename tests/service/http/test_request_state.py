"""What a request's state is made of."""

import pytest

from service.http.budget import MemoryBudget
from service.http.framing.head import Head
from service.http.request_state import UNMATCHED, Requests, RequestState


class Writer:
    def __init__(self) -> None:
        self.written: list[tuple[int, bytes, bytes]] = []

    def take_body(self) -> None:
        raise NotImplementedError

    def write(self, status: int, header_lines: bytes, body: bytes) -> None:
        self.written.append((status, header_lines, body))


def recorded(states: list[RequestState]) -> Requests:
    return Requests(10.0, MemoryBudget(1 << 20, lambda _: None), states.append)


def head(headers: dict[bytes, bytes]) -> Head:
    return Head("GET", b"/", "1.1", list(headers.items()), True, 0)


def opened(headers: dict[bytes, bytes]) -> RequestState:
    return recorded([]).open(head(headers), "127.0.0.1", None)


def test_a_request_id_that_can_be_logged_is_kept() -> None:
    assert opened({b"x-request-id": b"abc-1"}).request_id == b"abc-1"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({b"x-request-id": b""}, id="empty"),
        pytest.param({b"x-request-id": b"a b"}, id="with a space"),
        pytest.param({b"x-request-id": b"a\x07"}, id="with a control character"),
        pytest.param({b"x-request-id": b"a" * 129}, id="too long"),
        pytest.param({b"x-request-id": b"a, b"}, id="two"),
    ],
)
def test_another_gets_an_id_of_ours_that_no_other_request_has(headers: dict[bytes, bytes]) -> None:
    requests = recorded([])
    ids = {requests.open(head(headers), None, None).request_id for _ in range(3)}
    assert len(ids) == 3
    assert all(len(own) == 32 and own not in headers.values() for own in ids)


def test_an_answer_is_recorded_with_its_status_and_carries_the_request_id() -> None:
    states: list[RequestState] = []
    writer = Writer()
    state = recorded(states).open(head({b"x-request-id": b"abc"}), None, writer)
    state.answer(200, b"content-length: 2\r\n", b"{}")
    assert states == [state]
    assert (state.status, state.route) == (200, UNMATCHED)
    lines = b"content-length: 2\r\ncache-control: no-store\r\nx-request-id: abc\r\n"
    assert writer.written == [(200, lines, b"{}")]
