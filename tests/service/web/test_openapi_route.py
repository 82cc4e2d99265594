"""The document of the routes names the prefix under which they are."""

import httpx
import pytest


def servers(client: httpx.Client, **headers: str) -> list[dict[str, str]] | None:
    document = client.get(
        "/openapi.json", headers={name.replace("_", "-"): headers[name] for name in headers}
    )
    return document.raise_for_status().json().get("servers")


def test_without_a_prefix_no_server_is_named(client: httpx.Client) -> None:
    assert servers(client) is None
    assert servers(client, x_forwarded_prefix="/ml") is None  # of a proxy that nobody trusts


@pytest.mark.parametrize(
    ("told", "prefix"),
    [
        ("/other", "/other"),
        ("/other/", "/other"),
        ("/a/b-c.d~e_f", "/a/b-c.d~e_f"),
        ("//evil.example", "/ml"),
        ("https://evil.example", "/ml"),
        ("/a b", "/ml"),
        ("/é", "/ml"),
        ("", "/ml"),
        ("/a/../b", "/ml"),
        ("/..", "/ml"),
        ("/a/..b", "/a/..b"),
        ("/" + "a" * 200, "/ml"),
    ],
)
def test_a_trusted_proxy_says_under_which(proxied: httpx.Client, told: str, prefix: str) -> None:
    headers = [(b"x-forwarded-prefix", told.encode())]
    document = proxied.get("/openapi.json", headers=headers).raise_for_status()
    assert document.json()["servers"] == [{"url": prefix}]
    assert "X-Forwarded-Prefix" in document.headers.get_list("vary")[0]


def test_the_prefix_is_a_setting_too(proxied: httpx.Client) -> None:
    assert servers(proxied) == [{"url": "/ml"}]


def test_who_has_the_document_is_sent_none(client: httpx.Client) -> None:
    tag = client.get("/openapi.json").headers["etag"]
    assert client.get("/openapi.json", headers={"If-None-Match": tag}).status_code == 304
