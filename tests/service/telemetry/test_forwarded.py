"""The client in the log behind a proxy: whom trusted proxies name, and never what a stranger writes."""

import ipaddress
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_server import NO_TLS, Server

from pricerange.errors import SettingsError
from service.command import _settings
from service.telemetry.forwarded import Proxies

PROXIES = "10.0.0.0/8, 192.0.2.7, fd00::/8"


@pytest.mark.parametrize(
    ("peer", "header", "client"),
    [
        pytest.param("10.0.0.1", b"203.0.113.9", "203.0.113.9", id="one proxy"),
        pytest.param("10.0.0.1", b"203.0.113.9, 10.2.3.4,192.0.2.7", "203.0.113.9", id="three proxies"),
        pytest.param("10.0.0.1", b"1.2.3.4, 203.0.113.9, 10.2.3.4", "203.0.113.9", id="a forged one before"),
        pytest.param("203.0.113.1", b"198.51.100.4", "203.0.113.1", id="a stranger"),
        pytest.param("10.0.0.1", None, "10.0.0.1", id="no header"),
        pytest.param("10.0.0.1", b"", "10.0.0.1", id="an empty header"),
        pytest.param("10.0.0.1", b"10.9.9.9, 10.8.8.8", "10.9.9.9", id="proxies alone"),
        pytest.param("10.0.0.1", b"unknown, 10.8.8.8", "10.8.8.8", id="a word before a proxy"),
        pytest.param("10.0.0.1", b'203.0.113.9, x"}', "10.0.0.1", id="garbage nearest"),
        pytest.param("10.0.0.1", b"203.0.113.9:4711", "203.0.113.9", id="a port"),
        pytest.param("10.0.0.1", b"[2001:db8::1]:4711", "2001:db8::1", id="IPv6 and a port"),
        pytest.param("fd00::1", b"2001:DB8:0::1", "2001:db8::1", id="IPv6"),
        pytest.param("::ffff:10.0.0.1", b"203.0.113.9", "203.0.113.9", id="IPv4 on IPv6"),
        pytest.param("10.0.0.1", b'fe80::1%"},{', "10.0.0.1", id="a zone"),
        pytest.param(None, b"203.0.113.9", None, id="no address"),
    ],
)
def test_the_client_is_the_nearest_that_is_no_proxy(
    peer: str | None, header: bytes | None, client: str | None
) -> None:
    assert Proxies(PROXIES).client(peer, header) == client


def test_where_everybody_is_trusted_the_client_is_the_farthest() -> None:
    assert Proxies("*").client("203.0.113.1", b"198.51.100.4, 10.0.0.1") == "198.51.100.4"
    assert Proxies("*").client(None, b"198.51.100.4") == "198.51.100.4"


def test_a_long_chain_is_not_followed_to_its_end() -> None:
    chain = b",".join([b"203.0.113.9", *[b"10.1.1.1"] * 1_000])
    assert Proxies(PROXIES).client("10.0.0.1", chain) == "10.1.1.1"


@given(header=st.binary(max_size=200) | st.text("0123456789abcdef.:%[], ").map(str.encode))
def test_what_is_logged_is_an_address_whatever_the_header(header: bytes) -> None:
    client = Proxies("*").client("10.0.0.1", header)
    assert client is not None
    assert str(ipaddress.ip_address(client)) == client
    assert "%" not in client


@pytest.mark.parametrize("allowed", ["proxy", "10.0.0.1/8", "*, 10.0.0.1", "10.0.0.1,"])
def test_a_list_that_is_none_is_refused(allowed: str) -> None:
    with pytest.raises(SettingsError, match=r"--forwarded-allow-ips .*addresses and networks"):
        _settings({"forwarded_allow_ips": allowed})


@pytest.mark.parametrize(
    ("flags", "client"),
    [
        pytest.param((), "127.0.0.1", id="by default nobody is"),
        pytest.param(("--forwarded-allow-ips", "127.0.0.1"), "203.0.113.9", id="a trusted one is"),
        pytest.param(("--forwarded-allow-ips", "10.0.0.0/8"), "127.0.0.1", id="another one is not"),
    ],
)
def test_a_proxy_is_believed_in_the_log_where_it_is_trusted(
    start: Callable[..., Server],
    model_repository: Path,
    phone: dict[str, float],
    flags: tuple[str, ...],
    client: str,
) -> None:
    server = start(model_repository, *flags).wait_until_ready()
    headers = {"X-Forwarded-For": "203.0.113.9", "X-Request-Id": "through-a-proxy"}
    for path in ("/predict", "/predict/batch"):
        body = phone if path == "/predict" else {"phones": [phone]}
        answer = httpx.post(f"{server.url}{path}", json=body, headers=headers, verify=NO_TLS)
        assert answer.status_code == 200
        [line] = server.log(request_id="through-a-proxy", path=path)
        assert line["client"] == client
