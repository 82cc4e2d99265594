"""Which failures are tried again, when, and for how long: against servers that fail as they are told to."""

import json
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import api_keys
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import Answer, Drop, ScriptedServer
from waiting import wait_until

from pricerange_client import (
    Client,
    ConnectionFailedError,
    DeadlineError,
    RateLimitedError,
    ServiceDeadlineError,
    ServiceError,
    TimedOutError,
    TlsError,
    UnavailableError,
    UnexpectedAnswerError,
)
from pricerange_client.attempts import Attempts, Retries

Ask = Callable[..., Any]
ROLLOUT = Answer(
    body=b'{"file":null,"digest":null,"valid":true,"problem":null,"refused":{},"generation":1,"loading":[],'
    b'"stable":"1","canary":null,"shadows":[],"state_kept":true,"state_problem":null,"versions":{},"workers":[]}'
)


def problem(status: int, kind: str, **headers: str) -> Answer:
    told = {"type": f"urn:pricerange:problem:{kind}", "title": "T", "detail": "d", "errors": []}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps(told).encode(), {"Content-Type": "application/problem+json", **named})


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(problem(503, "overloaded"), id="503"),
        pytest.param(problem(429, "rate-limited"), id="429"),
        pytest.param(Answer(502, b"<html>"), id="a proxy's 502"),
        pytest.param(Drop, id="a dropped connection"),
    ],
)
def test_what_may_pass_is_tried_again(ask: Ask, failure: Answer | type[Drop]) -> None:
    with ScriptedServer([failure, failure, ROLLOUT]) as scripted:
        assert ask(scripted.url, "rollout").valid
        assert len(scripted.asked) == 3


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(problem(500, "internal"), id="500"),
        pytest.param(problem(504, "deadline"), id="504"),
        pytest.param(problem(422, "invalid-input"), id="422"),
        pytest.param(Answer(200, b"<html>"), id="no JSON"),
        pytest.param(Answer(200, b"[" * 100_000), id="JSON of any depth"),
        pytest.param(Answer(200, b'{"valid":true}'), id="another service"),
    ],
)
def test_what_will_not_pass_is_not_tried_again(ask: Ask, failure: Answer) -> None:
    with ScriptedServer([failure, ROLLOUT]) as scripted:
        with pytest.raises((ServiceError, UnexpectedAnswerError)):
            ask(scripted.url, "rollout")
        assert len(scripted.asked) == 1


@pytest.mark.parametrize("failure", [problem(503, "not-ready"), Drop], ids=["503", "a dropped connection"])
def test_what_changes_the_service_is_sent_once(ask: Ask, failure: Answer | type[Drop]) -> None:
    with ScriptedServer([failure, ROLLOUT]) as scripted:
        with pytest.raises((UnavailableError, ConnectionFailedError)):
            ask(scripted.url, "reload_rollout")
        assert [one.path for one in scripted.asked] == ["/rollout/reload"]


def test_no_more_than_so_many_times(ask: Ask) -> None:
    with ScriptedServer([problem(503, "overloaded")]) as scripted:
        with pytest.raises(UnavailableError, match="503 T: d") as failed:
            ask(scripted.url, "rollout", retries=2)
        assert failed.value.kind == "overloaded"
        assert len(scripted.asked) == 3
        url = scripted.url
    with pytest.raises(ConnectionFailedError, match=r"/rollout: .* \(tried once\)"):
        ask(url, "rollout", retries=0)


def test_the_service_says_when_to_come_back(ask: Ask) -> None:
    with ScriptedServer([problem(503, "overloaded", Retry_After="1"), ROLLOUT]) as scripted:
        ask(scripted.url, "rollout")
        first, second = (one.when for one in scripted.asked)
        assert 1 <= second - first < 4


def test_a_pause_that_the_time_does_not_allow_is_not_begun(ask: Ask) -> None:
    with ScriptedServer([problem(429, "rate-limited", Retry_After="60")]) as scripted:
        began = time.monotonic()
        with pytest.raises(RateLimitedError) as failed:
            ask(scripted.url, "rollout", timeout=40)
        assert failed.value.retry_after == 60
        assert time.monotonic() - began < 20


def test_a_limit_of_the_key_is_waited_for(
    locked: Any, ask: Ask, phone: dict[str, float], request: pytest.FixtureRequest
) -> None:
    name = "slow-1" if "async" in request.node.name else "slow-2"
    options = {"api_key": api_keys.secret(name), "verify": str(locked.certificates)}
    assert len(ask(locked.server.url, "predict_batch", [phone] * 3, **options)) == 3
    assert ask(locked.server.url, "predict", phone, **options).price_range in range(4)
    assert locked.server.log(status=429, key=name)


