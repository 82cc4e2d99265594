"""Settings from the environment: what others put there, and what is empty, is not taken for a setting."""

import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from live_server import PRICERANGE, Server

from pricerange.errors import SettingsError
from service.process.listener import bind
from service.settings import Settings


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(f"PRICERANGE_{name.upper()}", "")
    assert Settings() == Settings.model_construct(
        **{name: field.default for name, field in Settings.model_fields.items()}
    )


@pytest.mark.parametrize("link", ["tcp://10.0.0.1:80", "udp://10.0.0.1:80", "tcp://[fd00::1]:80"])
def test_a_service_link_of_kubernetes_is_no_port(monkeypatch: pytest.MonkeyPatch, link: str) -> None:
    monkeypatch.setenv("PRICERANGE_PORT", link)
    with pytest.warns(UserWarning, match="Kubernetes sets for a Service named pricerange"):
        assert Settings().port == 8000


def test_a_service_link_is_no_port_for_grpc_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICERANGE_GRPC_PORT", "tcp://10.0.0.1:8001")
    with pytest.warns(UserWarning, match="for a Service named pricerange-grpc; not listening for gRPC"):
        assert Settings().grpc_port is None


def test_a_port_that_is_none_is_still_an_error() -> None:
    ended = subprocess.run(
        [PRICERANGE, "serve", "--models", "nowhere"],
        env={"PRICERANGE_PORT": "http"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 22
    assert "PRICERANGE_PORT" in ended.stderr


def test_variables_of_others_do_not_stop_the_start(
    monkeypatch: pytest.MonkeyPatch, model_repository: Path, start: Callable[..., Server]
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "auto")
    monkeypatch.setenv("PRICERANGE_PORT", "tcp://10.0.0.1:80")
    monkeypatch.setenv("PRICERANGE_SERVICE_HOST", "10.0.0.1")
    server = start(model_repository).wait_until_ready()
    assert server.end() == 0
    assert not any("Traceback" in line for line in server.lines)


@pytest.mark.parametrize(
    ("host", "family"),
    [("127.0.0.1", socket.AF_INET), ("localhost", None), ("::1", socket.AF_INET6)],
)
def test_an_address_or_a_name_is_listened_on(host: str, family: socket.AddressFamily | None) -> None:
    if family == socket.AF_INET6 and not socket.has_ipv6:
        pytest.skip("no IPv6")
    with bind(host, 0) as listener:
        assert family is None or listener.family == family
        assert listener.getsockname()[1] > 0


def test_brackets_of_an_ipv6_address_are_understood() -> None:
    assert Settings(host="[::1]").host == "::1"


def test_a_name_without_an_address_is_an_error_of_the_setting() -> None:
    with pytest.raises(SettingsError, match="host: expected an address"):
        bind("no-such-host.invalid", 0)
