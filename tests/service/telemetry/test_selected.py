"""Which requests the access log is about: paths left out, and a share of the successful ones."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from live_server import NO_TLS, Server

from pricerange.errors import SettingsError
from service.command import _settings
from service.http.budget import MemoryBudget
from service.http.framing.head import Head
from service.http.request_state import Requests, RequestState
from service.telemetry.selected import SelectedRequests

REQUESTS = Requests(10, MemoryBudget(1 << 20, lambda held: None), lambda state: None)


class Written:
    def __init__(self) -> None:
        self.statuses: list[int] = []

    def write(self, state: RequestState, seconds: float) -> None:
        self.statuses.append(state.status)


def write(log: SelectedRequests, status: int, target: bytes = b"/predict") -> None:
    state = REQUESTS.open(Head("GET", target, "1.1", [], True, 0), None, None)
    state.status = status
    log.write(state, 0.001)


def test_a_share_of_the_successful_requests_is_written_and_every_error() -> None:
    written = Written()
    log = SelectedRequests(written, frozenset(), 0.25)
    for status in (200, 304, 404, 422, 503, 0):
        for _ in range(1_000):
            write(log, status)
    for status in (200, 304):
        assert 180 < written.statuses.count(status) < 320  # five standard deviations
    for status in (404, 422, 503, 0):
        assert written.statuses.count(status) == 1_000


@pytest.mark.parametrize("status", [200, 503])
def test_paths_that_are_left_out_are_never_written(status: int) -> None:
    written = Written()
    log = SelectedRequests(written, frozenset({"/livez", "/metrics"}), 1.0)
    write(log, status, b"/livez")
    write(log, status, b"/metrics?a=b")
    write(log, status, b"/livez/")
    assert len(written.statuses) == 1


def test_a_server_leaves_out_of_its_log_what_it_is_told_to(
    start: Callable[..., Server], model_repository: Path, phone: dict[str, float]
) -> None:
    server = start(model_repository, "--access-log-exclude", "/livez, /readyz").wait_until_ready()
    with httpx.Client(base_url=server.url, verify=NO_TLS) as client:
        client.get("/livez").raise_for_status()
        client.post("/predict", json=phone).raise_for_status()
        client.get("/nowhere")
    assert server.end() == 0
    paths = [line["path"] for line in server.log(logger="service.access")]
    assert paths == ["/predict", "/nowhere"]


def test_paths_to_leave_out_begin_with_a_slash() -> None:
    with pytest.raises(SettingsError, match="a slash in front, not 'livez'"):
        _settings({"access_log_exclude": "/readyz,livez"})