def test_the_service_is_told_how_much_time_is_left(ask: Ask) -> None:
    with ScriptedServer([replace(problem(503, "overloaded"), pause=0.05), ROLLOUT]) as scripted:
        ask(scripted.url, "rollout", timeout=5)
        first, second = (int(one.headers["x-request-timeout-ms"]) for one in scripted.asked)
        assert 2_000 < second < first <= 4_900
        scripted.asked.clear()
        ask(scripted.url, "rollout", timeout=1e6)
        assert scripted.asked[-1].headers["x-request-timeout-ms"] == "3600000"


@pytest.mark.parametrize(
    "slow",
    [
        pytest.param(Answer(pause=5), id="no answer"),
        pytest.param(Answer(body=b" " * 100, parts=100, pause=0.05), id="an answer in drops"),
    ],
)
def test_a_call_ends_in_time(ask: Ask, slow: Answer) -> None:
    with ScriptedServer([slow]) as scripted:
        began = time.monotonic()
        with pytest.raises(TimedOutError, match=r"/rollout: no answer within 0.3 s"):
            ask(scripted.url, "rollout", timeout=0.3)
        assert time.monotonic() - began < 4


def test_the_services_own_deadline_is_one_too(ask: Ask) -> None:
    with ScriptedServer([problem(504, "deadline")]) as scripted:
        with pytest.raises(DeadlineError) as failed:
            ask(scripted.url, "rollout")
        assert isinstance(failed.value, ServiceDeadlineError)


def raised(failure: httpx.RequestError, cause: BaseException) -> httpx.RequestError:
    """A failure as httpx raises it, on another of the library below."""
    failure.__cause__ = OSError()
    failure.__cause__.__context__ = cause
    return failure


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (raised(httpx.ConnectError("c"), ssl.SSLCertVerificationError()), TlsError),
        (raised(httpx.ConnectError("c"), ssl.SSLEOFError()), ConnectionFailedError),
        (raised(httpx.ReadError("r"), ssl.SSLError()), ConnectionFailedError),
        (httpx.RemoteProtocolError(""), ConnectionFailedError),
        (httpx.DecodingError("d"), ConnectionFailedError),
        (httpx.PoolTimeout("p"), TimedOutError),
    ],
    ids=lambda value: getattr(value, "__name__", repr(value)),
)
def test_what_breaks_off_over_tls_is_no_lack_of_trust(
    failure: httpx.RequestError, kind: type[Exception]
) -> None:
    error = Attempts("http://phones", 1, Retries(1)).failed(failure)
    assert type(error) is kind
    assert error.__cause__ is failure


def test_an_answer_that_cannot_be_decoded_is_no_answer(ask: Ask) -> None:
    with ScriptedServer([Answer(headers={"Content-Encoding": "gzip"}), ROLLOUT]) as scripted:
        assert ask(scripted.url, "rollout").valid


def test_the_wait_for_a_connection_counts() -> None:
    slow = Answer(body=ROLLOUT.body, pause=1)
    with (
        ScriptedServer([slow, replace(slow, pause=5)]) as scripted,
        Client(scripted.url, connections=1) as client,
        ThreadPoolExecutor() as threads,
    ):
        first = threads.submit(client.rollout)
        wait_until(lambda: scripted.asked)
        began = time.monotonic()
        with pytest.raises(TimedOutError):
            client.rollout(timeout=2)
        assert time.monotonic() - began < 2.7
        assert first.result().valid


def test_a_header_that_cannot_be_sent_is_no_failure_of_the_service(ask: Ask) -> None:
    for headers in ({"X-Shop": "a\nb"}, {"X-Shop": "\u00fc"}, {"X Shop": "a"}, {"X-Shop": " a"}):
        with pytest.raises(ValueError, match="headers: expected printable ASCII"):
            ask("http://127.0.0.1:1", "rollout", headers=headers)
        with pytest.raises(ValueError, match="headers: expected printable ASCII"):
            Client(headers=headers)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_no_time_is_refused(ask: Ask, seconds: float) -> None:
    with pytest.raises(ValueError, match="timeout: expected more than 0 seconds"):
        ask("http://127.0.0.1:1", "rollout", timeout=seconds)
    with pytest.raises(ValueError, match="timeout: expected more than 0 seconds"):
        Client(timeout=seconds)


@given(
    chance=st.floats(0, 1, exclude_max=True),
    asked=st.none() | st.integers(0, 3),
    most=st.integers(0, 12),
)
def test_pauses_grow_are_bounded_and_never_shorter_than_asked(
    chance: float, asked: int | None, most: int
) -> None:
    error = UnavailableError(503, "urn:pricerange:problem:overloaded", "T", "d", (), None, None, asked)
    attempts = Attempts("http://phones", 1_000, Retries(most, lambda: chance))
    pauses = []
    for _ in range(most):
        attempts.begin()
        pauses.append(attempts.pause(error, retried=True))
    attempts.begin()
    with pytest.raises(UnavailableError):
        attempts.pause(error, retried=True)
    at_least = float(asked or 0)
    assert all(at_least <= pause <= at_least + 2 for pause in pauses)
    assert pauses == sorted(pauses)
