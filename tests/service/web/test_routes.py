"""What browsers ask for, and what goes with the answers."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from live_server import NO_TLS, Server

from pricerange.errors import SettingsError
from service.command import _settings


def test_the_documentation_needs_nobody_else(client: httpx.Client) -> None:
    docs = client.get("/docs").raise_for_status()
    assert "http" not in docs.text.replace("http-equiv", "")
    for name in re.findall(r'(?:src|href)="(docs/[^"]+)"', docs.text):
        file = client.get(f"/{name}", headers={"Accept-Encoding": "gzip"}).raise_for_status()
        assert file.headers["content-encoding"] == "gzip"
        assert file.headers["x-content-type-options"] == "nosniff"
    assert "script-src 'self'; style-src 'self';" in docs.headers["content-security-policy"]


def test_a_slash_too_many_leads_to_the_documentation(proxied: httpx.Client) -> None:
    moved = proxied.get("/ml/docs/", follow_redirects=True)
    assert moved.url.path == "/ml/docs"
    assert "swagger-ui" in moved.raise_for_status().text


def test_the_page_can_be_switched_off(client: httpx.Client, proxied: httpx.Client) -> None:
    assert client.get("/").headers["content-type"] == "text/html; charset=utf-8"
    assert proxied.get("/").status_code == 404
    assert proxied.get("/page/index.html").status_code == 404


@pytest.mark.parametrize("path", ["/docs/nothing", "/docs/..%2ffiles.py", "/docs/../settings.py", "/page/x"])
def test_no_other_file_is_given(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:pricerange:problem:not-found"


@pytest.mark.parametrize(
    "path", ["/livez", "/readyz", "/metrics", "/model", "/rollout", "/drift", "/nowhere"]
)
def test_what_tells_a_state_is_kept_by_nobody(client: httpx.Client, path: str) -> None:
    assert client.get(path).headers["cache-control"] == "no-store"
    assert client.head(path).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/model/card", "/model/report"])
def test_files_are_asked_for_again_by_their_tags(client: httpx.Client, path: str) -> None:
    first = client.get(path)
    assert first.headers["cache-control"] == "no-cache"
    again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_prefix_may_be_left_or_taken_off(
    proxied: httpx.Client, phone: dict[str, float], method: str
) -> None:
    path, body = ("/readyz", None) if method == "GET" else ("/predict", phone)
    for prefix in ("", "/ml"):
        assert proxied.request(method, prefix + path, json=body).status_code == 200
    for prefix in ("/mll", "/ml/ml", "/m"):
        assert proxied.request(method, prefix + path, json=body).status_code == 404


def test_where_only_the_prefix_is_asked_for_links_would_not_lead_to_it(
    start: Callable[..., Server], model_repository: Path
) -> None:
    server = start(model_repository, "--root-path", "/ml").wait_until_ready()
    moved = httpx.get(f"{server.url}/ml", verify=NO_TLS)
    assert (moved.status_code, moved.headers["location"]) == (307, "/ml/")
    assert httpx.get(f"{server.url}/ml/", verify=NO_TLS).status_code == 200


@pytest.mark.parametrize("path", ["ml", "/a b", "https://x", "/a//b", "/ä"])
def test_a_prefix_that_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(SettingsError, match="a path such as /ml"):
        _settings({"root_path": path})
