"""Which role a request needs, and where nobody may change what is served."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from live_server import NO_TLS, Server

from service.http.framing.head import Head
from service.http.keys.roles import is_loopback, roles_for

DESCRIBE = {"predict", "admin"}


@pytest.mark.parametrize(
    ("method", "path", "roles"),
    [
        ("POST", "/predict", {"predict"}),
        ("POST", "/predict/batch", {"predict"}),
        ("POST", "/predict/what-if", {"predict"}),
        ("POST", "/v1/models/phone_price_range:predict", {"predict"}),
        ("POST", "/v2/models/phone_price_range/infer", {"predict"}),
        ("GET", "/model", DESCRIBE),
        ("GET", "/drift", DESCRIBE),
        ("HEAD", "/docs", DESCRIBE),
        ("GET", "/rollout", DESCRIBE),
        ("GET", "/nowhere", DESCRIBE),
        ("POST", "/v2/repository/index", DESCRIBE),
        ("POST", "/rollout/reload", {"admin"}),
        ("PUT", "/rollout", {"admin"}),
        ("POST", "/v2/repository/models/phone_price_range/load", {"admin"}),
        ("POST", "/v2/repository/models/phone_price_range/unload", {"admin"}),
        ("GET", "/v2/repository/models/phone_price_range/load", DESCRIBE),
        ("POST", "/rollouts", {"predict"}),
        ("GET", "/metrics", {"metrics"}),
        ("POST", "/metrics", {"metrics"}),
    ],
)
def test_what_a_role_is_for(method: str, path: str, roles: set[str]) -> None:
    assert roles_for(Head(method, path.encode(), "1.1", [], True, 0)) == roles


def test_an_escaped_path_needs_what_the_plain_one_needs() -> None:
    assert roles_for(Head("POST", b"/%72ollout/reload", "1.1", [], True, 0)) == {"admin"}


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("phones.example", False),
    ],
)
def test_a_loopback_address_is_told_from_others(host: str, loopback: bool) -> None:
    assert is_loopback(host) == loopback


@pytest.mark.parametrize(
    ("flags", "allowed"),
    [
        pytest.param((), True, id="loopback"),
        pytest.param(("--host", "0.0.0.0"), False, id="every-interface"),
        pytest.param(("--forwarded-allow-ips", "127.0.0.1"), False, id="behind-a-proxy"),
    ],
)
def test_without_keys_what_is_served_is_changed_from_this_machine_alone(
    start: Callable[..., Server],
    model_repository: Path,
    phone: dict[str, float],
    flags: tuple[str, ...],
    allowed: bool,
) -> None:
    server = start(model_repository, *flags).wait_until_ready()
    with httpx.Client(base_url=server.url, verify=NO_TLS) as client:
        for path in ("/rollout/reload", "/v2/repository/models/nobody/load"):
            answer = client.post(path)
            assert (answer.status_code == 403) != allowed
            if not allowed:
                assert answer.json()["type"] == "urn:pricerange:problem:forbidden"
                assert "setting api_keys_file" in answer.json()["detail"]
            # a web page of another origin that a person here has open
            assert client.post(path, headers={"Origin": "https://example.com"}).status_code == 403
        assert client.post("/predict", json=phone).status_code == 200
        assert client.get("/model").status_code == 200
        refused = 2 if allowed else 4
        assert f'rejected_total{{reason="forbidden"}} {refused}.0' in client.get("/metrics").text
